"""The evaluation of a minimum-norm attack: how far each image has to move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from dat_keras.attacks import MinimumNormAttack
from dat_keras.core.random import RowKey
from dat_keras.core.threat_models import norm_of
from dat_keras.core.types import Images, Labels
from dat_keras.evaluation.constraints import (
    largest_distance,
    within_threat_model,
)
from dat_keras.evaluation.context import (
    Evaluation,
    EvaluationContext,
    misclassified,
    refuse_nonfinite,
)
from dat_keras.evaluation.minimal_distances import MinimalDistances
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.results import AttackResult
from dat_keras.evaluation.resume_state import label_of
from dat_keras.evaluation.samples import batches_of
from dat_keras.evaluation.staged_run import CountedPredict
from dat_keras.utils.errors import DamagedFileError

STRETCHES = (1.0, 1.001, 1.01)
"""Factors on a change that are tried until its image is misclassified.

The search may end so near to a boundary that the separate forward pass, whose
rounding differs, still sees the right class.
"""


@dataclass(frozen=True)
class MinimumNorm(Evaluation):
    """A minimum-norm attack on every image that is classified correctly.

    Every image that it returns is classified by a separate forward pass, and
    its distance is measured on the host in float64. An image is broken if that
    distance is at most `eps`. Natural errors have distance 0 and count as
    broken under every protocol.

    Args:
        attack: The attack.
    """

    keeps_images: ClassVar[bool] = True
    keeps_state: ClassVar[bool] = True
    gives_distances: ClassVar[bool] = True

    attack: MinimumNormAttack

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses what the attack does not work on."""
        self.attack.check(classes, shape)

    def __call__(self, name: str, context: EvaluationContext) -> AttackResult:
        """Returns the distances, and what is broken within `eps`."""
        rows = np.flatnonzero(~context.wrong)
        predict = CountedPredict(context.frozen_predictor)
        counts = {"forwards": predict.forwards, "gradients": predict.gradients}
        search = self._traced(name, context, predict)
        found, done = self._begin(name, context, rows, counts)
        for batch in batches_of(np.arange(done, len(rows)), context.batch_size):
            x, y = context.samples.rows(rows[batch])
            found[batch] = run_in_parallel(search, x, y, rows[batch])
            done = int(batch[-1]) + 1
            numbers = {kind: count.numpy() for kind, count in counts.items()}
            if done == len(rows) or context.resume_state.due():
                kept = {"rows": rows, "found": found, "done": np.asarray(done)}
                context.resume_state.save(label_of(name), {**kept, **numbers})
            context.progress(name, done, len(rows))
        distance = np.zeros(len(context.samples))
        for batch in batches_of(np.arange(len(rows)), context.batch_size):
            found[batch], distance[rows[batch]] = self._measured(
                name, context, rows[batch], found[batch]
            )
        broken = distance <= largest_distance(context.threat_model)
        x_adv = None
        if context.keep_images:
            x_adv = context.samples.rows(np.arange(len(distance)))[0]
            within = broken[rows]
            x_adv[rows[within]] = found[within]
        return AttackResult(
            name,
            repr(self.attack),
            tuple(broken.tolist()),
            float(distance[broken].max(initial=0.0)),
            forwards=int(predict.forwards),
            gradients=int(predict.gradients),
            x_adv=x_adv,
            distances=MinimalDistances(
                norm_of(context.threat_model), tuple(distance.tolist())
            ),
        )

    def _traced(
        self, name: str, context: EvaluationContext, predict: CountedPredict
    ) -> tf.types.experimental.PolymorphicFunction:
        search = tf.function(
            _Nearest(self.attack, context, name, predict),
            input_signature=context.signature,
            autograph=False,
        )
        # In this thread: Keras keeps settings of each thread apart.
        search.get_concrete_function()
        return search

    def _begin(
        self,
        name: str,
        context: EvaluationContext,
        rows: np.ndarray,
        counts: Mapping[str, tf.Variable],
    ) -> tuple[np.ndarray, int]:
        """The saved images and their number, or clean images and 0.

        Sets the counts to the saved ones.
        """
        kept = context.resume_state.load(label_of(name))
        if kept is None:
            return context.samples.rows(rows)[0], 0
        known = {"rows", "found", "done", *counts}
        if set(kept) != known or not np.array_equal(kept["rows"], rows):
            raise DamagedFileError(
                f"the saved state of {name} is not that of these {len(rows)} "
                "images; delete it, or give another folder"
            )
        for kind, count in counts.items():
            count.assign(int(kept[kind]))
        return kept["found"], int(kept["done"])

    def _measured(
        self,
        name: str,
        context: EvaluationContext,
        rows: np.ndarray,
        x_adv: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images that are misclassified, with their distances in float64.

        The clean image and infinity where there is none.
        """
        x, y = context.samples.rows(rows)
        best, least = x.copy(), np.full(len(rows), np.inf)
        for stretch in STRETCHES:
            moved = np.clip(x + np.float32(stretch) * (x_adv - x), 0.0, 1.0)
            moved = x_adv if stretch == 1.0 else moved
            distance, _ = within_threat_model(moved, x, context.threat_model)
            refuse_nonfinite(
                name, rows[~np.isfinite(distance)] + context.samples.first
            )
            wrong = misclassified(context.logits(moved), y)
            first = wrong & np.isinf(least)
            best[first], least[first] = moved[first], distance[first]
            if np.isfinite(least).all():
                break
        return best, least


@dataclass(frozen=True, eq=False)
class _Nearest:
    """The search as a function of a batch, with keys of its images."""

    attack: MinimumNormAttack
    context: EvaluationContext
    name: str
    predict: CountedPredict

    def __call__(self, x: Images, y: Labels, rows: tf.Tensor) -> Images:
        context = self.context
        key = RowKey.of(context.seed, rows + context.samples.first)
        predict = context.expected(self.predict.of_batch(rows))
        return self.attack.nearest(predict, x, y, key.fold_in(self.name))[0]
