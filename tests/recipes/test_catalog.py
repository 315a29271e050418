import pytest

from dat_keras.recipes import RECIPES
from dat_keras.recipes.catalog import recipes_table


def test_every_recipe_is_listed_with_its_length():
    header, *rows = recipes_table()
    assert header == ["recipe", "epochs", "batch", "summary"]
    assert [row[0] for row in rows] == list(RECIPES)
    for name, epochs, batch, summary in rows:
        recipe = RECIPES[name]
        assert (epochs, batch) == (str(recipe.epochs), str(recipe.batch_size))
        assert summary


def test_a_pattern_is_a_part_of_a_name_or_the_whole_with_wildcards():
    parts = {row[0] for row in recipes_table("awp+swa-cifar10-")[1:]}
    assert "dat+awp+swa-cifar10-resnet18" in parts
    assert all("awp+swa-cifar10-" in name for name in parts)
    whole = [row[0] for row in recipes_table("dat-shapes-*")[1:]]
    assert whole == ["dat-shapes-resnet8"]


def test_a_typo_gets_the_nearest_name():
    with pytest.raises(ValueError, match="Did you mean 'dat-cifar10-resnet18"):
        recipes_table("dat-cifra10-resnet18")
