"""The README's Python runs as printed."""

import re
from pathlib import Path

import pytest

from dat_keras.data import shapes

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_examples():
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("index", range(len(BLOCKS)))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_examples_run(index, capsys, monkeypatch):
    # The text as printed; only the sets are smaller.
    for part, count in {"train": 128, "validation": 32, "test": 200}.items():
        monkeypatch.setitem(shapes.COUNTS, part, count)
    exec(compile(BLOCKS[index], f"README.md, block {index}", "exec"), {})


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_links_lead_somewhere(path):
    assert (Path(__file__).parents[2] / path).exists()
