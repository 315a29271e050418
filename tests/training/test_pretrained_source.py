"""Runs that begin at a pretrained net."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from pretrained_nets import preset
from small_runs import NATURAL, TINY, FailAt

from dat_keras.architectures import ResNet8
from dat_keras.recipes import Recipe
from dat_keras.recipes.pretrained import Pretrained
from dat_keras.training import pretrained_source
from dat_keras.training.build import build
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.pretrained_source import recorded
from dat_keras.training.resume import check_same
from dat_keras.training.run_info import (
    RunInfo,
    load_classifier,
    load_teacher,
)
from dat_keras.training.train import train
from dat_keras.utils.errors import DamagedFileError
from dat_keras.zoo.bundle.read import read_folder
from dat_keras.zoo.bundle.write import from_run, write_bundle
from dat_keras.zoo.errors import BadReferenceError

pytestmark = pytest.mark.usefixtures("small_shapes")

SIZE = (32, 32, 3)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A net of seven classes and saved images of 16 pixels, with dropout."""
    keras.utils.set_random_seed(7)
    net = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(4, 5, strides=3, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalMaxPooling2D(),
            layers.Dropout(0.2),
            layers.Dense(7, activation="softmax"),
        ]
    )
    path = tmp_path_factory.mktemp("nets") / "net.keras"
    net.save(path)
    return path


