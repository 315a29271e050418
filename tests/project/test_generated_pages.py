"""Pages and pictures of docs/ that are made from code and data are fresh."""

import csv
import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
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


def test_the_picture_of_the_study_shows_every_arm_of_both_seeds():
    pytest.importorskip("matplotlib")
    study = script("draw_study")
    curves, axes = study.curves(), study.drawn().axes
    assert len(axes) == len(curves) == 2
    for axis, arms in zip(axes, curves.values(), strict=True):
        assert arms.keys() == study.ARMS.keys()
        low, high = axis.get_ylim()
        for line, arm in zip(axis.get_lines(), study.ARMS, strict=True):
            epochs, means = study.smooth(arms[arm])
            assert line.get_label() == study.ARMS[arm]
            np.testing.assert_array_equal(line.get_xydata()[:, 0], epochs)
            # The curve of the last epochs is what the study is about.
            assert low < means[-1] < high
            assert means[-1] == pytest.approx(arms[arm][-study.WINDOW :].mean())


SMOOTHED = "PGD-AT, smoothing 0.5"


def test_the_table_of_the_study_is_that_of_its_files():
    """Both checkpoints of both seeds, as `compare` wrote them."""
    table = _rows_of_seeds((DOCS / "study.md").read_text(), columns=7)
    for seed in (0, 1):
        rows = {row["method"]: row for row in _measured(f"seed{seed}")}
        arms = script("draw_study").ARMS | {"smoothed": SMOOTHED}
        assert rows.keys() == {
            f"{arm} ({which})" for arm in arms for which in ("best", "last")
        }
        for arm, name in arms.items():
            expected = [
                float(rows[f"{arm} ({which})"][key])
                for which in ("best", "last")
                for key in ("natural", "pgd20")
            ]
            found = [float(cell) for cell in table[_plain(name), seed][:4]]
            assert found == pytest.approx(expected, abs=0.0501)


ONE_SEED = {
    "mu-half": "mu 0.5",
    "no-js": "no-js",
    "no-aag": "no-aag",
    "frozen": "generator rate 0",
    "matched-6": "`match_mean`, `beta` 6, no smoothing",
    "awp": "`+awp`",
    "swa": "`+swa`",
}


def test_the_arms_with_one_seed_are_those_of_their_file():
    page = (DOCS / "study.md").read_text()
    rows = {row["method"]: row for row in _measured("one_seed")}
    assert rows.keys() == {
        f"{arm} ({which})" for arm in ONE_SEED for which in ("best", "last")
    }
    for arm, name in ONE_SEED.items():
        line = re.search(rf"^\| {re.escape(name)} \|(.*)$", page, re.MULTILINE)
        found = [_plain(cell) for cell in line[1].split("|")[:4]]
        expected = [
            float(rows[f"{arm} ({which})"][key])
            for which in ("best", "last")
            for key in ("natural", "pgd20")
        ]
        assert [float(cell) for cell in found] == pytest.approx(
            expected, abs=0.0501
        )


def test_autoattack_of_the_arms_is_that_of_its_file():
    table = _rows_of_seeds((DOCS / "study.md").read_text(), columns=6)
    names = script("draw_study").ARMS | {"smoothed": SMOOTHED}
    rows = _measured("autoattack")
    assert len(rows) == len(names) * 2 * 2
    for row in rows:
        cells = table[_plain(names[row["arm"]]), int(row["seed"])]
        column = ("best", "last").index(row["checkpoint"])
        assert cells[column] == row["autoattack"]
        # The same images: the difference is that of the accuracies.
        base = table["base-only", int(row["seed"])][column]
        if row["arm"] != "base-only":
            above = float(row["autoattack"]) - float(base)
            assert float(cells[2 + column]) == pytest.approx(above, abs=0.01)


def _measured(name):
    results = DOCS.parent / "benchmarks" / "results"
    with (results / f"study_{name}.csv").open() as file:
        return list(csv.DictReader(file))


def _rows_of_seeds(page, columns):
    """Cells of the rows of each arm and seed; an arm is named once."""
    rows, arm = {}, ""
    for line in page.splitlines():
        cells = [_plain(cell) for cell in line.split("|")[1:-1]]
        if len(cells) != columns or not cells[1].isdigit():
            continue
        arm = cells[0] or arm
        rows[arm, int(cells[1])] = cells[2:]
    return rows


def _plain(cell):
    return re.sub(r"[*` ]|\(.*?\)", "", cell)
