"""How many images validate a run, and what is said about it."""

from dataclasses import replace

import pytest

from dat_keras.data import Batches, load_split
from dat_keras.recipes import RECIPES
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.run_info import RunInfo
from dat_keras.training.train import train
from dat_keras.training.validation_images import bounded

WHOLE = Batches(load_split("shapes", "validation"), 50, shuffle=False)


def sizes(limit, count, whole=WHOLE):
    said = []
    return len(bounded(whole, limit, count, said.append).split), said


def test_all_images_validate_unless_few_are_trained_on():
    assert bounded(WHOLE, None, None, print) is WHOLE
    assert bounded(WHOLE, 5000, None, print) is WHOLE
    for limit, expected in ((300, 300), (5, 100)):
        count, (sentence,) = sizes(limit, None)
        assert count == expected
        assert f"uses {expected} of 1000 images because limit={limit}" in (
            sentence
        )


def test_another_number_is_taken_as_asked():
    assert sizes(128, 400) == (400, [])
    assert sizes(128, 1000) == (1000, [])
    assert sizes(None, 200) == (200, [])
    few, full = (bounded(WHOLE, None, n, print) for n in (200, 400))
    assert (few.split.images == full.split.images[:200]).all()


def test_more_than_there_are_is_refused():
    with pytest.raises(
        ValueError, match="at most 1000.*validation_images=1001"
    ):
        sizes(None, 1001)


def test_too_few_to_choose_by_is_a_caution():
    tiny = Batches(WHOLE.split.take(2), 2, shuffle=False)
    assert "2 validation images" in sizes(None, None, tiny)[1][0]
    assert "50 validation images" in sizes(None, 50)[1][0]


def test_a_run_validates_on_the_number_of_its_recipe(colours, tmp_path):
    recipe = replace(
        RECIPES["natural-shapes-resnet8"],
        dataset=str(colours),
        epochs=1,
        batch_size=8,
        width=2,
        limit=None,
        validation_images=4,
    )
    said = []
    train(recipe, tmp_path / "run", options=RunOptions(say=said.append))
    assert "chosen on 4 validation images" in said[0]
    assert RunInfo.read(tmp_path / "run" / "recipe.json").recipe == recipe
    with pytest.raises(ValueError, match="validation_images=99"):
        train(replace(recipe, validation_images=99), tmp_path / "other")
    assert not (tmp_path / "other").exists()
