"""The interface of training methods: an inner maximisation, an outer loss."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import keras
import tensorflow as tf

from dat_keras.attacks import PGD, Attack
from dat_keras.augment.base import Augment, augmented
from dat_keras.classifiers.predictor import logits_of_many
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Logits, Network
from dat_keras.objectives.example_weights import batch_mean
from dat_keras.objectives.step import (
    Adversary,
    NoAdversary,
    Step,
    Terms,
    View,
    Views,
)
from dat_keras.utils.ranges import RangeChecked
from dat_keras.utils.settings import tree


@dataclass(frozen=True)
class Objective(RangeChecked, abc.ABC):
    """A training method as a value: settings, and two pure functions.

    `craft` makes the training views (inner maximisation), `loss` scores them
    (outer minimisation). A method with a learned adversary also builds
    it, and says in `attach` how the views depend on it.
    """

    terms: ClassVar[tuple[str, ...]]
    """Names of the loss terms, in the order of the logs."""

    selects_by: ClassVar[tuple[str, ...]] = ("robust_accuracy", "accuracy")
    """Validation metrics that pick the best checkpoint, the first one first."""

    weights_examples: ClassVar[bool] = False
    """Whether every term is a `batch_mean` of one value per example, so that
    `sample_weight` has its exact meaning. Default: no, and it is refused."""

    def __str__(self) -> str:
        """Returns the method and all its settings, a line each."""
        return tree(self)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what is logged beside the loss and is no part of it."""
        return ()

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns the scalars of `measures`, of what `craft` returned."""
        return {}

    @property
    def branches(self) -> int:
        """Number of BatchNorm branches that the method trains."""
        return 1

    @property
    def needs_run_length(self) -> bool:
        """Whether a step reads `Step.progress`, the share of the run done."""
        return False

    @property
    def single_step(self) -> Attack | None:
        """The inner attack where it is one step, which may be overfitted to.

        `None` for stronger attacks, and for none.
        """
        attack: Attack | None = getattr(self, "attack", None)
        return attack if attack and attack.is_single_step else None

    @abc.abstractmethod
    def craft(self, step: Step) -> Views:
        """Returns the views of this step, detached from every gradient."""

    @abc.abstractmethod
    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns weighted scalar terms; their sum is the loss.

        Args:
            predict: The classifier in training mode.
            views: What `craft` returned, or `attach`.
            y: Labels, shape `(B,)`, or distributions, `(B, K)`.
        """

    def prepared(
        self, batch_size: int, load: Callable[[str], keras.Model]
    ) -> Objective:
        """Returns the method for a run, by default itself.

        Args:
            batch_size: Images a step.
            load: Returns the classifier of a name, such as a teacher's.
        """
        return self

    def with_attack(self, attack: Attack) -> Objective:
        """Returns the method with another attack, perhaps in another norm.

        Args:
            attack: In place of the field `attack`.
        """
        return replace(self, attack=attack)  # type: ignore[call-arg]

    def without_attack(self) -> Objective:
        """Returns the method with an attack of no steps.

        What it crafts has the clean images of the method's views, at next to
        no cost; the adversarial ones are where the attack would start. A
        method without a field `attack` stays as it is.

        Example:
        >>> from dat_keras.objectives import TRADES
        >>> int(TRADES().without_attack().attack.steps)
        0
        """
        attack = getattr(self, "attack", None)
        if attack is None:
            return self
        # An attack of another kind gives way to one that can be left out.
        known = attack if isinstance(attack, PGD) else PGD(attack.threat_model)
        # As a plain number, zero steps are refused: nobody trains on them.
        unmoved = replace(known, steps=tf.constant(0))
        return replace(self, attack=unmoved)  # type: ignore[call-arg]

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the learned adversary, by default none.

        Args:
            spec: Shapes and branches of the classifier.
        """
        return NoAdversary(name="no_adversary")

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as differentiable functions of the adversary."""
        return views

    def perturbation_loss(
        self, predict: Network, views: Views, y: Labels
    ) -> Terms:
        """Returns the terms that AWP's weights climb, by default the loss."""
        return self.loss(predict, views, y)

    def ascent_loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms that the adversary raises."""
        return self.loss(predict, views, y)

    @property
    def ascent_updates_statistics(self) -> bool:
        """Whether the adversary's passes move BatchNorm statistics."""
        return False


def attacked_view(
    attack: Attack, step: Step, x: Images, branch: int = 0
) -> View:
    """Returns the view of `x` and its adversarial image on a branch."""
    predict = partial(step.predict, branch=branch)
    key = step.key.fold_in("attack").fold_in(branch)
    return View(x, attack(predict, x, step.y, key), branch)


def logits_of(
    predict: Network, views: Views, adversarial: Views | None = None
) -> tuple[list[Logits], list[Logits]]:
    """Logits of the clean images of all views, then of the attacked ones.

    Args:
        predict: The classifier.
        views: The views whose `x` is wanted.
        adversarial: Those whose `x_adv` is. Default: the same.
    """
    adversarial = views if adversarial is None else adversarial
    logits = logits_of_many(
        predict,
        [v.x for v in views] + [v.x_adv for v in adversarial],
        [v.branch for v in (*views, *adversarial)],
    )
    return logits[: len(views)], logits[len(views) :]


def raw_images(step: Step) -> Images:
    """The un-augmented images of a step, for methods that augment themselves.

    Raises:
        ValueError: If the labels were mixed, as then no raw image has them.
    """
    if step.labels_mixed:
        raise ValueError(
            "This method makes views of the un-augmented images, so its base "
            "augmentation must not mix labels. Received: labels of shape "
            f"{step.y.shape}"
        )
    return step.x_raw


def own_augmentation(
    augment: Augment, x: Images, step: Step, key: Key
) -> Images:
    """Images of an augmentation that a method applies itself.

    Args:
        augment: The method's augmentation.
        x: What it changes.
        step: Context of the step; its labels stay those of the images.
        key: Source of the random draws.

    Raises:
        ValueError: If the augmentation mixed labels.
    """
    x, _, mixed = augmented(augment, x, step.y, key)
    if mixed:
        raise ValueError(
            "`augment` of a method that makes views of its own must not mix "
            "labels: all its views are trained on those of the batch. "
            f"Received: augment={augment!r}"
        )
    return x


def hard_labels(y: Labels) -> Labels:
    """Class ids, shape `(B,)`: of a mixed label, the largest share.

    Example:
    >>> hard_labels(tf.constant([[0.3, 0.7]])).numpy()
    array([1], dtype=int32)
    """
    if y.shape.rank == 1:
        return y
    return tf.argmax(y, axis=-1, output_type=tf.int32)


def ramped(attack: PGD, progress: tf.Tensor, over: float) -> PGD:
    """An attack whose radius and step size grow from zero.

    Args:
        attack: The attack at the end of the ramp.
        progress: Share of the training done.
        over: Share of the training that the ramp takes; 0 for no ramp.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> half = ramped(PGD(Linf(0.5)), tf.constant(0.2), over=0.4)
    >>> float(half.threat_model.eps)
    0.25
    """
    share = tf.where(progress < over, progress / max(over, 1e-9), 1.0)
    eps = share * attack.threat_model.eps
    return replace(
        attack,
        threat_model=replace(attack.threat_model, eps=eps),
        step_size=share * attack.step_size,
    )


def mean_over_views(values: list[tf.Tensor]) -> tf.Tensor:
    """Returns the mean over a list of per-example values and the batch."""
    return batch_mean(tf.add_n(values)) / len(values)
