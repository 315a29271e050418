"""The page `index.html` of an analysis: figures, tables, words, no network."""

from __future__ import annotations

from collections.abc import Sequence

from dat_keras.analysis.html_page import (
    Cells,
    Picture,
    document,
    figure,
    folded_table,
    section,
)
from dat_keras.analysis.settings_table import settings_table
from dat_keras.analysis.spectral_numbers import SpectralNumbers
from dat_keras.utils.html import listed

SECTIONS = {
    "accuracy": (
        "Amplitude or phase",
        "The attack makes x' from x. x'_amp has the amplitude of x' and the "
        "phase of x, x'_pha the other way round; both are clipped to [0, 1] "
        "and not confined to the ball of the attack. The half that costs more "
        "is named where McNemar's exact test at 5 % tells them apart.",
    ),
    "radius": (
        "Against the radius",
        "The same at every radius, and the mean L2 norm of each change. For "
        "small changes the two halves are orthogonal and add up to x' - x.",
    ),
    "rings": (
        "What the attack changes, by frequency",
        "Frequencies are grouped in rings. Left: the perturbation's energy, "
        "next to the share that white noise would have there. Middle and "
        "right: means weighted by the clean amplitude, because the phase of a "
        "frequency that an image hardly has is noise.",
    ),
    "bands": (
        "Amplitudes of another image",
        "No attack here: in one band of frequencies at a time, every image "
        "gets the amplitudes of another image and keeps its phase. The more "
        "accuracy falls, the more the model leans on amplitudes.",
    ),
    "recombined": (
        "Generated amplitudes",
        "DAT's generator gives an amplitude that is mixed into the image's "
        "own; the phase is kept. No attack here. A run that was trained with "
        "--log tensorboard also has an image along training, and beside it "
        "log(1 + A) of the generated amplitude, divided by its largest value.",
    ),
    "images": (
        "Images",
        "The first images, what the model takes them for, and their changes "
        "amplified around grey.",
    ),
    "spectra": (
        "Spectra of one image",
        "Frequency zero is in the middle.",
    ),
}
"""Heading and explanation of each section, in their order on the page."""


def page(report: SpectralNumbers, pictures: Sequence[Picture]) -> str:
    """Returns the page as one HTML text with all pictures inside.

    Args:
        report: The numbers.
        pictures: The figures.
    """
    sections = "".join(
        _section(key, report, [p for p in pictures if p.section == key])
        for key in SECTIONS
    )
    return document(
        "Spectral analysis",
        report.title(),
        report.findings(),
        report.notes(),
        sections,
        settings_table(report),
    )


def table_of(report: SpectralNumbers, section: str) -> Cells:
    """Returns the numbers behind a section's figures; empty if there are none.

    Args:
        report: The numbers.
        section: Key of `SECTIONS`.
    """
    tables = {
        "accuracy": report.cells,
        "radius": report.curve_cells,
        "rings": report.ring_cells,
        "bands": report.band_cells,
        "recombined": report.recombined_cells,
    }
    return tables[section]() if section in tables else []


def _section(
    key: str, report: SpectralNumbers, pictures: Sequence[Picture]
) -> str:
    heading, words = SECTIONS[key]
    cells = table_of(report, key)
    parts = []
    if key == "recombined":
        lines = (f"{m.name}: {m.generator}" for m in report.models)
        parts.append(f"<p>Generators:</p>{listed(lines)}")
    numbers = " The table below holds its numbers." if cells else ""
    for picture in pictures:
        where = f" of {picture.model}" if picture.model else ""
        alt = f"{heading}{where}, {report.title()}.{numbers}"
        parts.append(figure(picture.png, alt))
    if cells:
        parts.append(folded_table(cells))
    return section(key, heading, words, parts)
