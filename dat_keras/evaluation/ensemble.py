"""Attack ensemble: each attack runs on the images not yet broken."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import tensorflow as tf

from dat_keras.attacks import CAVEAT, StagedAttack
from dat_keras.core.gradients import input_gradient
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.evaluation.cautions import ensemble_cautions
from dat_keras.evaluation.context import Evaluation, EvaluationContext
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.evaluation.resume_state import label_of
from dat_keras.evaluation.staged_run import StagedRun, StagedRunState
from dat_keras.losses import margin
from dat_keras.utils.durations import duration

SUBSTITUTES: dict[tuple[str, int], str] = {
    ("apgd-dlr", 2): "apgd-margin",
    ("apgd-t", 2): "apgd-t-margin",
    ("apgd-t", 3): "apgd-t-third",
}
"""Name of the part that runs where its loss needs more classes."""

NOT_STANDARD = Caution("not_standard", CAVEAT)

AVERAGED_DRAWS = Caution(
    "rand",
    "These are accuracies of logits averaged over draws of a randomised "
    "classifier: do not compare them with those of others.",
)


@dataclass(frozen=True)
class AttackEnsemble(Evaluation):
    """The worst case over attacks, under AutoAttack's own rules.

    Natural errors count as broken under every protocol. Each part starts
    from the clean images not yet broken; each image that it returns is
    checked against the threat model and classified by a separate forward
    pass.

    Args:
        parts: Attacks by name, in order. Random draws depend on the name, so
            a part alone gives the same result as within the ensemble.
        cautions: What a reader of the result must know.
        draws: Forward passes over which logits are averaged to classify.
    """

    keeps_images: ClassVar[bool] = True
    keeps_state: ClassVar[bool] = True

    parts: Mapping[str, StagedAttack]
    cautions: tuple[Caution, ...] = field(default=(NOT_STANDARD,), repr=False)
    draws: int = 1

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses what a part does not work on."""
        for part in self.parts.values():
            part.check(classes, shape)

    def __call__(self, name: str, context: EvaluationContext) -> AttackResult:
        """Returns what any part breaks, and what is broken after each."""
        if self.draws > 1:
            context = replace(context, draws=self.draws)
        self._announce(name, context)
        broken = context.wrong.copy()
        parts = [AttackResult("natural", "", tuple(broken.tolist()))]
        x_adv = None
        if context.keep_images:
            x_adv = context.samples.rows(np.arange(len(broken)))[0]
        for part_name, part in self.parts.items():
            began = time.monotonic()
            label = label_of(name, part_name)
            run = StagedRun(part_name, part, context, label)
            state = run(np.flatnonzero(~broken))
            broken[state.broken] = True
            if x_adv is not None:
                x_adv[state.broken] = state.x_broken
            shown = SUBSTITUTES.get((part_name, context.classes), part_name)
            result = _part_result(shown, part, broken, state)
            parts.append(replace(result, seconds=time.monotonic() - began))
        return AttackResult(
            name,
            repr(self),
            tuple(broken.tolist()),
            max(part.max_distance for part in parts),
            forwards=sum(part.forwards for part in parts),
            gradients=sum(part.gradients for part in parts),
            parts=tuple(parts),
            invalid=tuple(sorted({i for part in parts for i in part.invalid})),
            cautions=(
                *self.cautions,
                *ensemble_cautions(
                    parts,
                    context.classes,
                    context.samples.images.shape[1:],
                    context.threat_model,
                    self.parts,
                ),
            ),
            x_adv=x_adv,
        )

    def _announce(self, name: str, context: EvaluationContext) -> None:
        """Reports the time it takes if no image is ever broken."""
        images = int((~context.wrong).sum())
        passes = [part.passes(context.classes) for part in self.parts.values()]
        forwards, gradients = map(sum, zip(*passes, strict=True))
        forward, gradient = seconds_per_image(context)
        seconds = images * (forwards * forward + gradients * gradient)
        if images:
            context.progress(
                f"{name}, at most {duration(seconds)}", images, images
            )


def _part_result(
    name: str, part: StagedAttack, broken: np.ndarray, state: StagedRunState
) -> AttackResult:
    """The result of a finished part; `broken` includes the parts before."""
    return AttackResult(
        name,
        repr(part),
        tuple(broken.tolist()),
        state.max_distance,
        forwards=state.forwards,
        gradients=state.gradients,
        invalid=tuple(state.rows[state.invalid].tolist()),
    )


def seconds_per_image(context: EvaluationContext) -> tuple[float, float]:
    """Measures the time of a forward pass and the extra time of a gradient.

    Args:
        context: The classifier and the images.
    """
    rows = np.arange(min(len(context.samples), context.batch_size))
    batch = context.samples.rows(rows)
    graded = tf.function(
        _Graded(context.expected(context.frozen_predictor)),
        input_signature=context.signature[:2],
        autograph=False,
    )
    graded.get_concrete_function()
    forward = _seconds(context.logits, batch[0])
    both = _seconds(functools.partial(run_in_parallel, graded), *batch)
    return forward / len(rows), max(both - forward, 0.0) / len(rows)


@dataclass(frozen=True, eq=False)
class _Graded:
    """The gradient of the margin, as a function of a batch."""

    predict: Predict

    def __call__(self, x: Images, y: Labels) -> Images:
        return input_gradient(self.predict, lambda z: margin(z, y), x)[2]


def _seconds(run: Callable[..., object], *batch: np.ndarray) -> float:
    # The first call prepares kernels.
    run(*batch)
    began = time.perf_counter()
    run(*batch)
    return time.perf_counter() - began
