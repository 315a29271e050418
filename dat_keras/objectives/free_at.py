"""Free-AT: adversarial training for free (Shafahi et al., NeurIPS 2019).

Each batch is trained on m times, with one perturbation that is kept:
    x'     = clip(x + delta, 0, 1)
    theta <- theta - rate grad_theta CE(f(x'), y)
    delta <- clip(delta + step_size sign(grad_delta CE(f(x'), y)), -eps, eps)
Both gradients come out of one backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, cast

import keras
import tensorflow as tf

from dat_keras.attacks import PGD, Attack, CleanStart
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.losses import as_distribution, cross_entropy
from dat_keras.objectives.base import Objective
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.natural import Natural
from dat_keras.objectives.step import (
    Adversary,
    Ascent,
    Step,
    Terms,
    View,
    Views,
)
from dat_keras.utils.ranges import Count, Range, Share


@dataclass(frozen=True)
class ReplayedView(View):
    """A view of the batch that is replayed, with its labels.

    Args:
        y: Labels as distributions, shape `(B, K)`.
    """

    y: tf.Tensor = field(kw_only=True)


@dataclass(frozen=True)
class FreeAT(Objective):
    """Adversarial training at the price of natural training.

    One step is one replay. Every `replays` steps it takes the batch that it is
    given; in between it trains on the one that it has kept, as augmented, and
    the batches that are loaded are not read. So as many steps as natural
    training takes see a share `1 / replays` of the images that it sees. The
    perturbation stays when the batch changes. Pixel gradients read batch
    statistics, as the pass that they share does. On one replica only.

    Args:
        threat_model: Where the perturbation stays. Default: eps 8/255.
        step_size: Length of its step. Default: the radius, the paper's.
        replays: `m`. Default 8, the paper's choice for CIFAR-10.
        label_smoothing: Share of the target spread over all classes.
        batch_size: Images a step, all steps. A recipe's run fills it in.

    Raises:
        ValueError: If the threat model is another than `Linf`.

    Example:
    >>> FreeAT(replays=4).replays
    4

    Reference:
        [Shafahi et al., 2019](https://arxiv.org/abs/1904.12843)
    """

    threat_model: Linf = Linf(8 / 255)
    step_size: Annotated[float, Range(0.0)] = 8 / 255
    replays: Count = 8
    label_smoothing: Share = 0.0
    batch_size: Count | None = None
    terms: ClassVar[tuple[str, ...]] = ("robust",)

    def __post_init__(self) -> None:
        """Refuses threat models in which a perturbation is not so clipped."""
        super().__post_init__()
        if not isinstance(self.threat_model, Linf):
            raise ValueError(
                "`threat_model` of `FreeAT` must be `Linf`. "
                f"Received: {self.threat_model}"
            )

    @property
    def single_step(self) -> Attack | None:
        """One step of the perturbation, from the image itself."""
        return PGD(
            self.threat_model,
            steps=1,
            step_size=self.step_size,
            start=CleanStart(),
        )

    def prepared(
        self, batch_size: int, load: Callable[[str], keras.Model]
    ) -> Objective:
        """Returns the method for batches of a run.

        Raises:
            ValueError: If it was made for batches of another size.
        """
        if self.batch_size not in (None, batch_size):
            raise ValueError(
                f"`batch_size` of the method must be that of the run, "
                f"{batch_size}: leave it out. Received: {self.batch_size}"
            )
        return replace(self, batch_size=batch_size)

    def without_attack(self) -> Objective:
        """Returns natural training, which replays nothing."""
        return Natural()

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the batch that is kept, and its perturbation.

        Raises:
            ValueError: If the size of a batch is not known.
        """
        if self.batch_size is None:
            raise ValueError(
                "`FreeAT` keeps a perturbation for each image of a batch: say "
                "how many there are, `FreeAT(batch_size=128)`. "
                "Received: batch_size=None"
            )
        return Replay(self, self.batch_size, spec)

    def craft(self, step: Step) -> Views:
        """Returns the batch that is trained on, with its perturbation."""
        replay = cast(Replay, step.adversary)
        x, y = replay.batch(step)
        x_adv = tf.stop_gradient(replay.perturbed(x))
        return (ReplayedView(x, x_adv, y=y),)

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the view as a function of the perturbation."""
        (view,) = cast(tuple[ReplayedView], views)
        x_adv = cast(Replay, step.adversary).perturbed(view.x)
        return (replace(view, x_adv=x_adv),)

    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the cross-entropy of the adversarial images."""
        (view,) = cast(tuple[ReplayedView], views)
        logits_adv = predict(view.x_adv, view.branch)
        robust = cross_entropy(logits_adv, view.y, self.label_smoothing)
        return {"robust": batch_mean(robust)}


class Replay(Adversary):
    """The batch that is replayed, and the perturbation that climbs its loss.

    Args:
        method: Its threat model, step and number of replays.
        batch_size: Images a step.
        spec: Shapes of the classifier.
    """

    def __init__(
        self, method: FreeAT, batch_size: int, spec: ClassifierSpec
    ) -> None:
        super().__init__(name="replay")
        self.method = method
        self.batch_size = batch_size
        images = (batch_size, *spec.image_shape)
        self.delta = self._zeros("delta", images)
        self.x = self._zeros("x", images)
        self.y = self._zeros("y", (batch_size, spec.num_classes))
        self.done = self._zeros("done", (), "int64")
        self.built = True

    def _zeros(
        self, name: str, shape: tuple[int, ...], dtype: str = "float32"
    ) -> keras.Variable:
        return self.add_weight(
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            name=name,
        )

    @property
    def joint_weights(self) -> list[keras.Variable]:
        """The perturbation: the classifier's backward pass reaches it."""
        return [self.delta]

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the views that depend on the perturbation."""
        return attach()

    def batch(self, step: Step) -> tuple[Images, tf.Tensor]:
        """Returns images and labels of the step: new ones, or those kept.

        Raises:
            ValueError: If there are several replicas.
            tf.errors.InvalidArgumentError: If the batch has another size.
        """
        if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
            raise ValueError(
                "`FreeAT` keeps one batch: train it on one replica."
            )
        y = as_distribution(step.y, self.y.shape[-1])
        fits = tf.debugging.assert_equal(
            tf.shape(step.x)[0],
            self.batch_size,
            f"`FreeAT` needs full batches of `batch_size={self.batch_size}` "
            "images. Received a batch of:",
        )
        is_new = self.done.value % self.method.replays == 0
        with tf.control_dependencies([] if fits is None else [fits]):
            x = tf.where(is_new, step.x, self.x.value)
        return x, tf.where(is_new, y, self.y.value)

    def perturbed(self, x: Images) -> Images:
        """Returns the images with the perturbation, in the box."""
        return tf.clip_by_value(x + self.delta.value, 0.0, 1.0)

    def ascend(self, ascent: Ascent) -> None:
        """Moves the perturbation up, and keeps the batch."""
        (view,) = cast(tuple[ReplayedView], ascent.views)
        (gradient,) = ascent.gradients
        eps, step_size = self.method.threat_model.eps, self.method.step_size
        delta = self.delta.value + step_size * tf.sign(gradient)
        self.delta.assign(tf.clip_by_value(delta, -eps, eps))
        self.x.assign(view.x)
        self.y.assign(view.y)
        self.done.assign_add(1)
