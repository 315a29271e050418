"""The README is short, and its Python runs as printed."""

import re
from pathlib import Path

import pytest

from dat_keras.data import shapes
from dat_keras.objectives import OBJECTIVES

README = (Path(__file__).parents[2] / "README.md").read_text()
DOCS = Path(__file__).parents[2] / "docs"
LINKS = re.findall(r"\]\(((?!http)[^)]+)\)", README)
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_it_is_short_and_begins_with_a_picture():
    assert len(README.splitlines()) < 150
    assert README.count("![") == 1
    assert README.index("![") < README.index("\n## ")


def test_every_method_is_named():
    named = README.partition("Methods: ")[2].partition(".")[0]
    assert re.findall(r"`([\w-]+)`", named) == list(OBJECTIVES)


def test_it_leads_to_every_page_of_the_documentation():
    pages = {
        path.relative_to(DOCS.parent).as_posix() for path in DOCS.rglob("*.md")
    }
    # The site's API reference has directives for text outside of it.
    assert pages - {"docs/reference.md"} <= set(LINKS)


def test_there_are_examples():
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("index", range(len(BLOCKS)))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_examples_run(index, capsys, monkeypatch):
    # The text as printed; only the sets are smaller.
    for part, count in {"train": 128, "validation": 32, "test": 200}.items():
        monkeypatch.setitem(shapes.COUNTS, part, count)
    exec(compile(BLOCKS[index], f"README.md, block {index}", "exec"), {})


@pytest.mark.parametrize("path", LINKS)
def test_links_lead_somewhere(path):
    assert (Path(__file__).parents[2] / path).exists()
