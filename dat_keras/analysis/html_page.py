"""HTML of a self-contained page: frame, styles, sections, figures, tables."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import BinaryIO

from dat_keras.utils.html import listed, table

Cells = list[list[str]]
"""A table as text, its header first."""

SHORT = 16
"""Rows of a table that is shown unfolded, its header counted."""

WIDE = 800
"""Pixels of a figure whose text is too small at a phone's width."""


@dataclass(frozen=True)
class Picture:
    """A figure of a page.

    Args:
        section: Key of the section that shows it.
        file: Its file's name, if it is also written to one.
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


def document(
    heading: str,
    measured: str,
    findings: Sequence[str],
    notes: Sequence[str],
    sections: str,
    settings: Cells,
) -> str:
    """Returns a whole page: light and dark, no network, any width.

    Args:
        heading: Its title.
        measured: What was measured, in one line.
        findings: Results in words.
        notes: Cautions in words.
        sections: HTML of the sections.
        settings: A last table.
    """
    return _PAGE.substitute(
        heading=escape(heading),
        measured=escape(measured),
        findings=listed(findings, 'id="findings"'),
        notes=listed(notes, 'class="warning"') if notes else "",
        sections=sections,
        settings=_scrolling(settings),
    )


def section(key: str, heading: str, words: str, parts: Iterable[str]) -> str:
    """Returns a section of a page.

    Args:
        key: Its id.
        heading: Its heading.
        words: What it shows.
        parts: HTML of its figures and tables.
    """
    return (
        f'<section id="{key}"><h2>{escape(heading)}</h2>'
        f"<p>{escape(words)}</p>{''.join(parts)}</section>"
    )


def figure(png: bytes, alt: str) -> str:
    """Returns a picture with its bytes inside; a wide one scrolls on phones.

    Args:
        png: The bytes.
        alt: What a reader who does not see it is told.
    """
    data = base64.b64encode(png).decode()
    wide = ' class="wide" tabindex="0"' if _width(png) > WIDE else ""
    return (
        f'<figure{wide}><img alt="{escape(alt)}" '
        f'src="data:image/png;base64,{data}"></figure>'
    )


def _width(png: bytes) -> int:
    """Width of a PNG in pixels, which stands at byte 16."""
    return int.from_bytes(png[16:20], "big")


def folded_table(cells: Cells, title: str = "Table") -> str:
    """Returns a table that a reader can fold; a long one is folded at first.

    Args:
        cells: The table.
        title: What the fold is called.
    """
    is_short = " open" if len(cells) < SHORT else ""
    return (
        f"<details{is_short}><summary>{escape(title)}</summary>"
        f"{_scrolling(cells)}</details>"
    )


def _scrolling(cells: Cells) -> str:
    """A table that is wider than the page scrolls."""
    return f'<div class="scroll" tabindex="0">{table(cells)}</div>'


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$heading</title>
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
.wide img { min-width: 44rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; width: max-content;
  font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; }
th:first-child { text-align: left; white-space: normal; min-width: 6rem;
  max-width: 14rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) { th:first-child { max-width: 8rem; } }
#settings table { width: auto; }
#settings :is(th, td) { text-align: left; }
#settings th:first-child { min-width: 8rem; }
#settings td { white-space: normal; min-width: 9rem;
  overflow-wrap: anywhere; }
.warning { background: var(--note); padding: 0.6rem 2rem; border-radius: 6px; }
details { margin: 0.6rem 0; }
summary { cursor: pointer; color: var(--soft); }
li { overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>$heading</h1>
<p class="measured">$measured</p>
$findings
$notes
<main>$sections</main>
<section id="settings"><h2>Settings</h2>$settings</section>
</body>
</html>
""")
