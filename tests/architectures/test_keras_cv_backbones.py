"""Backbones of KerasCV: their own numbers, two branches, a step of DAT."""

from dataclasses import replace
from functools import partial

import keras
import keras_cv
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.architectures import ARCHITECTURES, KerasCVClassifier
from dat_keras.architectures import keras_cv as ours
from dat_keras.cli._names import ARCHITECTURES as NAMES
from dat_keras.objectives import DAT
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

IMAGE = (16, 16, 3)
KIND, SETTINGS = ours.PRESETS["resnet50"]
TINY = {
    **SETTINGS,
    "stackwise_filters": [2],
    "stackwise_blocks": [1],
    "stackwise_strides": [1],
}
APPLICATIONS = {
    "densenet121": 7_037_504,
    "densenet169": 12_642_880,
    "densenet201": 18_321_984,
    "vgg16": 14_714_688,
}
"""Weights of the nets in `keras.applications`, without the top."""


@pytest.fixture
def tiny(monkeypatch):
    """Builds a net of one small block."""
    monkeypatch.setitem(ours.PRESETS, "tiny", (KIND, TINY))
    return partial(KerasCVClassifier, "tiny", 4, input_shape=IMAGE)


def test_the_command_knows_the_names_without_tensorflow():
    assert tuple(ARCHITECTURES) == NAMES


SMALL = ("resnet18", "resnet18_v2", "vgg16")


@pytest.mark.parametrize(
    "name",
    [
        name
        if name in SMALL
        else pytest.param(name, marks=pytest.mark.thorough)
        for name in ours.PRESETS
    ],
)
def test_backbones_have_the_weights_that_keras_cv_states(name):
    net = ARCHITECTURES[f"keras_cv/{name}"](10)
    kind = getattr(keras_cv.models, ours.PRESETS[name][0])
    stated = kind.presets.get(name, {}).get("metadata", {}).get("params")
    expected = stated or APPLICATIONS[name]
    assert (
        net.count_params() - net.get_layer("logits").count_params() == expected
    )
    assert net.output_shape == (None, 10)


def test_logits_are_those_of_the_backbone_pooled(tiny):
    net = tiny()
    backbone = getattr(keras_cv.models, KIND)(
        include_rescaling=False, input_shape=IMAGE, **TINY
    )
    rng = np.random.default_rng(0)
    net.set_weights([rng.uniform(0.1, 1, w.shape) for w in net.weights])
    *body, kernel, bias = net.get_weights()
    backbone.set_weights(body)
    x = rng.random((3, *IMAGE)).astype("f")
    for training in (False, True):
        features = np.mean(backbone(x, training=training), axis=(1, 2))
        logits = net(x, training=training)
        np.testing.assert_allclose(logits, features @ kernel + bias, rtol=1e-4)


def test_branches_share_all_but_batch_norm(tiny):
    net = tiny(branches=2)
    first, second = net.branches
    norms = {
        branch: [
            layer
            for layer in branch.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        for branch in net.branches
    }
    assert len(norms[first]) == len(norms[second]) > 0
    assert not {id(v) for v in norms[first]} & {id(v) for v in norms[second]}
    others = [
        [id(v) for v in branch.layers[1:] if v not in norms[branch]]
        for branch in net.branches
    ]
    assert others[0] == others[1]
    assert norms[second][0].name == "conv1_bn_branch1"


def test_standardization_precision_and_synchronized_batch_norm(tiny):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        net = tiny(mean_std=([0.5] * 3, [0.25] * 3), sync_bn=True)
    finally:
        keras.config.set_dtype_policy("float32")
    policies = {layer.name: layer.dtype_policy.name for layer in net.layers}
    assert policies["conv1_conv"] == policies["logits"] == "float32"
    assert policies["v2_stack_0_block1_2_conv"] == "mixed_bfloat16"
    assert net.get_layer("conv1_bn").synchronized
    assert net.layers[1].name == "mean_std"


def test_a_width_is_refused(tiny):
    with pytest.raises(ValueError, match="one width.* Received: width=8"):
        tiny(width=8)


@pytest.mark.parametrize(
    "name", ["tiny", pytest.param("resnet18", marks=pytest.mark.thorough)]
)
def test_a_step_of_dat(tiny, name, tmp_path):
    net = KerasCVClassifier(name, 4, input_shape=IMAGE, branches=2)
    objective = DAT(attack=replace(DAT().attack, steps=1))
    model = AdversarialModel(net, objective)
    model.compile(optimizer=SGD(0.1), run_eagerly=False)
    x = np.random.default_rng(0).random((4, *IMAGE)).astype("f")
    before = net.get_weights()
    history = model.fit(x, tf.range(4), batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    moved = [
        (a != b).any() for a, b in zip(before, net.get_weights(), strict=True)
    ]
    trained = [w.path for w, m in zip(net.weights, moved, strict=True) if m]
    assert "conv1_conv/kernel" in trained
    assert "conv1_bn/moving_mean" in trained
    assert "conv1_bn_branch1/moving_mean" in trained
    if name == "tiny":
        net.save(tmp_path / "net.keras")
        again = keras.saving.load_model(tmp_path / "net.keras")
        np.testing.assert_array_equal(again(x, branch=1), net(x, branch=1))
