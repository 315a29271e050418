"""One eps for all attacks of a recipe."""

import pytest

from dat_keras.recipes import RECIPES, resolve
from dat_keras.recipes.radius import with_radius


def test_the_radius_is_that_of_all_attacks():
    recipe = resolve({"recipe": "dat-cifar10-resnet18", "eps": 4 / 255})
    for attack in (recipe.objective.attack, recipe.eval_attack):
        assert attack.threat_model.eps == pytest.approx(4 / 255)
        assert attack.step_size == pytest.approx(1 / 255)


def test_lengths_in_units_of_eps_stay():
    recipe = with_radius(RECIPES["n-fgsm-cifar10-resnet18"], 4 / 255)
    attack = recipe.objective.attack
    assert attack.threat_model.eps == pytest.approx(4 / 255)
    assert (attack.noise, attack.step) == (2.0, 1.0)


def test_methods_with_radii_of_their_own_refuse_one():
    with pytest.raises(ValueError, match="own in objective.policy"):
        with_radius(RECIPES["las-at-shapes-resnet8"], 4 / 255)


def test_a_run_is_resolved_from_its_own_recipe():
    run = resolve({"method": "trades", "epochs": 3})
    assert resolve({}, run) is not None and resolve({}, run) == run
    assert resolve({"epochs": 5}, run).epochs == 5
    assert resolve({"method": "dat"}, run).objective != run.objective
