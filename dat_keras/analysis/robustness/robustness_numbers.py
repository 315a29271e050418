"""`RobustnessNumbers`: results of a robustness report, as tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dat_keras.analysis.html_page import Cells
from dat_keras.analysis.robustness.attack_accuracies import share_text
from dat_keras.analysis.robustness.distance_numbers import Runs, distance_runs
from dat_keras.analysis.robustness.model_findings import model_findings
from dat_keras.analysis.robustness.model_robustness import (
    ModelRobustness,
    radius_text,
)
from dat_keras.analysis.robustness.run_record import RunRecord
from dat_keras.analysis.robustness.training_cautions import training_cautions
from dat_keras.evaluation.transfer import TransferMatrix
from dat_keras.utils.data_frame import data_frame
from dat_keras.utils.durations import duration
from dat_keras.utils.html import fragment
from dat_keras.utils.intervals import proportion
from dat_keras.utils.text_table import plain

if TYPE_CHECKING:
    import pandas

PGD_ONLY = (
    "PGD-20 and APGD give an upper bound of robust accuracy: AutoAttack is "
    "stronger, and what is published is measured with it "
    "(dat-keras report --autoattack, or evaluate --attack autoattack)."
)


@dataclass(frozen=True)
class RobustnessNumbers:
    """Accuracies, confusion and breaking radii of classifiers under PGD-20.

    Args:
        models: One per classifier.
        runs: Records of their training, by name; not every model has one.
        class_names: Names of the classes.
        data: Name of the data.
        data_fingerprint: sha256 of the images and labels.
        n_examples: Number of images.
        whole: Whether these are all images of the data.
        norm: Key of `THREAT_MODELS`.
        eps: Radius of the confusion and the examples, in pixel units.
        settings: The attack at this radius, as `repr` prints it.
        seed: Seed of all draws.
        batch_size: Images per batch; it must not matter.
        versions: Versions of the software, as pairs.
        date: Day of the report, UTC, `YYYY-MM-DD`.
        eot: Passes over which logits and gradients are averaged.
        transfer: Accuracies of the models on images attacked on each other.
    """

    models: tuple[ModelRobustness, ...]
    runs: dict[str, RunRecord]
    class_names: tuple[str, ...]
    data: str
    data_fingerprint: str
    n_examples: int
    whole: bool
    norm: str
    eps: float
    settings: str
    seed: int
    batch_size: int
    versions: tuple[tuple[str, str], ...]
    date: str
    eot: int = 1
    transfer: TransferMatrix | None = None

    def __str__(self) -> str:
        """Returns title, main table and cautions."""
        return "\n".join([self.title(), plain(self.cells()), *self.notes()])

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        return fragment(self.title(), self.cells(), self.notes())

    def to_pandas(self) -> pandas.DataFrame:
        """Returns a row for each model and radius.

        Raises:
            MissingPackageError: If pandas is not installed.
        """
        return data_frame(
            {
                "model": m.name,
                "eps": point.eps,
                **proportion(point.correct, self.n_examples),
            }
            for m in self.models
            for point in m.curve
        )

    def title(self, radius: str = "") -> str:
        """Returns what was measured, in one line.

        Args:
            radius: What to say of the radius. Default: the report's.
        """
        return (
            f"{'all' if self.whole else 'the first'} {self.n_examples} images "
            f"of {self.data}, {self.norm} eps "
            f"{radius or radius_text(self.eps)}, PGD-20 (first wrong iterate)"
            f"{f', mean over {self.eot} passes' * (self.eot > 1)}, "
            f"seed {self.seed}"
        )

    def cells(self) -> Cells:
        """Returns accuracy by radius, a column for each."""
        radii = [radius_text(point.eps) for point in self.models[0].curve]
        header = ["model", "natural", *(f"eps {each}" for each in radii[1:])]
        return [header] + [
            [m.name, *(self.share(point.correct) for point in m.curve)]
            for m in self.models
        ]

    def curve_cells(self) -> Cells:
        """Returns the same with intervals, a row for each radius.

        Where APGD was run, a column behind that of PGD-20 says what it left.
        """
        header = ["eps"]
        for m in self.models:
            header += [m.name, *([f"{m.name}: then APGD"] * bool(m.apgd))]
        rows = [header]
        for points in zip(*(m.curve for m in self.models), strict=True):
            row = [radius_text(points[0].eps)]
            for m, point in zip(self.models, points, strict=True):
                row.append(self.with_interval(point.correct))
                left = {each.eps: each.correct for each in m.apgd}
                if point.eps in left:
                    row.append(self.with_interval(left[point.eps]))
                elif left:
                    row.append("-")
            rows.append(row)
        return rows

    def distances_in(self, norm: str) -> Runs:
        """Returns minimal distances in a norm, by the name of their model.

        Args:
            norm: Key of `THREAT_MODELS`.
        """
        return [
            (name, run)
            for name, run in distance_runs(self.models)
            if run.norm == norm
        ]

    def survivor_cells(self) -> Cells:
        """Returns what AutoAttack left, a row for each part of each run."""
        runs = [(m.name, run) for m in self.models for run in m.autoattack]
        header = ["model", "images, eps, seed", "after", "left", "lost"]
        return [header, *(row for n, run in runs for row in run.cells(n))]

    def class_cells(self, model: ModelRobustness) -> Cells:
        """Returns accuracy and the most frequent mistake of each class."""
        rows = [
            [
                "class",
                "images",
                "clean",
                "attacked",
                "clean: most often taken for",
                "attacked: most often taken for",
            ]
        ]
        for i, total in enumerate(model.clean.totals):
            if not total:
                continue
            row = [self.class_names[i], str(total)]
            both = (model.clean, model.attacked)
            row += [f"{100 * each.right[i] / total:.1f} %" for each in both]
            for each in both:
                found = each.mistake(i)
                row.append(
                    f"{self.class_names[found[0]]} ({found[1]})"
                    if found
                    else "-"
                )
            rows.append(row)
        return rows

    def breaking_cells(self, model: ModelRobustness) -> Cells:
        """Returns the smallest radius that breaks each image."""
        header = ["rank", "image", "class", "smallest eps", "taken for"]
        return [header] + [
            [
                str(rank),
                str(each.position),
                self.class_names[each.label],
                self.breaking_text(model, each.eps),
                self.class_names[each.taken_for],
            ]
            for rank, each in enumerate(model.breaking, 1)
        ]

    def breaking_text(self, model: ModelRobustness, eps: float | None) -> str:
        """Returns a breaking radius as text."""
        if eps is None:
            return f"above {radius_text(model.limit)}"
        return radius_text(eps)

    def history_cells(self, name: str) -> Cells:
        """Returns the history of a run, a row for each epoch."""
        record = self.runs[name]
        numbers = [
            ["" if math.isnan(value) else f"{value:g}" for value in row]
            for row in record.rows
        ]
        return [list(record.columns), *numbers]

    def cost_cells(self) -> Cells:
        """Returns what training cost, a row for each run."""
        rows = [
            ["run", "epochs", "steps", "total", "an epoch", "a step", "memory"]
        ]
        for name, record in self.runs.items():
            if not record.rows:
                continue
            seconds = record.column("seconds")
            step, memory = record.seconds_per_step, record.peak_memory
            rows.append(
                [
                    name,
                    str(len(seconds)),
                    f"{record.column('step')[-1]:.0f}",
                    duration(sum(seconds)),
                    duration(sum(seconds) / len(seconds)),
                    "" if step is None else f"{1000 * step:.0f} ms",
                    "" if memory is None else f"{memory / 2**30:.2f} GiB",
                ]
            )
        return rows

    def recipe_cells(self) -> Cells:
        """Returns the settings in which runs differ; of one run, all."""
        settings = {name: r.settings() for name, r in self.runs.items()}
        paths = dict.fromkeys(p for each in settings.values() for p in each)
        rows = [["setting", *settings]]
        for path in paths:
            values = [each.get(path, "-") for each in settings.values()]
            if len(settings) == 1 or len(set(values)) > 1:
                rows.append([path, *values])
        return rows

    def findings(self) -> list[str]:
        """Returns the main numbers in words, a few lines for each model."""
        return [
            f"{m.name}: {words}"
            for m in self.models
            for words in model_findings(m, self.eps, self.n_examples)
        ]

    def notes(self) -> list[str]:
        """Returns the cautions, one line each."""
        found = [
            f"{caution.level}: {m.name}: {caution.code}: {caution.advice}"
            for m in self.models
            for caution in m.cautions
        ]
        found += [
            f"warning: training of {name}: {caution.code}: {caution.advice}"
            for name, record in self.runs.items()
            for caution in training_cautions(record)
        ]
        if self.transfer is not None:
            found += self.transfer.notes()
        measured = all(m.autoattack for m in self.models)
        return found if measured else [*found, f"note: {PGD_ONLY}"]

    def share(self, correct: int) -> str:
        """Returns an accuracy in percent."""
        return f"{100 * correct / self.n_examples:.1f} %"

    def with_interval(self, correct: int) -> str:
        """Returns an accuracy with its 95 % Wilson interval, in percent."""
        return share_text(correct, self.n_examples)
