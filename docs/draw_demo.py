"""Draws images/demo.svg: the accuracies of `make demo` as bars.

    python docs/draw_demo.py

The numbers are read from the table in measured.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).resolve().parent
PICTURE = DOCS / "images" / "demo.svg"

WIDTH, HEIGHT = 720, 300
LEFT, TOP, FLOOR = 52, 58, 252
BAR, GAP = 58, 6
COLORS = {"natural": "#d55e00", "DAT": "#0072b2"}
"""Two of the colours of Okabe and Ito, which colour-blind readers tell
apart; the bars of natural training are hatched, too."""

CELL = re.compile(r"([\d.]+) \(([\d.]+) - ([\d.]+)\)")


def numbers() -> tuple[list[str], dict[str, list[tuple[float, float, float]]]]:
    """The attacks, and by training accuracy and interval under each."""
    table = (DOCS / "measured.md").read_text().partition("| training |")[2]
    header, _, *lines = table.partition("\n\n")[0].splitlines()
    rows = {}
    for line in lines:
        name, _, cells = line.strip("| ").partition("|")
        found = [tuple(map(float, c)) for c in CELL.findall(cells)]
        rows[name.strip()] = found
    return [cell.strip() for cell in header.strip("| ").split("|")], rows


def draw() -> str:
    """Returns the picture as SVG."""
    attacks, rows = numbers()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="13" fill="#222">',
        "<title>Accuracy of a naturally trained net and of one trained with "
        "DAT, on clean and attacked images</title>",
        '<defs><pattern id="hatch" width="6" height="6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="6" height="6" fill="{COLORS["natural"]}"/>'
        '<rect width="2" height="6" fill="#fff" fill-opacity=".55"/>'
        "</pattern></defs>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_axis(),
        *_legend(),
    ]
    step = (WIDTH - LEFT - 16) / len(attacks)
    for i, attack in enumerate(attacks):
        middle = LEFT + step * (i + 0.5)
        parts.append(_text(middle, FLOOR + 20, attack))
        for side, (name, cells) in zip((-1, 1), rows.items(), strict=True):
            parts += _bar(middle + side * (BAR + GAP) / 2, name, *cells[i])
    parts.append(
        _text(
            WIDTH / 2,
            HEIGHT - 8,
            "shapes, 200 test images, Linf eps 8/255, seed 0; "
            "whiskers: 95 % Wilson interval",
            "#555",
        )
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _y(percent: float) -> float:
    return FLOOR - (FLOOR - TOP) * percent / 100


def _text(x: float, y: float, text: str, fill: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" '
        f'fill="{fill}">{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}"/>'
    )


def _fill(name: str) -> str:
    return "url(#hatch)" if name == "natural" else COLORS[name]


def _axis() -> Iterator[str]:
    yield _text(LEFT + 22, TOP - 34, "accuracy, %")
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent)
        yield _line(LEFT, y, WIDTH - 16, y, "#ccc" if percent else "#222")
        yield _text(LEFT - 20, y + 4, str(percent))


def _legend() -> Iterator[str]:
    words = {"natural": "trained naturally", "DAT": "trained with DAT"}
    for x, (name, label) in zip((330, 510), words.items(), strict=True):
        yield (
            f'<rect x="{x}" y="13" width="16" height="16" '
            f'fill="{_fill(name)}"/>'
        )
        yield f'<text x="{x + 22}" y="26">{label}</text>'


def _bar(
    middle: float, name: str, value: float, low: float, high: float
) -> Iterator[str]:
    x, y = middle - BAR / 2, _y(value)
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{BAR}" '
        f'height="{FLOOR - y:.1f}" fill="{_fill(name)}"/>'
    )
    yield _line(middle, _y(low), middle, _y(high), "#222")
    for end in (low, high):
        yield _line(middle - 5, _y(end), middle + 5, _y(end), "#222")
    yield _text(middle, _y(high) - 5, f"{value:.1f}")


if __name__ == "__main__":
    PICTURE.write_text(draw())
