"""What an evaluation by name does, and the tools it is given for it."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import FrozenPredictor, Predictor
from dat_keras.core.random import RowKey
from dat_keras.core.threat_models import ThreatModel
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.evaluation.constraints import verify
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.protocols import Protocol
from dat_keras.evaluation.results import Caution, Row
from dat_keras.evaluation.resume_state import NoResumeState, ResumeState
from dat_keras.evaluation.samples import Samples, cut

Progress = Callable[[str, int, int], None]
"""Told the name of an evaluation and how many of how many images are done."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What an evaluation found.

    Args:
        broken: Whether each sample was broken, shape `(N,)`.
        settings: The evaluation's settings, complete.
        invalid: Samples whose returned image left the ball or the box; they
            count as robust.
        max_distance: Largest distance of a valid image, in units of `eps`'s.
        parts: One after the other, what is broken once each part is done.
        cautions: What a reader of the result must know.
        x_adv: An image for each sample, the clean one where it stands; `None`
            where they were not kept.
    """

    broken: np.ndarray
    settings: str = ""
    invalid: tuple[int, ...] = ()
    max_distance: float = 0.0
    parts: tuple[Row, ...] = ()
    cautions: tuple[Caution, ...] = ()
    x_adv: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """The classifier, the images and the rules that evaluations share.

    Args:
        predict: The classifier in inference mode.
        samples: The images.
        threat_model: The set that attacks must stay in.
        protocol: What counts as broken.
        batch_size: Most rows of a batch.
        seed: Seed of all draws.
        progress: Told about every finished batch.
        journal: Where an evaluation keeps what it needs to go on later.
        draws: Passes over which logits are averaged, for a classifier that
            draws random numbers.
        search_dtype: Type of the convolutions in attacks; `None` for their
            own. Natural accuracy and every judgement keep to their own.
    """

    predict: Predictor
    samples: Samples
    threat_model: ThreatModel
    protocol: Protocol
    batch_size: int
    seed: int = 0
    progress: Progress = field(default=lambda name, done, total: None)
    journal: ResumeState = field(default_factory=NoResumeState)
    draws: int = 1
    search_dtype: str | None = None

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Returns the logits of a batch of any size, shape `(B, K)`.

        Raises:
            ValueError: If one is not finite.
        """
        passes = [run_in_parallel(self.forward, x) for _ in range(self.draws)]
        logits = np.mean(passes, axis=0) if self.draws > 1 else passes[0]
        if not np.isfinite(logits).all():
            raise ValueError("The classifier's logits hold NaN or infinity.")
        return logits

    @functools.cached_property
    def frozen_predictor(self) -> FrozenPredictor:
        """What attacks see: the classifier, its weights read once."""
        return self.predict.frozen(self.search_dtype)

    @functools.cached_property
    def wrong(self) -> np.ndarray:
        """Whether each image is misclassified before any attack, `(N,)`."""
        wrong = np.zeros(len(self.samples), bool)
        for rows in cut(np.arange(len(wrong)), self.batch_size):
            x, y = self.samples.rows(rows)
            wrong[rows] = self.logits(x).argmax(-1) != y
            self.progress("natural", int(rows[-1]) + 1, len(wrong))
        return wrong

    def search(self, name: str, attack: Attack, rows: np.ndarray) -> Verdict:
        """Attacks some of the images; says which end up misclassified.

        Every returned image is judged by a fresh pass of the classifier, and
        checked on the host in float64.

        Args:
            name: Names the draws: each is a function of the seed, this name
                and the image's position, whatever the batches.
            attack: The attack; traced once.
            rows: Positions of the images to attack.

        Raises:
            ValueError: If the attack returns NaN or infinity.
        """
        search = tf.function(
            _Search(self.frozen_predictor, attack, self.seed, name),
            input_signature=self.signature,
            autograph=False,
        )
        search.get_concrete_function()
        found = np.zeros(len(self.samples), bool)
        invalid: list[int] = []
        furthest = done = 0
        for batch in cut(rows, self.batch_size):
            x, y = self.samples.rows(batch)
            x_adv = run_in_parallel(search, x, y, batch)
            broken, valid, distance = self.judge(name, batch, x_adv)
            found[batch] = broken
            invalid += batch[~valid].tolist()
            furthest = max(furthest, distance[valid].max(initial=0.0))
            done += len(batch)
            self.progress(name, done, len(rows))
        return Verdict(found, repr(attack), tuple(invalid), float(furthest))

    def judge(
        self, name: str, rows: np.ndarray, x_adv: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Judges a batch of adversarial images.

        Args:
            name: Names the attack in a message.
            rows: Positions of their clean images, shape `(B,)`.
            x_adv: The images.

        Returns:
            Whether each is valid and misclassified, whether it is valid, and
            its distance, in float64.

        Raises:
            ValueError: If one is not finite.
        """
        x, y = self.samples.rows(rows)
        distance, valid = verify(x_adv, x, self.threat_model)
        _refuse_nonfinite(name, rows[~np.isfinite(distance)])
        return (self.logits(x_adv).argmax(-1) != y) & valid, valid, distance

    @property
    def classes(self) -> int:
        """Number of the classifier's classes."""
        return self.forward.get_concrete_function().output_shapes[-1]

    @functools.cached_property
    def forward(self) -> tf.types.experimental.PolymorphicFunction:
        """The classifier as a graph of its own, of any number of images."""
        forward = tf.function(
            self.predict, input_signature=self.signature[:1], autograph=False
        )
        # In this thread: Keras keeps settings of each thread apart.
        forward.get_concrete_function()
        return forward

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """Of a batch of any size: images, labels and rows."""
        return [
            tf.TensorSpec((None, *self.samples.images.shape[1:]), tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.int64),
        ]


@dataclass(frozen=True, eq=False)
class _Search:
    """An attack with its draws, as a function of a batch.

    An object, for TensorFlow warns of retracing where one place in the code
    makes many functions.
    """

    predict: Predict
    attack: Attack
    seed: int
    name: str

    def __call__(self, x: Images, y: Labels, rows: tf.Tensor) -> Images:
        key = RowKey.of(self.seed, rows).fold_in(self.name)
        return self.attack(self.predict, x, y, key)


class Evaluation(abc.ABC):
    """One named row of a report."""

    keeps_images: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(self, name: str, trial: EvaluationContext) -> Verdict:
        """Returns which samples of the trial are broken.

        Args:
            name: The evaluation's name in the report.
            trial: What to evaluate, and the tools for it.
        """


def _refuse_nonfinite(name: str, rows: np.ndarray) -> None:
    if len(rows):
        raise ValueError(
            f"{name} met NaN or infinity at image {rows[0]}: the classifier's "
            "gradients are not finite, so nothing can be said about it."
        )