def recipe_of(source, base=TINY, **settings):
    init = recorded(str(source), load_teacher)
    return replace(base, width=None, init=replace(init, **settings))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A net for the images of `shapes`, but for its classes, with dropout."""
    keras.utils.set_random_seed(8)
    path = tmp_path_factory.mktemp("nets") / "net.keras"
    body = ResNet8(7, width=2)
    features = body.get_layer("pool").output
    dropped = layers.Dropout(0.3)(features)
    head = layers.Dense(7, name="seven")
    keras.Model(body.input, head(dropped)).save(path)
    return path


def test_a_run_begins_with_the_weights_of_the_file(saved):
    recipe = recipe_of(saved, trainable="last:3", body_rate=0.5)
    model = build(recipe, SIZE, 10, 3)
    source = keras.models.load_model(saved)
    base = model.classifier.base
    for old, new in zip(source.weights[:-2], base.weights, strict=False):
        np.testing.assert_array_equal(old, new)
    assert base.output_shape == (None, 10)
    # Two norms and a head; the second branch has norms of its own.
    trained = [w.path for w in model.classifier.trainable_weights]
    assert trained
    assert set(model.optimizer.rate_factors) == {0.5, 1.0}
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_cut_run_is_resumed_with_the_same_bits(
    saved, tmp_path, snapshot, same
):
    recipe = recipe_of(saved, NATURAL)
    whole = train(recipe, tmp_path / "whole")
    cut = RunOptions(
        callbacks=(FailAt(4, KeyboardInterrupt()),), checkpoint_seconds=0.0
    )
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", options=cut)
    resumed = train(recipe, tmp_path / "cut", options=RunOptions(resume=True))
    assert same(snapshot(whole.variables), snapshot(resumed.variables))
    for name in ("best.safetensors", "last.safetensors", "net.json"):
        files = (tmp_path / run / name for run in ("whole", "cut"))
        assert len({path.read_bytes() for path in files}) == 1


LONG = pytest.mark.thorough
MEAN_STD = ((0.4, 0.5, 0.6), (0.2, 0.3, 0.1))


@pytest.mark.parametrize(
    ("base", "options"),
    [
        pytest.param(NATURAL, {}, id="one branch"),
        pytest.param(TINY, {}, id="two branches", marks=LONG),
        pytest.param(NATURAL, {"mean_std": MEAN_STD}, id="statistics"),
    ],
)
def test_a_run_that_began_at_an_own_net_is_published(base, options, tmp_path):
    ResNet8(10, width=2, **options).save(tmp_path / "net.keras")
    recipe = recipe_of(tmp_path / "net.keras", base, trainable="last:2")
    model = train(replace(recipe, epochs=1), tmp_path / "run")
    bundle = from_run(tmp_path / "run", "last")
    assert bundle.spec.architecture == "resnet8"
    assert bundle.spec.kwargs["width"] == 2
    assert bundle.spec.kwargs.keys() == {"width", *options}
    assert bundle.spec.training["init"]["source"] == "net.keras"
    write_bundle(bundle, tmp_path, "alice/net", "mit")
    x = np.random.default_rng(0).random((2, *SIZE), np.float32)
    found = read_folder(tmp_path).model
    with model.inference_scope():
        wanted = model.classifier(x)
    # The root of a variance, squared, may be rounded.
    rtol = 1e-5 if options else 0.0
    np.testing.assert_allclose(found(x), wanted, rtol=rtol)


def test_own_names_of_other_layers_are_not_own(tmp_path):
    body = ResNet8(10, width=2)
    features = body.get_layer("pool").output
    head = layers.Dense(10, use_bias=False, name="logits")
    keras.Model(body.input, head(features), name="resnet8").save(
        tmp_path / "net.keras"
    )
    recipe = recipe_of(tmp_path / "net.keras", NATURAL)
    train(replace(recipe, epochs=1), tmp_path / "run")
    with pytest.raises(BadReferenceError, match="only this package's own"):
        from_run(tmp_path / "run")


def test_a_finished_run_needs_its_source_no_more(saved, tmp_path):
    source = tmp_path / "net.keras"
    source.write_bytes(saved.read_bytes())
    model = train(recipe_of(source, NATURAL), tmp_path / "run")
    source.unlink()
    x = np.random.default_rng(0).random((2, *SIZE), np.float32)
    found = load_classifier(tmp_path / "run", "last").model
    with model.inference_scope():
        np.testing.assert_array_equal(found(x), model.classifier(x))
    with pytest.raises(BadReferenceError, match="only this package's own"):
        from_run(tmp_path / "run")
    (tmp_path / "run" / "net.json").write_text("[]")
    with pytest.raises(DamagedFileError, match=r"net\.json"):
        load_classifier(tmp_path / "run")


def test_a_changed_source_is_refused(saved, file, tmp_path):
    source = tmp_path / "net.keras"
    source.write_bytes(saved.read_bytes())
    recipe = recipe_of(source)
    source.write_bytes(file.read_bytes())
    # Keras does not build what is in the file before it is known.
    with pytest.raises(ValueError, match="began at another net"):
        build(recipe, SIZE, 10, 3, load_teacher=pytest.fail)
    with pytest.raises(ValueError, match=r"init\.sha256="):
        check_same(recipe, recipe_of(source))


def test_runs_begin_at_runs(tmp_path):
    first = replace(NATURAL, epochs=1)
    train(first, tmp_path / "first")
    recipe = recipe_of(tmp_path / "first")
    model = build(recipe, SIZE, 10, 3)
    source = load_classifier(tmp_path / "first").model
    x = np.random.default_rng(0).random((2, *SIZE), np.float32)
    for branch in range(2):
        found = model.classifier(x, branch=branch)
        np.testing.assert_array_equal(found, source(x))


def test_runs_begin_at_presets(tmp_path, monkeypatch):
    own = preset(tmp_path / "preset")
    recipe = recipe_of(tmp_path / "preset")
    assert recipe.init.adapter == "keras-hub"
    model = build(recipe, SIZE, 5, 3)
    x = np.random.default_rng(0).random((2, *SIZE), np.float32)
    found = model.classifier(x)
    np.testing.assert_allclose(found, own(x), rtol=1e-5, atol=1e-5)
    config = tmp_path / "preset" / "metadata.json"
    config.write_text(config.read_text() + " ")
    monkeypatch.setattr(pretrained_source, "read_preset", pytest.fail)
    with pytest.raises(ValueError, match="began at another net"):
        build(recipe, SIZE, 5, 3)


def test_images_are_adapted_to_the_net(file):
    colour = recipe_of(file, adapter="tf")
    with pytest.raises(ValueError, match="C=1 or C=1"):
        build(colour, SIZE, 7, 3)
    model = build(colour, (32, 32, 1), 7, 3)
    source = keras.models.load_model(file)
    x = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    small = 2.0 * keras.layers.Resizing(16, 16)(x) - 1.0
    found = keras.ops.softmax(model.classifier(x))
    np.testing.assert_allclose(found, source(small), rtol=1e-4, atol=1e-5)


def test_lambda_layers_are_refused(tmp_path):
    double = layers.Lambda(lambda x: 2.0 * x)
    net = keras.Sequential([keras.Input((8, 8, 3)), double])
    net.add(layers.Flatten())
    net.save(tmp_path / "net.keras")
    with pytest.raises(DamagedFileError, match="holds a Lambda layer"):
        recorded(str(tmp_path / "net.keras"), load_teacher)


def test_settings_of_an_untrained_net_are_refused(saved):
    recipe = recipe_of(saved)
    with pytest.raises(ValueError, match="has the width and the precision"):
        replace(recipe, width=2)
    with pytest.raises(ValueError, match="has the width and the precision"):
        replace(recipe, precision="mixed_bfloat16")
    with pytest.raises(ValueError, match="Unknown adapter"):
        Pretrained("a", "b", adapter="imagenet")


def test_old_recipes_are_read():
    text = TINY.to_json().replace('"init": null,', "")
    assert Recipe.from_json(text).init is None
    assert RunInfo(TINY, SIZE, ("a", "b")).recipe.attack_warmup == 0.0
