"""IBP: training on interval bounds of the logits (Gowal et al., ICCV 2019).

min_theta  kappa * CE(z(x), y) + (1 - kappa) * CE(z_worst, y)
z_worst_j = max_{|x' - x| <= eps} (z_j - z_y), bounded by intervals; 0 for y

From `warmup` on, over `ramp` of the run: kappa from 1 to its end, eps from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

import keras
import tensorflow as tf

from dat_keras.certification.computation import computation_of
from dat_keras.certification.ibp import box_of, ibp_margins
from dat_keras.classifiers.inspection import branch_models
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Labels, Logits, Network
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import Objective, hard_labels
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.step import Step, Terms, View, Views
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class BoxView(View):
    """A view with the box around its images.

    Args:
        eps: Radius of the box now, a scalar.
        kappa: Weight of the clean images now, a scalar.
    """

    eps: tf.Tensor = field(kw_only=True)
    kappa: tf.Tensor = field(kw_only=True)


@dataclass(frozen=True)
class IBP(Objective):
    """Cross-entropy of clean logits and of their worst interval bounds.

    For certified accuracy: see `dk.certify`. No attack is run; the intervals
    cost two more passes. They read moving BatchNorm statistics, as the
    certificate does. Functional classifiers of layers with bounds only, and
    of few layers: intervals grow with each.

    Args:
        threat_model: The ball at the end of the ramp. Default: eps 8/255.
        kappa: Weight of the clean images at the end. Default: the paper's.
        warmup: Share of the run on clean images alone. Default: the paper's,
            5 000 of 100 000 steps on CIFAR-10.
        ramp: Share of the run in which eps and kappa go to their ends.
            Default: the paper's, 50 000 of 100 000. At most what the warm-up
            leaves of the run.

    Example:
    >>> eps, kappa = IBP().schedule(tf.constant(0.3))
    >>> round(float(eps * 255), 3), float(kappa)
    (4.0, 0.75)

    Reference:
        [Gowal et al., 2019](https://arxiv.org/abs/1810.12715)
    """

    threat_model: Linf = Linf(8 / 255)
    kappa: Share = 0.5
    warmup: Share = 0.05
    ramp: Share = 0.5
    terms: ClassVar[tuple[str, ...]] = ("natural", "verified")
    weights_examples: ClassVar[bool] = True

    @property
    def needs_run_length(self) -> bool:
        """Whether eps and kappa move during the run."""
        return self.warmup + self.ramp > 0.0

    def schedule(self, progress: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns eps and kappa at a moment of the run.

        Args:
            progress: Share of the run done, a scalar.
        """
        share = self._share(progress)
        kappa = 1.0 - share * (1.0 - self.kappa)
        return share * self.threat_model.eps, kappa

    def _share(self, progress: tf.Tensor) -> tf.Tensor:
        if not self.needs_run_length:
            # The length of the run, and so the progress, may be unknown.
            return tf.constant(1.0)
        length = min(self.ramp, 1.0 - self.warmup)
        risen = (progress - self.warmup) / max(length, 1e-9)
        ended = progress >= self.warmup + length
        return tf.where(ended, 1.0, tf.clip_by_value(risen, 0.0, 1.0))

    def craft(self, step: Step) -> Views:
        """Returns the augmented images with the box of this moment.

        Raises:
            ValueError: If the labels were mixed, as a margin has one class.
        """
        if step.labels_mixed:
            raise ValueError(
                "IBP bounds margins of one class, so its augmentation must "
                f"not mix labels. Received: labels of shape {step.y.shape}"
            )
        eps, kappa = self.schedule(step.progress)
        return (BoxView(step.x, step.x, eps=eps, kappa=kappa),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the weighted losses of clean logits and of their bounds."""
        (view,) = cast(tuple[BoxView], views)
        y = hard_labels(y)
        natural = batch_mean(cross_entropy(predict(view.x, view.branch), y))
        worst = worst_logits(_classifier_of(predict), view, y)
        verified = batch_mean(cross_entropy(worst, y))
        return {
            "natural": view.kappa * natural,
            "verified": (1.0 - view.kappa) * verified,
        }


def worst_logits(classifier: keras.Model, view: BoxView, y: Labels) -> Logits:
    """Upper bounds of `z_j - z_y` over the box, shape `(B, K)`; 0 for y.

    Args:
        classifier: The classifier; its moving statistics are read.
        view: The images and the box.
        y: Class ids, shape `(B,)`.
    """
    model = branch_models(classifier)[view.branch]
    computation = computation_of(model, tf.float32)
    return -ibp_margins(computation, box_of(view.x, view.eps, tf.float32), y)


def _classifier_of(predict: Network) -> keras.Model:
    """The model behind a predictor, frozen or not."""
    source = getattr(predict, "source", predict)
    classifier: keras.Model | None = getattr(source, "classifier", None)
    if classifier is None:
        raise TypeError(
            "`predict` must be a `Predictor`: the loss bounds layers, and a "
            f"function returns logits alone. Received: predict={predict!r}"
        )
    return classifier
