"""The contract of all builders, at a width that costs nothing."""

import functools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.architectures import OWN, ResNet8, branches_of

# Of each family the smallest; deeper ones in the long run of the tests.
DEEP = {"wrn-34-10", "wrn-70-16", "swish-wrn-34", "swish-wrn-70"} | {
    f"swish-wrn-{depth}" for depth in (82, 94, 106)
}
NAMES = [
    pytest.param(name, marks=[pytest.mark.thorough] * (name in DEEP))
    for name in sorted(OWN)
]
IMAGES = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype("float32")


def build(name, num_classes=5, **settings):
    keras.utils.set_random_seed(0)
    settings = {"width": 2, "input_shape": (16, 16, 3)} | settings
    return OWN[name](num_classes, **settings)


@functools.cache
def branched(name):
    return build(name, branches=2, mean_std=([0.5] * 3, [0.2] * 3))


@pytest.fixture
def policy():
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_finite_and_of_the_right_shape(name):
    model = branched(name)
    assert branches_of(model) == 2
    for branch in (0, 1):
        logits = model(IMAGES, branch=branch)
        assert logits.shape == (2, 5)
        assert np.isfinite(logits).all()
        assert np.ptp(logits) > 0


def test_one_branch_gives_a_plain_functional_model():
    model = build("resnet8")
    assert type(model).__module__.startswith("keras.")
    assert branches_of(model) == 1


@pytest.mark.parametrize("name", NAMES)
def test_paths_are_unique_and_the_same_in_a_second_build(name):
    first = [v.path for v in branched(name).weights]
    second = [v.path for v in build(name, branches=2).weights]
    assert first == second
    assert len(set(first)) == len(first)
    alone = [v.path for v in build(name).weights]
    assert alone == [v.path for v in branched(name).base.weights]


@pytest.mark.parametrize("name", NAMES)
def test_no_layer_has_a_default_name(name):
    model = branched(name)
    layers = [layer for branch in model.branches for layer in branch.layers]
    for layer in [model, *model.branches, *layers]:
        default = re.sub(r"(?<!^)(?=[A-Z])", "_", type(layer).__name__).lower()
        assert not re.fullmatch(rf"{default}(_\d+)?", layer.name)
        assert not re.match(
            r"(input_layer|functional|conv2d|re_lu)", layer.name
        )


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_keras_own(name):
    for layer in branched(name).base.layers:
        assert type(layer).__module__.startswith("keras.")


def test_weights_repeat_under_a_seed():
    def kernels(branches):
        keras.utils.set_random_seed(3)
        model = ResNet8(10, branches=branches)
        return {v.path: v.numpy() for v in model.weights}

    once, again, branched = kernels(1), kernels(1), kernels(2)
    for path, value in once.items():
        np.testing.assert_array_equal(value, again[path])
        np.testing.assert_array_equal(value, branched[path])
    same_shape = ("stage1_block0_conv1/kernel", "stage1_block0_conv2/kernel")
    assert np.any(once[same_shape[0]] != once[same_shape[1]])


def test_initial_weights_have_the_published_spread():
    model = ResNet8(10, width=64)
    spread = {v.path: v.numpy().std() for v in model.weights}
    kernel = spread["stage3_block0_conv2/kernel"]
    assert kernel == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.01)
    dense = spread["logits/kernel"]
    assert dense == pytest.approx((2 / (256 + 10)) ** 0.5, rel=0.1)
    bias = next(v for v in model.weights if v.path == "logits/bias")
    assert not bias.numpy().any()


def test_batch_norm_has_pytorchs_constants():
    layer = ResNet8(10).get_layer("stem_bn")
    assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
    assert layer.synchronized is False


def test_sync_bn_reaches_every_batch_norm():
    model = build("resnet8", branches=2, sync_bn=True)
    norms = [
        layer
        for branch in model.branches
        for layer in branch.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 18 and all(layer.synchronized for layer in norms)
    assert np.isfinite(model(IMAGES, training=True)).all()


def test_mean_std_equals_standardizing_by_hand():
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    standardizing = build("resnet8", mean_std=(mean, std))
    plain = build("resnet8")
    plain.set_weights(standardizing.get_weights())
    by_hand = (IMAGES - np.float32(mean)) / np.float32(std)
    np.testing.assert_allclose(
        standardizing(IMAGES), plain(by_hand), rtol=1e-4, atol=1e-5
    )
    assert np.abs(plain(IMAGES) - plain(by_hand)).max() > 1e-2


@pytest.mark.bfloat16
@pytest.mark.parametrize("branches", [1, 2])
@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_pixels_and_logits_in_float32(
    policy, name, branches
):
    policy(name)
    model = build("resnet8", branches=branches, width=4)
    base = model.base if branches == 2 else model
    half = base.get_layer("stage1_block0_conv1").compute_dtype
    assert half == name.removeprefix("mixed_")
    logits = model(IMAGES)
    assert logits.dtype == tf.float32
    rounded = tf.cast(tf.cast(IMAGES, half), tf.float32)
    stem = keras.Model(base.input, base.get_layer("stem_conv").output)
    assert np.any(stem(IMAGES) != stem(rounded))
    assert np.any(logits != model(rounded))


@pytest.mark.parametrize("name", ["resnet8", "preactresnet18"])
def test_inference_model_survives_a_keras_file(name, tmp_path):
    base = branched(name).base
    base(IMAGES, training=True)
    base.save(tmp_path / "base.keras")
    loaded = keras.models.load_model(tmp_path / "base.keras")
    np.testing.assert_array_equal(loaded(IMAGES), base(IMAGES))
    paths = [v.path for v in loaded.weights]
    assert paths == [v.path for v in base.weights]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 0}, "`num_classes` .* Received: num_classes=0"),
        ({"branches": 0}, "`branches` .* Received: branches=0"),
        ({"input_shape": (32, 32)}, "`input_shape` .* Received: .*32, 32"),
        ({"mean_std": ([0.5], [0.2])}, "`mean_std` .* 3 channels"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        build("resnet8", **settings)


def test_sides_that_wide_swish_nets_cannot_halve_are_refused():
    with pytest.raises(ValueError, match=r"divisible by 4.*\(30, 32, 3\)"):
        build("swish-wrn-28", width=1, input_shape=(30, 32, 3))
