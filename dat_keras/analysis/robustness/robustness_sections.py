"""Sections of a report's page: norms, certificates, transfer, attacks."""

from __future__ import annotations

from collections.abc import Iterator

from dat_keras.analysis.html_page import figure, folded_table, section
from dat_keras.analysis.plot_style import png
from dat_keras.analysis.robustness.attack_accuracies import attack_cells
from dat_keras.analysis.robustness.certificate_figure import (
    certificate_figure,
)
from dat_keras.analysis.robustness.certified_accuracies import (
    CertifiedAccuracy,
)
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers
from dat_keras.analysis.robustness.transfer_figure import transfer_figure
from dat_keras.analysis.robustness.union_accuracies import UnionAccuracies
from dat_keras.analysis.robustness.union_figure import union_figure

UNIONS = (
    "The same attacks in each norm. In the worst case an image counts as "
    "robust only if it is so in every norm."
)
CERTIFICATES = (
    "Images that are proven right in their whole ball. Of a certificate by "
    "bounds (ibp, crown-ibp), certified accuracy is a lower bound of robust "
    "accuracy, as attacks give an upper one. Randomised smoothing certifies "
    "another classifier, which returns the class that noise leaves most "
    "often: attacks of this page do not attack it."
)
TRANSFER = (
    "Each model on the adversarial images of each model; the diagonal is the "
    "attack on the model itself. Where another row breaks more, the model's "
    "own gradients are masked."
)
ATTACKS = (
    "Accuracies that dat-keras evaluate wrote, each with its own norm, "
    "radius, images and seed. More than one EOT pass means that logits and "
    "gradients were averaged, for a classifier that draws random numbers."
)


def union_section(report: RobustnessNumbers) -> Iterator[str]:
    """Yields the section on several norms, if they were measured.

    Args:
        report: The numbers.
    """
    runs = [(m.name, union) for m in report.models for union in m.unions]
    parts: list[str] = []
    for name, union in runs:
        drawn = png(union_figure(name, union))
        what = f"Accuracy of {name} in several norms"
        parts += _shown(drawn, what, name, union)
    if parts:
        yield section("norms", "Several norms", UNIONS, parts)


def certificate_section(report: RobustnessNumbers) -> Iterator[str]:
    """Yields the section on certified accuracy, if it was measured.

    Args:
        report: The numbers.
    """
    runs = [(m.name, found) for m in report.models for found in m.certificates]
    parts: list[str] = []
    for name, found in runs:
        drawn = png(certificate_figure(name, found))
        parts += _shown(drawn, f"Certified accuracy of {name}", name, found)
        if found.radii:
            title = f"Table: certified radii of {name}"
            parts.append(folded_table(found.radius_cells(), title))
    if parts:
        yield section("certificates", "Certified accuracy", CERTIFICATES, parts)


def _shown(
    drawn: bytes,
    what: str,
    name: str,
    found: UnionAccuracies | CertifiedAccuracy,
) -> list[str]:
    """The figure of one classifier's results, and their table."""
    text = f"{what}, {found.title()}. Numbers: table below."
    table = folded_table(found.cells(), f"Table: {name}")
    return [figure(drawn, text), table]


def transfer_section(report: RobustnessNumbers) -> Iterator[str]:
    """Yields the section on transfer between models, if it was measured.

    Args:
        report: The numbers.
    """
    matrix = report.transfer
    if matrix is None:
        return
    parts = [
        figure(
            png(transfer_figure(matrix)),
            f"Transfer, {matrix.title()}. Numbers: table below.",
        ),
        folded_table(matrix.cells()),
    ]
    yield section("transfer", "Transfer between models", TRANSFER, parts)


def attack_section(report: RobustnessNumbers) -> Iterator[str]:
    """Yields the table of accuracies from files, if there are any.

    Args:
        report: The numbers.
    """
    parts = [
        folded_table(attack_cells(model.attacks), f"Table: {model.name}")
        for model in report.models
        if model.attacks
    ]
    if parts:
        yield section("attacks", "Evaluations", ATTACKS, parts)
