"""`Evaluation`, the interface, and `EvaluationContext`, what it works on."""

from __future__ import annotations

import abc
import functools
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.attacks.eot import mean_over_draws
from dat_keras.classifiers.predictor import FrozenPredictor, Predictor
from dat_keras.core.threat_models import ThreatModel
from dat_keras.core.types import Predict
from dat_keras.evaluation.constraints import within_threat_model
from dat_keras.evaluation.keyed_attack import KeyedAttack
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.protocols import Protocol
from dat_keras.evaluation.results import AttackResult
from dat_keras.evaluation.resume_state import NoResumeState, ResumeState
from dat_keras.evaluation.samples import Samples, batches_of


def misclassified(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether the class of the largest logit is not the label, shape `(B,)`.

    Args:
        logits: Logits, shape `(B, K)`; of equal ones the first class counts.
        y: Class ids, shape `(B,)`.

    Example:
    >>> logits = np.array([[0.0, 1.0], [2.0, 2.0]])
    >>> misclassified(logits, np.array([0, 0])).tolist()
    [True, False]
    """
    return logits.argmax(-1) != y


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """The classifier, images and settings that all evaluations share.

    Args:
        predict: The classifier in inference mode.
        samples: The images.
        threat_model: The set that attacks must stay in.
        protocol: What counts as broken.
        batch_size: Largest number of images in a batch.
        seed: Seed of all draws.
        progress: Called after each batch.
        resume_state: Where a staged attack saves and loads its state.
        draws: Passes over which logits are averaged, for a classifier that
            draws random numbers.
        search_dtype: Dtype of the convolutions in attacks; `None` is the
            model's own, in which every image is judged in any case.
        keep_images: Whether results hold their images.
        eot: Passes over which attacks average logits and gradients.
    """

    predict: Predictor
    samples: Samples
    threat_model: ThreatModel
    protocol: Protocol
    batch_size: int
    seed: int = 0
    progress: Progress = field(default=lambda name, done, total: None)
    resume_state: ResumeState = field(default_factory=NoResumeState)
    draws: int = 1
    search_dtype: str | None = None
    keep_images: bool = False
    eot: int = 1

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Returns the logits of a batch of any size, shape `(B, K)`.

        Raises:
            ValueError: If a logit is not finite.
        """
        passes = [run_in_parallel(self.forward, x) for _ in range(self.draws)]
        logits = np.mean(passes, axis=0) if self.draws > 1 else passes[0]
        if not np.isfinite(logits).all():
            raise ValueError("The classifier's logits hold NaN or infinity.")
        return logits

    @functools.cached_property
    def frozen_predictor(self) -> FrozenPredictor:
        """The classifier that attacks query, its weights read once."""
        return self.predict.frozen(self.search_dtype)

    def expected(self, predict: Predict) -> Predict:
        """Returns what attacks query: the mean over `eot` passes.

        Args:
            predict: The classifier.
        """
        return mean_over_draws(predict, self.eot)

    @functools.cached_property
    def wrong(self) -> np.ndarray:
        """Whether each image is misclassified before any attack, `(N,)`."""
        wrong = np.zeros(len(self.samples), bool)
        for rows in batches_of(np.arange(len(wrong)), self.batch_size):
            x, y = self.samples.rows(rows)
            wrong[rows] = misclassified(self.logits(x), y)
            self.progress("natural", int(rows[-1]) + 1, len(wrong))
        return wrong

    def traced(
        self, name: str, attack: Attack
    ) -> tf.types.experimental.PolymorphicFunction:
        """Returns an attack as a traced function of any number of images.

        Args:
            name: Name of the attack, which its random draws depend on.
            attack: The attack.

        Returns:
            A function of images, labels and positions (see `signature`).
        """
        search = tf.function(
            KeyedAttack(
                self.expected(self.frozen_predictor),
                attack,
                self.seed,
                name,
                self.samples.first,
            ),
            input_signature=self.signature,
            autograph=False,
        )
        search.get_concrete_function()
        return search

    def search(
        self, name: str, attack: Attack, rows: np.ndarray
    ) -> AttackResult:
        """Attacks some of the images; only these can be broken in the result.

        Every returned image is classified by a separate forward pass, and its
        distance is checked on the host in float64.

        Args:
            name: Name of the attack. Each random draw is a function of the
                seed, this name and the image's position, whatever the batches.
            attack: The attack; traced once.
            rows: Positions of the images to attack.

        Raises:
            ValueError: If the attack returns NaN or infinity.
        """
        search = self.traced(name, attack)
        found = np.zeros(len(self.samples), bool)
        invalid: list[int] = []
        max_distance = done = 0
        everything = np.arange(len(found))
        kept = self.samples.rows(everything)[0] if self.keep_images else None
        for batch in batches_of(rows, self.batch_size):
            x, y = self.samples.rows(batch)
            x_adv = run_in_parallel(search, x, y, batch)
            broken, valid, distance = self.judge(name, batch, x_adv)
            found[batch] = broken
            if kept is not None:
                kept[batch] = x_adv
            invalid += batch[~valid].tolist()
            max_distance = max(max_distance, distance[valid].max(initial=0.0))
            done += len(batch)
            self.progress(name, done, len(rows))
        return AttackResult(
            name,
            repr(attack),
            tuple(found.tolist()),
            float(max_distance),
            invalid=tuple(invalid),
            x_adv=kept,
        )

    def judge(
        self, name: str, rows: np.ndarray, x_adv: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Classifies a batch of adversarial images and checks their distance.

        Args:
            name: Name of the attack, for error messages.
            rows: Positions of their clean images, shape `(B,)`.
            x_adv: The images.

        Returns:
            Whether each is valid and misclassified, whether it is valid, and
            its distance, in float64.

        Raises:
            ValueError: If an image is not finite.
        """
        x, y = self.samples.rows(rows)
        distance, valid = within_threat_model(x_adv, x, self.threat_model)
        odd = rows[~np.isfinite(distance)] + self.samples.first
        refuse_nonfinite(name, odd)
        broken = misclassified(self.logits(x_adv), y) & valid
        return broken, valid, distance

    @property
    def classes(self) -> int:
        """Number of the classifier's classes."""
        return self.forward.get_concrete_function().output_shapes[-1]

    @functools.cached_property
    def forward(self) -> tf.types.experimental.PolymorphicFunction:
        """The classifier as a traced function of any number of images."""
        forward = tf.function(
            self.predict, input_signature=self.signature[:1], autograph=False
        )
        # In this thread: Keras keeps settings of each thread apart.
        forward.get_concrete_function()
        return forward

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """Tensor specs of a batch of any size: images, labels, positions."""
        return [
            tf.TensorSpec((None, *self.samples.images.shape[1:]), tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.int64),
        ]


class Evaluation(abc.ABC):
    """A measurement that gives one result of a report."""

    keeps_images: ClassVar[bool] = False
    keeps_state: ClassVar[bool] = False
    gives_distances: ClassVar[bool] = False

    def check(  # noqa: B027
        self, classes: int, shape: tuple[int, int, int]
    ) -> None:
        """Refuses a classifier or images that it does not work on.

        Args:
            classes: Number of classes.
            shape: `(H, W, C)` of the images.

        Raises:
            ValueError: If it does not work on them.
        """

    @abc.abstractmethod
    def __call__(self, name: str, context: EvaluationContext) -> AttackResult:
        """Returns what was broken; `evaluate` fills in the seconds.

        Args:
            name: The evaluation's name in the report.
            context: The classifier, images and settings.
        """


def refuse_nonfinite(name: str, rows: np.ndarray) -> None:
    """Refuses adversarial images that are not finite.

    Args:
        name: Name of the attack.
        rows: Positions of such images.

    Raises:
        ValueError: If there are any.
    """
    if len(rows):
        raise ValueError(
            f"{name} met NaN or infinity at image {rows[0]}: the classifier's "
            "gradients are not finite, so its robustness cannot be measured."
        )
