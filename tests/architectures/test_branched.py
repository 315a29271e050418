"""Branches share convolutions and nothing of their BatchNorm layers."""

import keras
import numpy as np
import pytest

from dat_keras.architectures import BranchedClassifier, ResNet8, branches_of

IMAGES = np.random.default_rng(1).uniform(size=(4, 8, 8, 3)).astype("float32")


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return ResNet8(5, input_shape=(8, 8, 3), width=2, branches=3)


def snapshot(model):
    return {v.path: v.numpy() for v in model.weights}


def changed(before, model):
    after = snapshot(model)
    return {p for p in before if np.any(before[p] != after[p])}


@pytest.mark.parametrize("branch", [0, 1, 2])
def test_training_pass_moves_the_statistics_of_its_branch_only(model, branch):
    own = {v.path for v in model.branches[branch].non_trainable_variables}
    before = snapshot(model)
    model(IMAGES, training=True, branch=branch)
    assert changed(before, model) == own
    suffix = f"_branch{branch}/" if branch else "/"
    assert all(suffix in path for path in own) and len(own) == 18


def test_inference_moves_nothing(model):
    before = snapshot(model)
    model(IMAGES, branch=1)
    assert not changed(before, model)


def test_everything_but_batch_norm_is_shared(model):
    base, second = ({v.path for v in b.weights} for b in model.branches[:2])
    shared = base & second
    assert all("_bn" not in path for path in shared)
    assert all("_bn" in path for path in base ^ second)
    for path in shared:
        pair = [
            next(v for v in b.weights if v.path == path)
            for b in model.branches[:2]
        ]
        assert pair[0] is pair[1]


def test_branches_differ_after_training_passes(model):
    np.testing.assert_array_equal(model(IMAGES), model(IMAGES, branch=1))
    model(IMAGES, training=True, branch=1)
    assert np.any(model(IMAGES) != model(IMAGES, branch=1))
    np.testing.assert_array_equal(model(IMAGES), model.base(IMAGES))


def test_weights_survive_a_file(model, tmp_path):
    for branch in range(3):
        model(IMAGES * (branch + 1), training=True, branch=branch)
    model.save_weights(tmp_path / "all.weights.h5")
    other = ResNet8(5, input_shape=(8, 8, 3), width=2, branches=3)
    assert changed(snapshot(model), other)
    other.load_weights(tmp_path / "all.weights.h5")
    assert not changed(snapshot(model), other)


def test_call_is_traced_by_fit_like_any_model(model):
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    before = snapshot(model)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        model.fit(IMAGES, np.arange(4), verbose=0)
    moved = changed(before, model)
    assert moved and all("_branch" not in path for path in moved)


def test_branches_of_other_models():
    plain = ResNet8(5, input_shape=(8, 8, 3), width=2)
    assert not isinstance(plain, BranchedClassifier)
    assert branches_of(plain) == branches_of(keras.Sequential()) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_saved_branches_share_their_layers_again(model, tmp_path, times):
    loaded = model
    for time in range(times):
        loaded.save(tmp_path / f"{time}.keras")
        loaded = keras.models.load_model(tmp_path / f"{time}.keras")
    assert [v.path for v in loaded.weights] == [v.path for v in model.weights]
    for branch in range(3):
        assert np.array_equal(
            loaded(IMAGES, branch=branch), model(IMAGES, branch=branch)
        )
    assert loaded.name == model.name


def test_a_clone_has_weights_of_its_own(model):
    clone = keras.models.clone_model(model)
    assert len(clone.weights) == len(model.weights)
    before = snapshot(model)
    for variable in clone.weights:
        variable.assign(variable + 1)
    assert not changed(before, model)
