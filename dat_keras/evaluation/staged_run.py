"""Runs one staged attack; images not yet broken are regrouped after a stage."""

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
from dat_keras.evaluation.samples import batches_of
from dat_keras.utils.errors import DamagedFileError


@dataclass(frozen=True, eq=False)
class StagedRunState:
    """Progress of a staged run, all that is needed to resume it.

    Args:
        rows: Positions of the attacked images, shape `(n,)`.
        x_adv: The latest adversarial image of each, shape `(n, H, W, C)`.
        unbroken: Indices into `rows` of the images not yet broken.
        invalid: Whether an image ever left the threat model, shape `(n,)`.
        stage: Number of stages done.
        seen: Number of unbroken images that the current stage has attacked.
        max_distance: Largest distance of a valid image.
        forwards: Images that went through the classifier.
        gradients: Images whose gradient was taken.
    """

    rows: np.ndarray
    x_adv: np.ndarray
    unbroken: np.ndarray
    invalid: np.ndarray
    stage: int = 0
    seen: int = 0
    max_distance: float = 0.0
    forwards: int = 0
    gradients: int = 0

    @property
    def broken(self) -> np.ndarray:
        """Positions of the broken images."""
        return np.delete(self.rows, self.unbroken)

    @property
    def x_broken(self) -> np.ndarray:
        """The adversarial images at these positions."""
        return np.delete(self.x_adv, self.unbroken, axis=0)


def _counter() -> tf.Variable:
    return tf.Variable(0, trainable=False, dtype=tf.int64)


@dataclass(frozen=True, eq=False)
class CountedPredict:
    """A `Predict` that counts images in forward and backward passes.

    Args:
        predict: The classifier.
        forwards: Counts images.
        gradients: Counts images whose gradient was taken.
        share: Number of images in a batch, and of rows once copies of the
            last fill it up: copies do not count.
    """

    predict: Predict
    forwards: tf.Variable = field(default_factory=_counter)
    gradients: tf.Variable = field(default_factory=_counter)
    share: tuple[int | tf.Tensor, int | tf.Tensor] = (1, 1)

    def __call__(self, x: Images, branch: int = 0) -> Logits:
        """Returns the logits of `x`."""
        images, rows = self.share
        count = tf.shape(x, tf.int64)[0] * images // rows
        self.forwards.assign_add(count)

        @tf.custom_gradient
        def tap(x: Images) -> tuple[Images, Callable]:
            def backward(upstream: tf.Tensor) -> tf.Tensor:
                self.gradients.assign_add(count)
                return upstream

            return tf.identity(x), backward

        return self.predict(tap(x), branch)

    def of_batch(self, rows: tf.Tensor) -> CountedPredict:
        """Returns the same for a batch that copies of its last row fill up.

        Args:
            rows: Positions of the images.
        """
        # Positions differ, but for the copies.
        images = 1 + tf.math.count_nonzero(rows[1:] != rows[:-1])
        return replace(self, share=(images, tf.shape(rows, tf.int64)[0]))


