"""A model file that several commands read."""

import keras
import pytest


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A linear net for the images of `shapes`."""
    image = keras.Input((32, 32, 3))
    logits = keras.layers.Dense(10)(keras.layers.Flatten()(image))
    path = tmp_path_factory.mktemp("models") / "net.keras"
    keras.Model(image, logits).save(path)
    return path
