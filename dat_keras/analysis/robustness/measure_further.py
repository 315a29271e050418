"""Measures what a report shows on demand: corruptions, norms, certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dat_keras.analysis.robustness.certified_accuracies import certificates_of
from dat_keras.analysis.robustness.evaluations import Evaluations
from dat_keras.analysis.robustness.radius_search import APGD, PGD
from dat_keras.analysis.robustness.survivors import NAME, survivors_of
from dat_keras.analysis.robustness.union_accuracies import unions_of
from dat_keras.evaluation.certifier import Certifier
from dat_keras.evaluation.corruptions import evaluate_corruptions
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.samples import Data
from dat_keras.evaluation.unions import evaluate_union


@dataclass(frozen=True)
class SectionMeasures:
    """Evaluations beside those of the curve.

    Args:
        radii: Radii by the name of the norm; of several, all are evaluated.
        apgd: Whether APGD-CE is among the attacks in several norms.
        autoattack: Whether AutoAttack is.
        certifier: What certifies images, if they are to be.
        corruptions: Names of corruptions.
        severities: Their severities.
        shared: `n_examples`, `batch_size` and `seed` of all.
        eot: Passes over which attacks average.
    """

    radii: Mapping[str, float]
    apgd: bool
    autoattack: bool
    certifier: Certifier | None
    corruptions: Sequence[str]
    severities: Sequence[int]
    shared: Mapping[str, Any]
    eot: int

    @property
    def several(self) -> bool:
        """Whether there are several norms."""
        return len(self.radii) > 1

    def __call__(
        self, model: keras.Model, data: Data, progress: Progress
    ) -> Evaluations:
        """Returns what was found.

        Args:
            model: The classifier.
            data: What `evaluate` takes.
            progress: Called after each batch.
        """
        found = Evaluations()
        for measure in (self._of_norms, self._proven, self._corrupted):
            found += measure(model, data, progress)
        return found

    def _of_norms(
        self, model: keras.Model, data: Data, progress: Progress
    ) -> Evaluations:
        if not self.several:
            return Evaluations()
        asked = {PGD: True, APGD: self.apgd, NAME: self.autoattack}
        union = evaluate_union(
            model,
            data,
            [name for name, wanted in asked.items() if wanted],
            norm=tuple(self.radii),
            eps=self.radii,
            eot=self.eot,
            progress=progress,
            **self.shared,
        )
        reports = union.reports.values()
        return Evaluations(
            tuple(s for each in reports for s in survivors_of(each.to_json())),
            unions=tuple(unions_of(union.to_json())),
            cautions=tuple(c for each in reports for c in each.cautions),
        )

    def _proven(
        self, model: keras.Model, data: Data, progress: Progress
    ) -> Evaluations:
        certifier = self.certifier
        if certifier is None:
            return Evaluations()
        report = evaluate(
            model,
            data,
            PGD,
            norm=certifier.norm,
            eps=self.radii[certifier.norm],
            certify=certifier,
            eot=self.eot,
            progress=progress,
            **self.shared,
        )
        proven = tuple(certificates_of(report.to_json()))
        return Evaluations(certificates=proven, cautions=report.cautions)

    def _corrupted(
        self, model: keras.Model, data: Data, progress: Progress
    ) -> Evaluations:
        if not self.corruptions:
            return Evaluations()
        report = evaluate_corruptions(
            model,
            data,
            self.corruptions,
            self.severities,
            progress=progress,
            **self.shared,
        )
        return Evaluations(corruptions=(report,))
