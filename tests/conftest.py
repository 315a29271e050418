"""Small models and batches that the tests share, and their tolerances."""

import gc
import importlib.util
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from frequency_readers import (  # noqa: F401
    grey_images,
    mean_reader,
    phase_reader,
)
from keras import layers

from dat_keras.architectures import BranchedClassifier
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.random import BatchKey
from dat_keras.objectives.step import Step

if importlib.util.find_spec("dat_keras.cli") is None and any(
    (Path(__file__).parents[1] / "cli").glob("*.py")
):
    raise pytest.UsageError(
        "`dat_keras.cli` cannot be imported: run `pip install -e .` first."
    )

# Two replicas on any machine; this must precede the first tensor.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

# They need PyTorch, which the tests do without.
collect_ignore = [
    "gold/make_torch_fixtures.py",
    "support/opinionated_twin.py",
    "support/torch_twins.py",
]


def pytest_collection_modifyitems(items):
    """Skips bfloat16 where oneDNN may not use what the processor has.

    TensorFlow asks the processor whether it multiplies bfloat16, not oneDNN,
    and the process dies where `ONEDNN_MAX_CPU_ISA` has taken it away.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper()
    wide = ("DEFAULT", "ALL", "AVX512_CORE_BF16", "AVX512_CORE_FP16")
    if limit in wide or "AMX" in limit:
        return
    reason = f"TensorFlow crashes in bfloat16 with ONEDNN_MAX_CPU_ISA={limit}"
    for item in items:
        if item.get_closest_marker("bfloat16"):
            item.add_marker(pytest.mark.skip(reason))


@pytest.fixture(scope="module", autouse=True)
def collected():
    """Leaves what a module traced out of later garbage collections.

    A process keeps gigabytes of graphs; a collection that walks through all
    of them takes up to a minute.
    """
    yield
    gc.collect()
    gc.freeze()


IMAGE = (8, 8, 3)
CLASSES = 4


@pytest.fixture(scope="session")
def assert_close():
    """Asserts that float32 results equal their independent expectation."""

    def check(actual, expected, rtol=1e-5, atol=1e-6):
        np.testing.assert_allclose(
            np.asarray(actual), np.asarray(expected), rtol=rtol, atol=atol
        )

    return check


@pytest.fixture(scope="session")
def snapshot():
    """Copies variables, to be compared bit by bit later."""
    return lambda variables: [np.array(v) for v in variables]


@pytest.fixture(scope="session")
def same():
    """Whether two snapshots agree in every bit."""

    def check(before, after):
        return len(before) == len(after) and all(
            a.tobytes() == b.tobytes()
            for a, b in zip(before, after, strict=True)
        )

    return check


@pytest.fixture(scope="session")
def make_tiny():
    """Builds the tiny net: two convolutions with BatchNorm, four classes."""
    return _tiny


@pytest.fixture
def tiny_model():
    return _tiny()


@pytest.fixture
def tiny_branched():
    return _tiny(branches=2)


@pytest.fixture
def linear_model():
    """Two classes, `z = W x + b`, with weights of a known seed."""
    kernel = np.random.default_rng(7).normal(size=(192, 2)).astype(np.float32)
    model = keras.Sequential(
        [keras.Input(IMAGE), layers.Flatten(), layers.Dense(2, name="logits")]
    )
    model.get_layer("logits").set_weights([kernel, np.array([0.1, -0.2], "f")])
    return model


@pytest.fixture(scope="session")
def colours(tmp_path_factory):
    """A data set in a folder: 8x8 images of three classes of colour."""
    root = tmp_path_factory.mktemp("colours")
    draw = np.random.default_rng(0)
    for part, count in (("train", 12), ("validation", 4), ("test", 4)):
        for channel, name in enumerate(("blue", "green", "red")):
            target = root / part / name
            target.mkdir(parents=True)
            for i in range(count):
                image = draw.integers(0, 100, IMAGE)
                image[..., channel] += 150
                png = tf.io.encode_png(tf.constant(image, tf.uint8))
                tf.io.write_file(str(target / f"{i}.png"), png)
    return root


@pytest.fixture
def batch():
    """Eight images away from the faces of the box, two of each class."""
    x = np.random.default_rng(1).uniform(0.05, 0.95, (8, *IMAGE))
    return tf.constant(x, tf.float32), tf.constant([0, 1, 2, 3] * 2)


@pytest.fixture
def key():
    return BatchKey.of(0, 0)


@pytest.fixture
def make_step(batch, key):
    """Builds the context of a step whose augmentation did nothing."""

    def make(model, objective, **changes):
        x, y = batch
        adversary = objective.build_adversary(ClassifierSpec.of(model))
        adversary.build_from(model)
        fields = {
            "predict": Predictor(model),
            "x": x,
            "x_raw": x,
            "y": y,
            "progress": tf.constant(0.5),
            "key": key,
            "adversary": adversary,
        }
        return Step(**(fields | changes))

    return make


def _tiny(branches=1, classes=CLASSES):
    keras.utils.set_random_seed(3)
    conv1 = layers.Conv2D(4, 3, padding="same", name="conv1")
    conv2 = layers.Conv2D(8, 3, strides=2, padding="same", name="conv2")
    dense = layers.Dense(classes, name="logits")
    models = []
    for branch in range(branches):
        end = f"_branch{branch}" if branch else ""
        image = keras.Input(IMAGE, name="image")
        x = layers.ReLU(name="relu1" + end)(_norm("bn1" + end)(conv1(image)))
        x = layers.ReLU(name="relu2" + end)(_norm("bn2" + end)(conv2(x)))
        logits = dense(layers.GlobalAveragePooling2D(name="pool" + end)(x))
        models.append(keras.Model(image, logits, name="tiny" + end))
    if branches == 1:
        return models[0]
    return BranchedClassifier(models, name="tiny_branched")


def _norm(name):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)
