"""The job of `dat-keras evaluate` in several norms, with TensorFlow loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dat_keras.cli._console import progress
from dat_keras.cli._evaluating import Job
from dat_keras.evaluation.union_report import UnionReport
from dat_keras.evaluation.unions import evaluate_union
from dat_keras.utils.runtime import keep_freed_memory

TAKEN = (
    *("attacks", "n_examples", "batch_size", "seed", "protocol"),
    *("search_dtype", "eot"),
)
"""Options of the command that `evaluate_union` takes as they are."""


@dataclass(frozen=True)
class UnionJob(Job):
    """One evaluation: a classifier in several norms."""

    @classmethod
    def of(cls, job: Job, radii: Mapping[str, float]) -> UnionJob:
        """Returns the job in several norms.

        Args:
            job: The job in one norm.
            radii: Radii by the name of the norm.
        """
        options = {name: job.options[name] for name in TAKEN}
        options |= {"norm": tuple(radii), "eps": radii}
        return cls(**{**vars(job), "options": options})

    @property
    def states(self) -> tuple[Path, ...]:
        """Folders of its resume state, one for each norm."""
        if self.state is None:
            return ()
        return tuple(self.state / norm for norm in self.options["norm"])

    def run(self) -> UnionReport:  # type: ignore[override]
        """Evaluates the classifier, with progress on stderr."""
        with progress() as show_progress:

            def tell(name: str, done: int, total: int) -> None:
                keep_freed_memory()
                show_progress(name, done, total)

            union = evaluate_union(
                self.model,
                self.test,
                progress=tell,
                resume=self.state,
                **self.options,
            )
        reports = {
            norm: replace(report, cautions=(*self.cautions, *report.cautions))
            for norm, report in union.reports.items()
        }
        return UnionReport(reports)
