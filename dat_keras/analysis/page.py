"""The page `index.html` of an analysis: figures, tables, words, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import BinaryIO

from dat_keras.analysis.report import Cells, SpectralReport

SECTIONS = {
    "accuracy": (
        "Amplitude or phase",
        "The attack makes x' from x. x'_amp has the amplitude of x' and the "
        "phase of x, x'_pha the other way round; both are clipped to [0, 1] "
        "and not confined to the ball of the attack. The half that costs more "
        "is named where a sign test at 95 % tells them apart.",
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
        "own; the phase is kept. No attack here.",
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


@dataclass(frozen=True)
class Picture:
    """A figure of an analysis.

    Args:
        section: Key of `SECTIONS`.
        file: Its file's name.
        model: The model that it shows; empty if it shows all.
        png: Its bytes.
    """

    section: str
    file: str
    model: str
    png: bytes

    def copy_to(self, file: BinaryIO) -> None:
        """Writes the bytes to an open file."""
        file.write(self.png)


def page(report: SpectralReport, pictures: Sequence[Picture]) -> str:
    """Returns the page as one HTML text with all pictures inside.

    Args:
        report: The numbers.
        pictures: The figures.
    """
    sections = "".join(
        _section(key, report, [p for p in pictures if p.section == key])
        for key in SECTIONS
    )
    items = "".join(f"<li>{escape(line)}</li>" for line in report.findings())
    notes = "".join(f"<li>{escape(line)}</li>" for line in report.notes())
    return PAGE.substitute(
        title=escape(report.title()),
        findings=items,
        notes=f'<ul class="warning">{notes}</ul>' if notes else "",
        sections=sections,
        settings=_table(_settings(report)),
    )


def table_of(report: SpectralReport, section: str) -> Cells:
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
    key: str, report: SpectralReport, pictures: Sequence[Picture]
) -> str:
    heading, words = SECTIONS[key]
    cells = table_of(report, key)
    parts = [f'<section id="{key}"><h2>{escape(heading)}</h2>']
    parts.append(f"<p>{escape(words)}</p>")
    if key == "recombined":
        lines = (f"{m.name}: {m.generator}" for m in report.models)
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        parts.append(f"<p>Generators:</p><ul>{items}</ul>")
    for picture in pictures:
        where = f" of {picture.model}" if picture.model else ""
        numbers = " The table below holds its numbers." if cells else ""
        alt = escape(f"{heading}{where}, {report.title()}.{numbers}")
        data = base64.b64encode(picture.png).decode()
        parts.append(
            f'<figure><img alt="{alt}" src="data:image/png;base64,{data}">'
            f"</figure>"
        )
    if cells:
        is_long = " open" if len(cells) < 16 else ""
        parts.append(
            f"<details{is_long}><summary>Table</summary>{_table(cells)}"
            "</details>"
        )
    return "".join([*parts, "</section>"])


def _table(cells: Cells) -> str:
    header, *rows = cells
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _settings(report: SpectralReport) -> Cells:
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


PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Spectral analysis</title>
<style>
:root { color-scheme: light dark; --text: #1f2328; --page: #ffffff;
  --soft: #57606a; --line: #d0d7de; --note: #fff8c5; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3;
  --page: #0d1117; --soft: #9da7b3; --line: #3d444d; --note: #3a2d00; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; color: var(--text);
  background: var(--page); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.measured { color: var(--soft); }
figure { margin: 1rem 0; background: #ffffff; border-radius: 6px;
  border: 1px solid var(--line); overflow-x: auto; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
#settings td { text-align: left; white-space: normal;
  overflow-wrap: anywhere; }
.warning { background: var(--note); padding: 0.6rem 2rem; border-radius: 6px; }
summary { cursor: pointer; color: var(--soft); }
li { overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>Spectral analysis</h1>
<p class="measured">$title</p>
<ul id="findings">$findings</ul>
$notes
<main>$sections</main>
<section id="settings"><h2>Settings</h2>$settings</section>
</body>
</html>
""")
