"""What was measured, as the last table of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dat_keras.analysis.html_page import Cells


class Hashed(Protocol):
    """A model of a report."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def sha256(self) -> str:
        """Hash of its weights."""


class Measured(Protocol):
    """A report of images and models."""

    @property
    def data(self) -> str:
        """The data set."""

    @property
    def data_fingerprint(self) -> str:
        """Hash of images and labels."""

    @property
    def settings(self) -> str:
        """Those of the attack."""

    @property
    def batch_size(self) -> int:
        """Images a batch."""

    @property
    def date(self) -> str:
        """The day."""

    @property
    def versions(self) -> Sequence[tuple[str, str]]:
        """Of the software."""

    @property
    def models(self) -> Sequence[Hashed]:
        """What was measured."""


def settings_table(report: Measured) -> Cells:
    """Returns all by which a report can be made again.

    Args:
        report: A spectral report, or one of robustness.
    """
    return [
        ["setting", "value"],
        ["data", report.data],
        ["sha256 of the images and labels", report.data_fingerprint],
        ["attack", report.settings],
        ["batch size", str(report.batch_size)],
        ["date", report.date],
        *([f"sha256 of {m.name}", m.sha256] for m in report.models),
        *([name, version] for name, version in report.versions),
    ]
