"""docs/architecture.svg shows the packages and imports of today."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "draw_architecture.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("draw_architecture", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_picture_is_fresh(script):
    assert script.PICTURE.read_text() == script.draw(), (
        "run `python docs/draw_architecture.py`"
    )


def test_every_package_has_a_place_and_no_two_share_one(script):
    rooms = {room for floor in script.floors() for room in floor}
    assert rooms == script.COLUMNS.keys() == script.files().keys()
    for floor in script.floors():
        places = sorted(script.COLUMNS[room] for room in floor)
        apart = [b - a for a, b in zip(places, places[1:], strict=False)]
        assert all(d * script.COLUMN > script.BOX_WIDTH for d in apart)


def test_arrows_that_others_imply_are_left_out(script):
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert script.reduced(graph) == [("a", "b"), ("b", "c")]
