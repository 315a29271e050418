"""A model, and its file, that several commands read."""

import keras
import pytest


@pytest.fixture(scope="module")
def model():
    """A linear net for the images of `shapes`."""
    keras.utils.set_random_seed(1)
    image = keras.Input((32, 32, 3), name="image")
    logits = keras.layers.Dense(10, name="logits")
    return keras.Model(image, logits(keras.layers.Flatten()(image)))


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    """A `.keras` file of the model."""
    path = tmp_path_factory.mktemp("models") / "net.keras"
    model.save(path)
    return path
