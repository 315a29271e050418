"""`docs/` describes the code: tables are complete, the example runs."""

import itertools
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from pass_counts import LEAST

from dat_keras.augment import AUGMENTS, Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.catalog import Description
from dat_keras.optimizers import SGD
from dat_keras.recipes import ADDITIONS
from dat_keras.recipes.own import ARCHITECTURES, OWN_SETTINGS, nearest
from dat_keras.recipes.paper import SCHEDULES
from dat_keras.training.model import AdversarialModel

DOCS = Path(__file__).parents[2] / "docs"
METHODS = (DOCS / "methods.md").read_text()
EXTENDING = (DOCS / "extending.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL)


def rows(first_header):
    """Cells of the table below a header, by the name that begins each row."""
    table = METHODS.partition(first_header)[2].partition("\n\n")[0]
    lines = [line.strip("| ") for line in table.splitlines()[2:]]
    cells = [[c.strip() for c in line.split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


METHOD_ROWS = rows("| name | class | formula ")
AUGMENT_ROWS = rows("| name | class | Keras ")


def test_the_tables_hold_every_name_and_no_other():
    assert METHOD_ROWS.keys() == OBJECTIVES.keys()
    assert AUGMENT_ROWS.keys() == AUGMENTS.keys()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_method_is_described_as_its_code_says(name):
    cls, formula, paper, branches, *passes, units = METHOD_ROWS[name]
    objective, about = OBJECTIVES[name], Description.of(OBJECTIVES[name])
    assert cls == f"`{objective.__name__}`"
    assert formula.startswith(f"[{objective.__module__.split('.')[-1]}.py]")
    expected = f"[{about.paper}]({about.link})" if about.link else "-"
    assert paper == expected
    assert int(branches) == objective().branches
    assert tuple(map(int, passes)) == LEAST[name]
    forward, to_input, to_weights = LEAST[name]
    assert int(units) == forward + to_input + 2 * to_weights


def test_the_table_of_own_settings_says_where_they_come_from():
    table = rows("| own settings of ")
    assert table.keys() == OWN_SETTINGS.keys()
    for method, cells in table.items():
        places = itertools.product(SCHEDULES, ARCHITECTURES)
        for place, cell in zip(places, cells, strict=True):
            found = nearest(method, *place)
            said = "published" if found == place else " ".join(found)
            assert cell == said, (method, place)


def test_every_addition_is_described():
    names = ", ".join(rows("| addition | ")).replace("`", "")
    assert [n.strip("+ ") for n in names.split(",")] == list(ADDITIONS)


# Trained for certified accuracy, which this table does not show.
CERTIFIED = ("ibp",)


def test_the_table_on_shapes_has_a_row_for_each_method():
    found = rows("| method | natural | ")
    assert found.keys() == OBJECTIVES.keys() - set(CERTIFIED)
    broken = float(found["natural"][2])
    for name, (_, _, pgd20, *_) in found.items():
        if name != "natural":
            assert float(pgd20.strip("*")) > broken + 30


@pytest.mark.parametrize("name", AUGMENTS)
def test_an_augmentation_is_named_by_its_class(name):
    assert AUGMENT_ROWS[name][0] == f"`{AUGMENTS[name].__name__}`"


@pytest.mark.parametrize("document", [METHODS, EXTENDING], ids=["m", "e"])
def test_links_lead_somewhere(document):
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", document):
        assert (DOCS / path).exists(), path


@pytest.fixture
def alp(monkeypatch):
    """The method of extending.md: its file, and its line in the table."""
    module = types.ModuleType("dat_keras.objectives.alp")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(EXAMPLE, "extending.md", "exec"), vars(module))
    line = re.search(r'^    "(\S+)": (\w+),$', EXTENDING, re.MULTILINE)
    monkeypatch.setitem(OBJECTIVES, line[1], getattr(module, line[2]))
    return OBJECTIVES["alp"]()


def test_the_example_is_short_and_describes_itself(alp):
    assert len(EXAMPLE.splitlines()) <= 50
    assert Description.of(type(alp)).paper == "Kannan et al., 2018"


def test_the_example_trains(alp, make_tiny, batch):
    model = AdversarialModel(make_tiny(), alp, augment=Unchanged())
    model.compile(optimizer=SGD(0.1))
    x, y = (part.numpy() for part in batch)
    logs = model.fit(x, y, batch_size=4, verbose=0).history
    assert int(model.step.numpy()) == 2
    (total,) = logs["loss"]
    np.testing.assert_allclose(
        total, sum(logs[term][0] for term in alp.terms), rtol=1e-5
    )


PLUGIN = """
import dat_keras.objectives as package

package.__path__.append({folder!r})
from dat_keras.objectives.alp import ALP

package.OBJECTIVES["alp"] = ALP
"""


@pytest.mark.thorough
def test_the_contract_takes_the_example_up_by_its_line_alone(tmp_path):
    """The very tests of all methods, in a process where it is one of them."""
    folder = tmp_path / "objectives"
    folder.mkdir()
    (folder / "alp.py").write_text(EXAMPLE)
    plugin = PLUGIN.format(folder=str(folder))
    (tmp_path / "alp_plugin.py").write_text(plugin)
    tests = [f"tests/objectives/test_{n}.py" for n in ("contract", "passes")]
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "alp_plugin"),
            *("-p", "no:cacheprovider", "-k", "alp", *tests),
            *("-m", "thorough or not thorough"),
        ],
        cwd=DOCS.parent,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    (passed,) = re.findall(r"(\d+) passed", run.stdout)
    assert int(passed) >= 20


def test_the_example_keeps_the_contract(alp, make_tiny, make_step):
    step = make_step(make_tiny(), alp)
    (view,) = views = alp.craft(step)
    distance = Linf(8 / 255).distance(view.x_adv, view.x).numpy()
    assert (distance <= 8 / 255 + 1e-6).all() and distance.max() > 0
    terms = alp.loss(step.predict, views, step.y)
    assert tuple(terms) == alp.terms
    logits, attacked = (step.predict(x).numpy() for x in (view.x, view.x_adv))
    np.testing.assert_allclose(
        terms["pairing"], 0.5 * np.square(logits - attacked).mean(), rtol=1e-4
    )
