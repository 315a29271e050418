"""The tutorials' Python runs as printed, block after block."""

import re
from pathlib import Path

import pytest
from short_ensemble import quick

from dat_keras.data import shapes

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = [DOCS / "index.md", *sorted((DOCS / "tutorials").glob("*.md"))]
# Its commands need a Hub: tests/zoo/test_publish_tutorial.py runs it.
ALONE = [path for path in TUTORIALS if path.stem != "publish"]
SMALLER = {
    "index": {"train": 512, "validation": 64},
    "harden": {"train": 640, "validation": 64},
}
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(path):
    return BLOCK.findall(path.read_text())


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_blocks_are_python_that_fits_a_page(path):
    assert len(blocks(path)) >= 2
    for i, block in enumerate(blocks(path)):
        compile(block, f"{path.name}, block {i}", "exec")
        assert max(map(len, block.splitlines())) < 80


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_a_tutorial_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # The text as printed; only the sets that it takes whole are smaller, and
    # AutoAttack is shorter.
    monkeypatch.setattr(
        "dat_keras.evaluation.suites.standard", lambda b: quick(b, 10, 500)
    )
    for part, count in SMALLER.get(path.stem, {}).items():
        monkeypatch.setitem(shapes.COUNTS, part, count)
    names = {}
    for i, block in enumerate(blocks(path)):
        exec(compile(block, f"{path.name}, block {i}", "exec"), names)
    assert "protocol strict" in capsys.readouterr().out
