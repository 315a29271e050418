"""Pages and pictures of docs/ that are made from code and data are fresh."""

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import dat_keras
from dat_keras.cli import main
from dat_keras.recipes import RECIPES
from dat_keras.zoo.commands.bundled import cards

DOCS = Path(__file__).parents[2] / "docs"
PAGES = "cli.md", "recipes.md", "reference.md", "zoo.md"


def script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def writer():
    return script("write_pages")


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_page_is_fresh(writer, page):
    assert tuple(writer.PAGES) == PAGES
    assert (DOCS / page).read_text() == writer.text(page), (
        "run `python docs/write_pages.py`"
    )


def test_every_command_is_on_the_page():
    page = (DOCS / "cli.md").read_text()
    assert re.findall(r"^## (\S+)$", page, re.MULTILINE) == sorted(
        main.commands
    )


def test_every_recipe_is_on_the_page():
    page = (DOCS / "recipes.md").read_text().partition("## Methods")[0]
    assert re.findall(r"^\| `(\S+)`", page, re.MULTILINE) == sorted(RECIPES)


def test_every_public_name_is_on_the_page_and_its_path_leads_to_it(writer):
    page = (DOCS / "reference.md").read_text()
    found = re.findall(r"^::: (\S+)\n.*\n +heading: (\w+)$", page, re.MULTILINE)
    names = [name for _, name in found]
    assert names == sorted(dat_keras.__all__)
    for path, name in found:
        value = getattr(dat_keras, name)
        own = getattr(value, "__module__", None)
        expected = f"{own}.{name}" if own else value.__name__
        assert path == expected


def test_models_are_sorted_by_robust_accuracy_per_cpu_hour():
    page = (DOCS / "zoo.md").read_text()
    names = re.findall(r"^## (\S+)$", page, re.MULTILINE)
    by_name = {card.name: card for card in cards()}
    assert names[0] != names[-1] and set(names) == by_name.keys()

    def place(card):
        rows = [
            report["attacks"]["autoattack"]
            for report in card.reports
            if "autoattack" in report["attacks"]
        ]
        robust = max(rows, key=lambda row: row["total"])["accuracy"]
        return card.spec.dataset, -robust / card.provenance["cpu_hours"]

    places = [place(by_name[name]) for name in names]
    assert places == sorted(places)


def test_the_picture_of_the_demo_is_fresh():
    demo = script("draw_demo")
    assert demo.PICTURE.read_text() == demo.draw(), (
        "run `python docs/draw_demo.py`"
    )


def test_the_picture_shows_every_number_of_the_table():
    demo = script("draw_demo")
    attacks, rows = demo.numbers()
    assert attacks[0] == "natural" and rows.keys() == demo.COLORS.keys()
    texts = {e.text for e in ET.parse(demo.PICTURE).iter() if e.text}
    assert texts >= set(attacks)
    for cells in rows.values():
        assert len(cells) == len(attacks)
        for value, low, high in cells:
            assert low < value < high and f"{value:.1f}" in texts
