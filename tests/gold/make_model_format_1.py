"""Writes `model_format_1`: a folder as this version publishes models.

Later versions must still read it, so it is not to be written again.
"""

from pathlib import Path

import keras
import numpy as np

from dat_keras.zoo.bundle.read import build
from dat_keras.zoo.bundle.write import Bundle, write_bundle
from dat_keras.zoo.cards.spec import ModelSpec

FOLDER = Path(__file__).parent / "model_format_1"
SPEC = ModelSpec(
    architecture="resnet8",
    kwargs={"width": 2, "mean_std": [[0.5, 0.4, 0.3], [0.25, 0.2, 0.3]]},
    input_shape=(8, 8, 3),
    class_names=("cat", "dog", "owl"),
    dataset="toy",
    norm="l2",
    eps=0.5,
    training={"name": "dat-toy-resnet8"},
    version="0.1.0",
)


def images():
    return np.random.default_rng(0).random((4, 8, 8, 3), np.float32)


def main():
    keras.utils.set_random_seed(0)
    model = build(SPEC)
    for variable in model.weights:
        if "moving_mean" in variable.path:
            variable.assign(keras.random.normal(variable.shape))
    FOLDER.mkdir()
    write_bundle(Bundle(model, SPEC, keras_copy=False), FOLDER, "a/net", "mit")
    np.save(FOLDER / "logits.npy", model(images(), training=False))


if __name__ == "__main__":
    main()
