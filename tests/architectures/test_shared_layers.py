"""Branched classifiers as `.keras` files: same bits, same sharing."""

import keras
import numpy as np
import pytest
from support.toy_nets import NETS, lived_in

from dat_keras.architectures import BranchedClassifier

X = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)


def sharing(model):
    """Which layers of the second branch stand in the first one."""
    first, second = model.branches
    return {v.name: v in first.layers for v in second.layers}


@pytest.mark.parametrize("name", ["resnet8", "mean_std", "preactresnet18"])
def test_a_file_keeps_logits_paths_and_sharing(name, tmp_path):
    model = lived_in(NETS[name]())
    model.save(tmp_path / "net.keras")
    found = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    assert [v.path for v in found.weights] == [v.path for v in model.weights]
    assert sharing(found) == sharing(model)
    for branch in range(2):
        np.testing.assert_array_equal(
            found(X, branch=branch), model(X, branch=branch)
        )


def test_a_clone_has_the_shape_and_other_weights(tiny_branched):
    clone = keras.models.clone_model(tiny_branched)
    assert sharing(clone) == sharing(tiny_branched)
    assert not {id(v) for v in clone.weights} & {
        id(v) for v in tiny_branched.weights
    }


def test_weights_shared_inside_nested_models_are_refused():
    dense = keras.layers.Dense(2)
    models = []
    for _ in range(2):
        x = keras.Input((3,))
        inner = keras.Model(x, dense(x))
        image = keras.Input((3,))
        models.append(keras.Model(image, inner(image)))
    with pytest.raises(ValueError, match="inside a nested model"):
        BranchedClassifier(models, name="net").get_config()
