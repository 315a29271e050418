"""The point of it all: DAT resists an attack that breaks natural training."""

import pytest

from dat_keras.evaluation import evaluate
from dat_keras.recipes import RECIPES
from dat_keras.runs import load_classifier
from dat_keras.training import train


@pytest.mark.slow
def test_dat_beats_natural_training_by_a_wide_margin(tmp_path):
    from dat_keras.data import load_split

    test = load_split("shapes", "test")
    accuracy = {}
    for method in ("natural", "dat"):
        train(RECIPES[f"{method}-shapes-resnet8"], tmp_path / method)
        model = load_classifier(tmp_path / method).model
        report = evaluate(model, test, "pgd20", n_examples=200)
        accuracy[method] = report["pgd20"].accuracy
    assert accuracy["dat"] > accuracy["natural"] + 0.3
