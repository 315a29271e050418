"""`CERTIFIERS`, the table of certification methods, and the choice of one."""

from __future__ import annotations

import dataclasses
import time

import keras

from dat_keras.core.threat_models import ThreatModel
from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.margin_certifiers import IBP, CrownIBP
from dat_keras.evaluation.smoothing_certifier import SmoothingCertifier
from dat_keras.utils.registry import lookup

CERTIFIERS: dict[str, type[Certifier]] = {
    "ibp": IBP,
    "crown-ibp": CrownIBP,
    "smoothing": SmoothingCertifier,
}
"""Certification methods by name."""


def certifier_of(
    method: str, *, sigma: float | None = None, draws: int | None = None
) -> Certifier:
    """Returns a certification method with its settings.

    Args:
        method: Key of `CERTIFIERS`.
        sigma: Standard deviation of the noise, for `"smoothing"`.
        draws: Draws for a radius, for `"smoothing"`. Default: 100 000.

    Raises:
        ValueError: If the name is unknown, or a setting is missing, out of
            range, or has no effect on the method.

    Example:
    >>> certifier_of("smoothing", sigma=0.5).smoothing.alpha
    0.001
    >>> certifier_of("ibp", sigma=0.5)
    Traceback (most recent call last):
    ...
    ValueError: `sigma` is a setting of smoothing. Received: method='ibp',
    sigma=0.5
    """
    made = lookup(CERTIFIERS, method, "certification method")
    given = {"sigma": sigma, "draws": draws}
    settings = {name: each for name, each in given.items() if each is not None}
    if settings and not dataclasses.fields(made):  # type: ignore[arg-type]
        name, value = next(iter(settings.items()))
        raise ValueError(
            f"`{name}` is a setting of smoothing. "
            f"Received: method={method!r}, {name}={value}"
        )
    return made.of(**settings)


def checked_certifier(
    certify: Certifier | str | None,
    model: keras.Model,
    threat_model: ThreatModel,
    shard: tuple[int, int] | None,
) -> Certifier | None:
    """Returns the method that `evaluate` is asked for, before any attack.

    Args:
        certify: A method, a key of `CERTIFIERS`, or `None`.
        model: The classifier.
        threat_model: The set of the evaluation.
        shard: The part of the images, if there are several.

    Raises:
        ValueError: If it does not fit the rest.
    """
    if certify is None:
        return None
    if shard is not None:
        raise ValueError(
            "`certify` takes all images, which a shard has not. "
            f"Received: shard={shard}"
        )
    made = certify if isinstance(certify, Certifier) else certifier_of(certify)
    made.check_norm(threat_model)
    made.check(model)
    return made


def timed_certificate(
    certifier: Certifier, context: EvaluationContext
) -> Certificate:
    """Returns the certificate of the samples, with its seconds."""
    began = time.monotonic()
    found = certifier(context)
    return dataclasses.replace(found, seconds=time.monotonic() - began)
