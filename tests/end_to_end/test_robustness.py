"""The point of it all: methods resist an attack that breaks natural training.

Two epochs on `shapes` each, about half an hour in all on two cores:
`pytest -m slow tests/end_to_end`.
"""

from dataclasses import replace

import pytest

from dat_keras.data import load_split
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.distillation import Distillation
from dat_keras.recipes import RECIPES
from dat_keras.training.run_info import load_classifier
from dat_keras.training.train import train


def robust_accuracy(method, folder):
    """Accuracy under PGD-20 of the method's small recipe."""
    recipe = RECIPES[f"{method}-shapes-resnet8"]
    if isinstance(recipe.objective, Distillation):
        teacher = folder.with_name("teacher")
        train(RECIPES["pgd-at-shapes-resnet8"], teacher)
        objective = replace(recipe.objective, teacher=str(teacher))
        recipe = replace(recipe, objective=objective)
    train(recipe, folder)
    test = load_split("shapes", "test")
    model = load_classifier(folder).model
    return evaluate(model, test, "pgd20", n_examples=200)["pgd20"].accuracy


@pytest.fixture(scope="module")
def natural(tmp_path_factory):
    return robust_accuracy("natural", tmp_path_factory.mktemp("natural"))


@pytest.mark.slow
@pytest.mark.parametrize("method", [m for m in OBJECTIVES if m != "natural"])
def test_beats_natural_training_by_a_wide_margin(method, natural, tmp_path):
    assert robust_accuracy(method, tmp_path / method) > natural + 0.2
