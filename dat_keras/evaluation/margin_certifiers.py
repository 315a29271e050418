"""Certificates from lower bounds of margins: IBP and CROWN-IBP.

Bounds are computed in float64; an image counts as certified where every margin
exceeds what float32 passes of the classifier may lose by rounding.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from dat_keras.certification.computation import computation_of
from dat_keras.certification.crown_ibp import crown_ibp_margins
from dat_keras.certification.ibp import Interval, box_of, ibp_margins
from dat_keras.certification.operations import Computation
from dat_keras.classifiers.inspection import branch_models
from dat_keras.core.keras_private import flat_layers
from dat_keras.core.types import Images, Labels
from dat_keras.evaluation.certificate import Certificate
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.samples import batches_of

ROUNDING = 1e-5
"""Logits by which float32 passes may differ from exact ones."""

MOST_ROWS = 512
"""Images times classes of a batch, each with coefficients as large as the
largest activation."""


class MarginCertifier(Certifier, abc.ABC):
    """A certifier that bounds the margins of the classifier itself."""

    norm: ClassVar[str] = "linf"

    @classmethod
    def of(cls, **settings: Any) -> Certifier:
        """Returns the method, which has no settings."""
        return cls(**settings)

    @abc.abstractmethod
    def margins(
        self, computation: Computation, box: Interval, y: Labels
    ) -> tf.Tensor:
        """Returns lower bounds of `z_y - z_j` over a box, shape `(B, K)`."""

    def check(self, model: keras.Model) -> None:
        """Refuses layers without bounds, and those of little precision."""
        base = branch_models(model)[0]
        for layer in flat_layers(base):
            if layer.compute_dtype not in ("float32", "float64"):
                raise ValueError(
                    f"The layer {layer.name!r} computes in "
                    f"{layer.compute_dtype}, whose rounding the bounds do not "
                    "cover: certify a float32 model."
                )
        computation_of(base, tf.float64)

    def __call__(self, context: EvaluationContext) -> Certificate:
        """Returns the certificate of the samples."""
        bound = _LeastMargin(self, context)
        function = tf.function(
            bound, input_signature=context.signature[:2], autograph=False
        )
        function.get_concrete_function()
        count = len(context.samples)
        found = np.zeros(count)
        size = min(context.batch_size, max(1, MOST_ROWS // context.classes))
        for rows in batches_of(np.arange(count), size):
            found[rows] = run_in_parallel(function, *context.samples.rows(rows))
            context.progress(self.method, int(rows[-1]) + 1, count)
        certified = (found > ROUNDING) & ~context.wrong
        return Certificate(
            self.method,
            repr(self),
            tuple(certified.tolist()),
            tuple(found.tolist()),
            "margin",
        )


@dataclass(frozen=True, eq=False)
class _LeastMargin:
    """The smallest margin of each image of a batch, as a function."""

    certifier: MarginCertifier
    context: EvaluationContext

    def __call__(self, x: Images, y: Labels) -> tf.Tensor:
        base = branch_models(self.context.predict.classifier)[0]
        computation = computation_of(base, tf.float64)
        box = box_of(x, self.context.threat_model.eps, tf.float64)
        margins = self.certifier.margins(computation, box, y)
        own = tf.one_hot(y, computation.classes, True, False, dtype=tf.bool)
        beyond = tf.constant(np.inf, margins.dtype)
        return tf.reduce_min(tf.where(own, beyond, margins), axis=-1)


@dataclass(frozen=True)
class IBP(MarginCertifier):
    """Interval bound propagation: two forward passes, loose bounds."""

    method: ClassVar[str] = "ibp"

    def margins(
        self, computation: Computation, box: Interval, y: Labels
    ) -> tf.Tensor:
        """Returns the bounds of intervals."""
        return ibp_margins(computation, box, y)


@dataclass(frozen=True)
class CrownIBP(MarginCertifier):
    """CROWN-IBP: a backward pass a class more, bounds never looser."""

    method: ClassVar[str] = "crown-ibp"

    def margins(
        self, computation: Computation, box: Interval, y: Labels
    ) -> tf.Tensor:
        """Returns the better bounds of intervals and of the backward pass."""
        return crown_ibp_margins(computation, box, y)
