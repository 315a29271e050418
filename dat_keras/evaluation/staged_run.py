"""A staged attack on the images that still stand, in full batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import tensorflow as tf

from dat_keras.attacks import StagedAttack
from dat_keras.core.random import RowKey
from dat_keras.core.types import Images, Labels, Logits, Predict
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.samples import cut
from dat_keras.utils.errors import DamagedFileError


@dataclass(frozen=True, eq=False)
class StagedRunState:
    """How far a pursuit has come.

    Args:
        rows: Positions of the attacked images, shape `(n,)`.
        x_adv: The last image made from each.
        standing: Indices into `rows` of those that no stage has broken.
        invalid: Whether an image left the threat model, shape `(n,)`.
        stage: Number of stages done.
        seen: Number of the standing images that the next stage has done.
        furthest: Largest distance of a valid image.
        forwards: Images that went through the classifier.
        gradients: Images whose gradient was taken.
    """

    rows: np.ndarray
    x_adv: np.ndarray
    standing: np.ndarray
    invalid: np.ndarray
    stage: int = 0
    seen: int = 0
    furthest: float = 0.0
    forwards: int = 0
    gradients: int = 0

    @property
    def broken(self) -> np.ndarray:
        """Positions of the broken images."""
        return np.delete(self.rows, self.standing)

    @property
    def found(self) -> np.ndarray:
        """The images that broke them."""
        return np.delete(self.x_adv, self.standing, axis=0)


def _counter() -> tf.Variable:
    return tf.Variable(0, trainable=False, dtype=tf.int64)


@dataclass(frozen=True, eq=False)
class CountedPredict:
    """A `Predict` that counts the images that pass it, and their gradients.

    Args:
        predict: The classifier.
        forwards: Counts images.
        gradients: Counts images whose gradient was taken.
    """

    predict: Predict
    forwards: tf.Variable = field(default_factory=_counter)
    gradients: tf.Variable = field(default_factory=_counter)

    def __call__(self, x: Images, branch: int = 0) -> Logits:
        """Returns the logits of `x`."""
        count = tf.shape(x, tf.int64)[0]
        self.forwards.assign_add(count)

        @tf.custom_gradient
        def tap(x: Images) -> tuple[Images, Callable]:
            def backward(upstream: tf.Tensor) -> tf.Tensor:
                self.gradients.assign_add(count)
                return upstream

            return tf.identity(x), backward

        return self.predict(tap(x), branch)


@dataclass(frozen=True, eq=False)
class StagedRun:
    """One staged attack on some images, batch by batch.

    After every stage the images that it broke leave, and the others are
    gathered into full batches again. One graph, traced once, serves batches
    of every size, so none is filled up and nothing is computed in vain. After
    every batch the course is kept in the trial's journal, and a course
    found there is taken up.

    Args:
        name: Names the draws: each is a function of the seed, this name, the
            stage and the image's position.
        part: The attack.
        trial: The classifier and the images.
        label: Names the course in the journal.
    """

    name: str
    part: StagedAttack
    trial: EvaluationContext
    label: str

    def __call__(self, rows: np.ndarray) -> StagedRunState:
        """Attacks images; returns how it ended.

        Args:
            rows: Positions of the images, all correctly classified.

        Raises:
            ValueError: If the attack meets NaN or infinity.
            DamagedFileError: If a kept course is not of these images.
        """
        trial, course = self.trial, self._begin(rows)
        predict = CountedPredict(trial.frozen_predictor)
        predict.forwards.assign(course.forwards)
        predict.gradients.assign(course.gradients)
        stage_of = tf.function(
            _Stage(self, predict),
            input_signature=[
                *trial.signature,
                trial.signature[0],
                tf.TensorSpec((), tf.int32),
            ],
            autograph=False,
        )
        # In this thread: Keras keeps settings of each thread apart.
        stage_of.get_concrete_function()
        stages = self.part.stages(trial.classes)
        while course.stage < stages and len(course.standing):
            share = course.stage + course.seen / len(course.standing)
            trial.progress(
                self.name, int(len(rows) * share / stages), len(rows)
            )
            course = replace(
                self._advance(course, stage_of),
                forwards=int(predict.forwards),
                gradients=int(predict.gradients),
            )
            trial.journal.save(self.label, _arrays(course))
        if len(rows):
            trial.progress(self.name, len(rows), len(rows))
        return course

    def _begin(self, rows: np.ndarray) -> StagedRunState:
        """The course to go on with: that of the journal, or a new one."""
        kept = self.trial.journal.load(self.label)
        if kept is None:
            x, _ = self.trial.samples.rows(rows)
            everyone = np.arange(len(rows))
            return StagedRunState(rows, x, everyone, np.zeros(len(rows), bool))
        known = {each.name for each in fields(StagedRunState)}
        if kept.keys() != known or not np.array_equal(kept["rows"], rows):
            raise DamagedFileError(
                f"the kept course of {self.label} is not that of these "
                f"{len(rows)} images; delete it, or give another folder"
            )
        values: dict[str, Any] = {
            name: array if array.ndim else array.item()
            for name, array in kept.items()
        }
        return StagedRunState(**values)

    def _advance(
        self, course: StagedRunState, stage_of: Callable
    ) -> StagedRunState:
        """One batch; after a stage's last, the survivors are found."""
        size, samples = self.trial.batch_size, self.trial.samples
        batch = course.standing[course.seen : course.seen + size]
        x, y = samples.rows(course.rows[batch])
        course.x_adv[batch] = run_in_parallel(
            lambda *share: stage_of(*share, tf.constant(course.stage)),
            *(x, y, course.rows[batch], course.x_adv[batch]),
        )
        seen = course.seen + len(batch)
        if seen < len(course.standing):
            return replace(course, seen=seen)
        return self._judged(course)

    def _judged(self, course: StagedRunState) -> StagedRunState:
        """The course after a stage: who stands, and what left the ball."""
        broken = np.zeros(len(course.rows), bool)
        invalid, furthest = course.invalid.copy(), course.furthest
        for batch in cut(course.standing, self.trial.batch_size):
            wrong, valid, distance = self.trial.judge(
                self.name, course.rows[batch], course.x_adv[batch]
            )
            broken[batch] = wrong
            invalid[batch] |= ~valid
            furthest = max(furthest, float(distance[valid].max(initial=0.0)))
        return replace(
            course,
            standing=course.standing[~broken[course.standing]],
            invalid=invalid,
            stage=course.stage + 1,
            seen=0,
            furthest=furthest,
        )


@dataclass(frozen=True, eq=False)
class _Stage:
    """One stage as a function of a batch."""

    pursuit: StagedRun
    predict: Predict

    def __call__(
        self,
        x: Images,
        y: Labels,
        rows: tf.Tensor,
        x_adv: Images,
        stage: tf.Tensor,
    ) -> Images:
        own = self.pursuit
        key = RowKey.of(own.trial.seed, rows).fold_in(own.name)
        return own.part(self.predict, x, y, key, (stage, x_adv))


def _arrays(course: StagedRunState) -> dict[str, np.ndarray]:
    return {
        each.name: np.asarray(getattr(course, each.name))
        for each in fields(course)
    }
