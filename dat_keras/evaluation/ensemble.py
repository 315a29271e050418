"""Several attacks, each on the images that no earlier one broke."""

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
from dat_keras.core.threat_models import L2
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.evaluation.context import Evaluation, EvaluationContext, Verdict
from dat_keras.evaluation.parallel import run_in_parallel
from dat_keras.evaluation.results import Caution, Row
from dat_keras.evaluation.staged_run import StagedRun
from dat_keras.losses import margin

SUBSTITUTES: dict[tuple[str, int], str] = {
    ("apgd-dlr", 2): "apgd-margin",
    ("apgd-t", 2): "apgd-t-margin",
    ("apgd-t", 3): "apgd-t-third",
}
"""What a part is called where few classes leave its loss undefined."""

NOT_STANDARD = Caution("not_standard", CAVEAT)


AVERAGED_DRAWS = Caution(
    "rand",
    "These are accuracies of logits averaged over draws of a randomised "
    "classifier: do not compare them with those of others.",
)


@dataclass(frozen=True)
class AttackEnsemble(Evaluation):
    """The worst case over attacks, under AutoAttack's own rules.

    Natural errors are broken whatever the protocol says. Every part begins
    at the clean images and sees those alone that no earlier part broke; each
    image that it returns is verified and judged by a fresh pass.

    Args:
        parts: Attacks by name, in order. The name is that of its draws, so
            that a part alone repeats what it did among others.
        cautions: What a reader of the result must know.
        draws: Passes over which logits are averaged for every judgement.
    """

    keeps_images: ClassVar[bool] = True

    parts: Mapping[str, StagedAttack]
    cautions: tuple[Caution, ...] = field(default=(NOT_STANDARD,), repr=False)
    draws: int = 1

    def __call__(self, name: str, trial: EvaluationContext) -> Verdict:
        """Returns what any part breaks, and what stood after each."""
        if self.draws > 1:
            trial = replace(trial, draws=self.draws)
        self._announce(name, trial)
        rows = [Row("natural", "", tuple(trial.wrong.tolist()))]
        broken = trial.wrong.copy()
        invalid: set[int] = set()
        x_adv = trial.samples.rows(np.arange(len(broken)))[0]
        for part_name, part in self.parts.items():
            began = time.monotonic()
            pursuit = StagedRun(part_name, part, trial, f"{name}.{part_name}")
            course = pursuit(np.flatnonzero(~broken))
            broken[course.broken] = True
            x_adv[course.broken] = course.found
            invalid |= set(course.rows[course.invalid].tolist())
            rows.append(
                Row(
                    SUBSTITUTES.get((part_name, trial.classes), part_name),
                    repr(part),
                    tuple(broken.tolist()),
                    course.furthest,
                    time.monotonic() - began,
                    course.forwards,
                    course.gradients,
                )
            )
        return Verdict(
            broken,
            repr(self),
            tuple(sorted(invalid)),
            max(row.max_distance for row in rows),
            tuple(rows),
            (*self.cautions, *_cautions(rows, trial)),
            x_adv,
        )

    def _announce(self, name: str, trial: EvaluationContext) -> None:
        """Tells how long it can take, if every image stands to the end."""
        standing = int((~trial.wrong).sum())
        passes = [part.passes(trial.classes) for part in self.parts.values()]
        forwards, gradients = map(sum, zip(*passes, strict=True))
        forward, gradient = seconds_per_image(trial)
        seconds = standing * (forwards * forward + gradients * gradient)
        if standing:
            trial.progress(
                f"{name}, at most {duration(seconds)}", standing, standing
            )


def seconds_per_image(trial: EvaluationContext) -> tuple[float, float]:
    """Measures a forward pass, and what a gradient takes beyond it.

    Args:
        trial: The classifier and the images.
    """
    rows = np.arange(min(len(trial.samples), trial.batch_size))
    batch = trial.samples.rows(rows)
    graded = tf.function(
        _Graded(trial.frozen_predictor),
        input_signature=trial.signature[:2],
        autograph=False,
    )
    graded.get_concrete_function()
    forward = _seconds(trial.logits, batch[0])
    both = _seconds(functools.partial(run_in_parallel, graded), *batch)
    return forward / len(rows), max(both - forward, 0.0) / len(rows)


def duration(seconds: float) -> str:
    """Returns a time in the unit that suits it.

    Example:
    >>> duration(42), duration(90), duration(100_000)
    ('42 s', '2 min', '27.8 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


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


def _cautions(rows: list[Row], trial: EvaluationContext) -> list[Caution]:
    """What the results of the parts say about the classifier."""
    classes, (height, width) = trial.classes, trial.samples.images.shape[1:3]
    fall = {
        row.name: before.accuracy - row.accuracy
        for before, row in zip(rows, rows[1:], strict=False)
    }
    found = []
    if fall.get("square", 0.0) > 0.002 and len(rows) > 2:
        found.append(
            Caution(
                "square_better",
                f"Square alone broke {100 * fall['square']:.1f} points more "
                "than the attacks that follow gradients: these cannot be "
                "trusted here. Give Square more queries.",
            )
        )
    if "apgd-ce" in fall and fall.get("apgd-t", 0.0) > 0.1:
        found.append(
            Caution(
                "masking",
                f"APGD-T broke {100 * fall['apgd-t']:.1f} points more than "
                "APGD-CE, a sign of masked gradients.",
            )
        )
    if classes < 10 and any("-t" in row.name for row in rows):
        found.append(
            Caution(
                "n_classes",
                f"With {classes} classes the targeted attacks try "
                f"{classes - 1} targets, not 9"
                + (", with another loss." if classes < 4 else "."),
            )
        )
    oblong = height != width and isinstance(trial.threat_model, L2)
    if oblong and "square" in fall:
        found.append(
            Caution(
                "oblong",
                f"Images of {height} x {width}: Square's first L2 pattern, "
                "published for square images, has more tiles here.",
            )
        )
    return found
