"""The documentation names what exists, in plain words."""

import re
from pathlib import Path

import pytest

import dat_keras

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BANNED = re.compile(
    r"\b(anew|abreast|remade|pursuits?|pursues|let go|still stand|whence"
    r"|thereof)\b",
    re.IGNORECASE,
)
SOURCES = sorted(
    path
    for folder in ("dat_keras", "cli", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
)
IMAGINED = {"dat_keras/objectives/alp.py", "my_attacks.py"}
"""Files that readers of extending.md and attacks.md write."""


def test_every_public_name_is_listed_and_no_other():
    page = (ROOT / "docs" / "api.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == sorted(
        dat_keras.__all__
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_word_is_archaic(page):
    assert BANNED.findall(page.read_text()) == []


def test_no_word_of_the_code_is_archaic():
    found = {path: BANNED.findall(path.read_text()) for path in SOURCES}
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_file_that_is_mentioned_exists(page):
    mentioned = re.findall(r"[\w./-]+\.py\b", page.read_text())
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("dat_keras", "cli", "tests", "docs")
        for path in (ROOT / folder).rglob("*.py")
    } | {
        path.relative_to(ROOT).as_posix()
        for folder in ("benchmarks", "examples")
        for path in (ROOT / folder).glob("*.py")
    }
    names = {file.rpartition("/")[2] for file in files}
    for name in set(mentioned) - IMAGINED:
        name = name.removeprefix("../")
        # A path is one from the root; a bare name is one of some folder.
        assert name in (files if "/" in name else names), name
