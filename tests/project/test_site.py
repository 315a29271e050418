"""The documentation site: what `mkdocs build --strict` cannot know."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import pytest
import yaml

from dat_keras.cli._names import EVALUATIONS as NAMES
from dat_keras.evaluation.suites import EVALUATIONS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIG = (ROOT / "mkdocs.yml").read_text()
GENERATED = {"changelog.md", "contributing.md"}
PAGES = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


def pages_of(nav):
    for entry in nav:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else pages_of(value)


def test_every_page_is_in_the_navigation_once():
    found = list(pages_of(yaml.safe_load(CONFIG)["nav"]))
    assert sorted(found) == sorted(PAGES | GENERATED)


def test_nothing_is_fetched_when_a_page_is_read():
    config = yaml.safe_load(CONFIG)
    assert config["theme"]["font"] is False
    own = config["extra_css"] + config["extra_javascript"]
    for path in own:
        assert "http" not in (DOCS / path).read_text()
    assert not re.findall(r"!\[[^]]*\]\(http", "".join(
        (DOCS / page).read_text() for page in PAGES
    ))  # fmt: skip


def test_every_evaluation_is_described():
    page = (DOCS / "attacks.md").read_text().partition("## Evaluations")[2]
    names = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    assert names == list(EVALUATIONS) == list(NAMES)


def test_every_caution_has_its_meaning_in_the_faq():
    sources = "".join(
        path.read_text()
        for path in (ROOT / "dat_keras/evaluation").glob("*.py")
    )
    codes = set(re.findall(r"(?:Caution|Defect)\(\s*\"(\w+)\"", sources))
    page = (DOCS / "faq.md").read_text().partition("warnings mean?")[2]
    table = page.partition("\n\n")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == codes


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_between_files_lead_somewhere(page):
    for link in re.findall(r"\]\((?!http|#)([^)#\s]+)", _prose(page)):
        name = (DOCS / page).parent / link
        assert name.exists(), link


def test_the_paper_is_cited_the_same_way_everywhere():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    (paper,) = cff["references"]
    page = re.sub(r"[{}]", "", (DOCS / "citing.md").read_text())
    assert paper["title"] in re.sub(r"\s+", " ", page)
    for author in paper["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in (
            re.sub(r"\s+", " ", page)
        )


def test_an_example_becomes_a_section(monkeypatch):
    griffe = types.SimpleNamespace(Extension=object, Object=object)
    monkeypatch.setitem(sys.modules, "griffe", griffe)
    module = plugin("docstrings")
    text = "Does.\n\nExample:\n>>> f(\n...     1)\n2\n\nReference:\n    X"
    assert module.sectioned(text) == (
        "Does.\n\nExamples:\n    >>> f(\n    ...     1)\n    2\n\n"
        "Reference:\n    X"
    )
    assert module.sectioned("No example.") == "No example."


def test_options_intervals_and_numbers_are_not_broken():
    pytest.importorskip("mkdocs")
    page = "<p>{} of <code>a {}</code> {}, {}</p><pre>--b 1 000</pre>"
    parts = ["49 000", "--b-c", "(1.0 - 2.5)", "95 %"]
    kept = [f'<span class="unbroken">{part}</span>' for part in parts]
    found = plugin("hooks").on_page_content(page.format(*parts), *[None] * 3)
    assert found == page.format(*kept)


def plugin(name):
    """A plugin of the site as a module."""
    path = DOCS / "plugins" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _prose(page):
    text = (DOCS / page).read_text()
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
