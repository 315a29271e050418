"""Rows of measurements: printed, kept as JSON, shown as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from dat_keras.profiling.machine import describe, matmul_peak
from dat_keras.utils.text_table import markdown

FOLDER = Path(__file__).parent / "results"


def keep(file: str, kind: tuple[str, ...], row: dict) -> None:
    """Prints a row, and puts it in place of an older one of its kind.

    Args:
        file: Name of the JSON file, without its ending.
        kind: Fields that say what was measured.
        row: The measurement; machine and matrix product are added.
    """
    print(json.dumps(row), flush=True)
    row = {**row, "machine": describe(), "matmul_gflops": matmul_peak()}
    rows = [r for r in rows_of(file) if any(r.get(k) != row[k] for k in kind)]
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps([*rows, row], indent=1) + "\n"
    (FOLDER / f"{file}.json").write_text(text)


def rows_of(file: str) -> list[dict]:
    """Returns the rows kept in a file."""
    path = FOLDER / f"{file}.json"
    return json.loads(path.read_text()) if path.exists() else []


def show(file: str, columns: dict[str, Callable[[dict], object]]) -> None:
    """Writes the rows of a file as a Markdown table next to it."""
    rows = rows_of(file)
    cells = [list(columns)] + [
        [str(value(row)) for value in columns.values()] for row in rows
    ]
    machines = {json.dumps(row["machine"]) for row in rows}
    text = [markdown(cells), "", *sorted(f"`{m}`" for m in machines), ""]
    (FOLDER / f"{file}.md").write_text("\n".join(text))
