"""Draws architecture.svg: the packages, who imports whom, files in each.

    python docs/draw_architecture.py

The floors are those of tests/test_layers.py, the arrows come from the imports
of today's files. An arrow that a chain of others implies is left out.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
SOURCES = {"": ROOT / "dat_keras", "cli": ROOT / "cli"}

COLUMN, FLOOR = 146, 66
BOX_WIDTH, BOX_HEIGHT = 122, 38
MARGIN = 12

COLUMNS = {
    "cli": 2.6,
    "interop": 3.6,
    "zoo": 3.6,
    "comparison": 1.5,
    "profiling": 2.3,
    "analysis": 0.4,
    "evaluation": 1.0,
    "training": 2.7,
    "recipes": 3.7,
    "objectives": 3.7,
    "classifiers": 1.5,
    "certification": 2.8,
    "data": 0.0,
    "kernels": 1.0,
    "architectures": 2.0,
    "attacks": 3.0,
    "augment": 4.0,
    "corruptions": 5.0,
    "optimizers": 6.0,
    "losses": 3.5,
    "spectral": 4.5,
    "core": 2.5,
    "utils": 1.5,
}
"""Where each package is drawn, in columns from the left."""


def floors() -> tuple[tuple[str, ...], ...]:
    """The floors that tests/test_layers.py asserts, from the ground up."""
    tree = ast.parse((ROOT / "tests" / "test_layers.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "FLOORS":
            return ast.literal_eval(node.value)
    raise ValueError("tests/test_layers.py assigns no FLOORS.")


def files() -> dict[str, list[Path]]:
    """The Python files of each package below the root."""
    found: dict[str, list[Path]] = {}
    for prefix, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            room = prefix or parts[0]
            if room != "__init__":
                found.setdefault(room, []).append(path)
    return found


def imported(path: Path) -> set[str]:
    """The packages that a file imports something of."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    parts = [name.split(".") for name in names]
    return {p[1] for p in parts if p[0] == "dat_keras" and len(p) > 1}


def imports() -> dict[str, set[str]]:
    """The other packages that each package imports."""
    rooms = files()
    return {
        room: set().union(*map(imported, paths)) & rooms.keys() - {room}
        for room, paths in rooms.items()
    }


def reduced(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows that no chain of others implies."""

    def below(room: str) -> set[str]:
        return graph[room].union(*map(below, graph[room]))

    return [
        (room, other)
        for room in sorted(graph)
        for other in sorted(graph[room])
        if not any(other in below(between) for between in graph[room])
    ]


def position(room: str) -> tuple[float, int]:
    """Centre of a package's box, in pixels."""
    levels = floors()
    (rank,) = (i for i, rooms in enumerate(levels) if room in rooms)
    x = MARGIN + BOX_WIDTH / 2 + COLUMN * COLUMNS[room]
    return x, MARGIN + BOX_HEIGHT // 2 + FLOOR * (len(levels) - 1 - rank)


def passage(line: tuple[float, float], rooms: tuple[str, ...]) -> float | None:
    """Where a line passes a floor if a box is in its way, else `None`.

    Args:
        line: Where it would enter the floor, and where it would leave it.
        rooms: The packages of that floor.
    """
    half = BOX_WIDTH / 2 + 9
    centres = [position(room)[0] for room in rooms]

    def free(x: float) -> bool:
        return all(abs(x - centre) >= half for centre in centres)

    if all(map(free, line)):
        return None
    sides = [c + s * half for c in centres for s in (-1, 1)]
    return min(filter(free, sides), key=lambda side: abs(side - sum(line) / 2))


def arrow(room: str, other: str) -> str:
    """A line from a package down to one that it imports, past the others."""
    (x, y), (end, bottom) = position(room), position(other)
    # Lines leave and arrive spread over a box's width, not at one point.
    lean = max(-40.0, min(40.0, (end - x) / 6))
    x, end, half = x + lean, end - lean, BOX_HEIGHT // 2
    points = [(x, y + half)]
    for rooms in reversed(floors()):
        level = position(rooms[0])[1]
        if y < level < bottom:
            (px, py), edges = points[-1], (level - half, level + half)
            slope = (end - px) / (bottom - half - py)
            enter, leave = (px + slope * (edge - py) for edge in edges)
            side = passage((enter, leave), rooms)
            points += [] if side is None else [(side, edge) for edge in edges]
    points.append((end, bottom - half - 2))
    line = " ".join(f"{px:.0f},{py:.0f}" for px, py in points)
    return f'<polyline points="{line}" marker-end="url(#head)"/>'


def box(room: str, count: int) -> str:
    """A package, with the number of its files."""
    x, y = position(room)
    amount = "1 file" if count == 1 else f"{count} files"
    return (
        f'<rect x="{x - BOX_WIDTH / 2:.0f}" y="{y - BOX_HEIGHT // 2}" '
        f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4"/>'
        f'<text x="{x:.0f}" y="{y - 3}" class="name">{room}</text>'
        f'<text x="{x:.0f}" y="{y + 12}">{amount}</text>'
    )


HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" \
width="{w}" height="{h}">
<title>Packages of dat_keras and their imports, ground at the bottom</title>
<style>
text {{ font: 11px sans-serif; text-anchor: middle; fill: #57606a }}
.name {{ font-weight: bold; font-size: 14px; fill: #1f2328 }}
.note {{ text-anchor: start; font-size: 12px }}
rect {{ fill: #eef4fb; stroke: #4a6f9c }}
polyline {{ fill: none; stroke: #8c959f; stroke-linejoin: round }}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" \
markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#6e7781"/>\
</marker></defs>
<rect width="{w}" height="{h}" style="fill:#fff;stroke:none"/>
"""

NOTE = (
    "An arrow is an import;",
    "those that a chain of arrows",
    "implies are left out.",
    "Every import points down.",
)


def draw() -> str:
    """Returns the picture."""
    width = round(2 * MARGIN + max(COLUMNS.values()) * COLUMN + BOX_WIDTH)
    height = 2 * MARGIN + (len(floors()) - 1) * FLOOR + BOX_HEIGHT
    lines = [arrow(*pair) for pair in reduced(imports())]
    lines += [box(room, len(found)) for room, found in files().items()]
    lines += [
        f'<text x="{MARGIN}" y="{MARGIN + 14 + 17 * i}" class="note">{t}</text>'
        for i, t in enumerate(NOTE)
    ]
    head = HEAD.format(w=width, h=height)
    return head + "\n".join(lines) + "\n</svg>\n"


if __name__ == "__main__":
    PICTURE.write_text(draw())