@dataclass(frozen=True, eq=False)
class StagedRun:
    """One staged attack on a set of images, batch by batch.

    After each stage the broken images are removed and the others regrouped
    into full batches. One graph, traced once, serves batches of every size,
    so no batch is padded to a fixed size. After each stage, and within one
    when `resume_state.due()`, the state is saved in the context's
    `resume_state`; a state found there is continued.

    Args:
        name: Name of the attack. Each random draw is a function of the seed,
            this name, the stage and the image's position.
        part: The attack.
        context: The classifier and the images.
        label: Key of the state in `context.resume_state`.
    """

    name: str
    part: StagedAttack
    context: EvaluationContext
    label: str

    def __call__(self, rows: np.ndarray) -> StagedRunState:
        """Attacks images; returns the state after the last stage.

        Args:
            rows: Positions of the images, all correctly classified.

        Raises:
            ValueError: If the attack meets NaN or infinity.
            DamagedFileError: If the saved state is of other images.
        """
        context, state = self.context, self._begin(rows)
        predict = CountedPredict(context.frozen_predictor)
        predict.forwards.assign(state.forwards)
        predict.gradients.assign(state.gradients)
        stage_of = tf.function(
            _Stage(self, predict),
            input_signature=[
                *context.signature,
                context.signature[0],
                tf.TensorSpec((), tf.int32),
            ],
            autograph=False,
        )
        # In this thread: Keras keeps settings of each thread apart.
        stage_of.get_concrete_function()
        stages = self.part.stages(context.classes)
        while state.stage < stages and len(state.unbroken):
            share = state.stage + state.seen / len(state.unbroken)
            context.progress(
                self.name, int(len(rows) * share / stages), len(rows)
            )
            stage = state.stage
            state = replace(
                self._advance(state, stage_of),
                forwards=int(predict.forwards),
                gradients=int(predict.gradients),
            )
            if state.stage > stage or context.resume_state.due():
                context.resume_state.save(self.label, _arrays(state))
        if len(rows):
            context.progress(self.name, len(rows), len(rows))
        return state

    def _begin(self, rows: np.ndarray) -> StagedRunState:
        """The saved state, or a new one."""
        kept = self.context.resume_state.load(self.label)
        if kept is None:
            x, _ = self.context.samples.rows(rows)
            unbroken = np.arange(len(rows))
            return StagedRunState(rows, x, unbroken, np.zeros(len(rows), bool))
        known = {each.name for each in fields(StagedRunState)}
        if kept.keys() != known or not np.array_equal(kept["rows"], rows):
            raise DamagedFileError(
                f"the saved state of {self.label} is not that of these "
                f"{len(rows)} images; delete it, or give another folder"
            )
        values: dict[str, Any] = {
            name: array if array.ndim else array.item()
            for name, array in kept.items()
        }
        return StagedRunState(**values)

    def _advance(
        self, state: StagedRunState, stage_of: Callable
    ) -> StagedRunState:
        """Attacks one batch; after the last of a stage, classifies them all."""
        size, samples = self.context.batch_size, self.context.samples
        batch = state.unbroken[state.seen : state.seen + size]
        x, y = samples.rows(state.rows[batch])
        state.x_adv[batch] = run_in_parallel(
            lambda *share: stage_of(*share, tf.constant(state.stage)),
            *(x, y, state.rows[batch], state.x_adv[batch]),
        )
        seen = state.seen + len(batch)
        if seen < len(state.unbroken):
            return replace(state, seen=seen)
        return self._judged(state)

    def _judged(self, state: StagedRunState) -> StagedRunState:
        """The state after a stage: what is broken, what is out of the ball."""
        broken = np.zeros(len(state.rows), bool)
        invalid, max_distance = state.invalid.copy(), state.max_distance
        for batch in batches_of(state.unbroken, self.context.batch_size):
            wrong, valid, distance = self.context.judge(
                self.name, state.rows[batch], state.x_adv[batch]
            )
            broken[batch] = wrong
            invalid[batch] |= ~valid
            max_distance = max(
                max_distance, float(distance[valid].max(initial=0.0))
            )
        return replace(
            state,
            unbroken=state.unbroken[~broken[state.unbroken]],
            invalid=invalid,
            stage=state.stage + 1,
            seen=0,
            max_distance=max_distance,
        )


@dataclass(frozen=True, eq=False)
class _Stage:
    """One stage as a function of a batch."""

    run: StagedRun
    predict: CountedPredict

    def __call__(
        self,
        x: Images,
        y: Labels,
        rows: tf.Tensor,
        x_adv: Images,
        stage: tf.Tensor,
    ) -> Images:
        run = self.run
        first = run.context.samples.first
        key = RowKey.of(run.context.seed, rows + first).fold_in(run.name)
        predict = run.context.expected(self.predict.of_batch(rows))
        return run.part(predict, x, y, key, (stage, x_adv))


def _arrays(state: StagedRunState) -> dict[str, np.ndarray]:
    return {
        each.name: np.asarray(getattr(state, each.name))
        for each in fields(state)
    }
