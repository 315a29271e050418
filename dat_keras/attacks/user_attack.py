"""Attacks of the user's own, named as `package.module:attack`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from dat_keras.attacks.apgd import APGD
from dat_keras.attacks.base import Attack
from dat_keras.attacks.losses import AttackLoss
from dat_keras.core.random import Key
from dat_keras.core.threat_models import ThreatModel
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.utils.kinds import described

FORMS = (
    "a function `(predict, x, y, threat_model, key)` that returns images, a "
    "function or class that takes the threat model and makes an `Attack`, or "
    "an `AttackLoss`"
)
"""What a reference may name."""


@dataclass(frozen=True)
class FunctionAttack(Attack):
    """A function as an attack; what it returns is checked.

    Args:
        threat_model: Passed to the function.
        reference: What the function is called in reports and errors.
        function: Called as `function(predict, x, y, threat_model, key)`.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> from dat_keras.core.threat_models import Linf
    >>> attack = FunctionAttack(
    ...     Linf(0.5), "brighter", lambda f, x, y, ball, key: x + ball.eps
    ... )
    >>> x = tf.zeros((1, 1, 1, 1))
    >>> float(attack(None, x, None, BatchKey.of(0, 0))[0, 0, 0, 0])
    0.5
    """

    reference: str
    function: Callable[..., Images] = field(repr=False)

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns the function's images."""
        x_adv = self.function(predict, x, y, self.threat_model, key)
        seen = getattr(x_adv, "shape", None), getattr(x_adv, "dtype", None)
        if not (
            tf.is_tensor(x_adv)
            and x_adv.dtype == tf.float32
            and x_adv.shape.is_compatible_with(x.shape)
        ):
            raise ValueError(
                f"The attack {self.reference} must return a float32 tensor of "
                f"the images' shape {x.shape}. Received: "
                f"{type(x_adv).__name__} of shape {seen[0]}, dtype {seen[1]}"
            )
        return tf.stop_gradient(tf.ensure_shape(x_adv, x.shape))


def user_attack(reference: str, threat_model: ThreatModel) -> Attack:
    """Imports an attack, or a loss that APGD then maximises.

    Args:
        reference: `package.module:name`; the name may have dots.
        threat_model: The set that it searches.

    Raises:
        ValueError: If nothing can be imported, or it is none of `FORMS`.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> user_attack("dat_keras.attacks:fgsm", Linf(0.5)).steps
    1
    >>> user_attack("dat_keras.attacks:CarliniWagner", Linf(0.5)).loss
    CarliniWagner(kappa=10.0)
    >>> user_attack("dat_keras.attacks:nothing", Linf(0.5))
    Traceback (most recent call last):
    ...
    ValueError: The attack 'dat_keras.attacks:nothing' cannot be imported:
    AttributeError: module 'dat_keras.attacks' has no attribute 'nothing'
    """
    named = _imported(reference)
    if inspect.isclass(named) and issubclass(named, AttackLoss):
        named = _called(reference, named)
    if isinstance(named, AttackLoss):
        return APGD(threat_model, named)
    if callable(named) and not isinstance(named, Attack):
        if not inspect.isclass(named) and _takes(named, 5):
            return FunctionAttack(threat_model, reference, named)
        if _takes(named, 1):
            named = _called(reference, named, threat_model)
    if not isinstance(named, Attack):
        raise ValueError(
            f"The attack {reference!r} must be {FORMS}. "
            f"Received: {described(named)}"
        )
    if named.threat_model != threat_model:
        raise ValueError(
            f"The attack {reference!r} must search {threat_model}. "
            f"Received: one that searches {named.threat_model}"
        )
    return named


def _imported(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    # A module of the user's may raise anything.
    except Exception as error:
        raise ValueError(
            f"The attack {reference!r} cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    return found


def _called(reference: str, make: Callable[..., Any], *args: Any) -> Any:
    try:
        return make(*args)
    except Exception as error:
        raise ValueError(
            f"The attack {reference!r} cannot be made: "
            f"{type(error).__name__}: {error}"
        ) from error


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True
