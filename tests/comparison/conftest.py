"""Grids of nets that train at once."""

import keras
import pytest

from dat_keras.architectures import ARCHITECTURES
from dat_keras.comparison import grid_run as grid_runs


@pytest.fixture(scope="module", autouse=True)
def quick():
    """A linear net in place of ResNet-8, for both training and counting."""

    def linear(num_classes, input_shape, branches, width):
        image, flat = keras.Input(input_shape), keras.layers.Flatten()
        dense = keras.layers.Dense(num_classes, name="logits")
        return keras.Sequential([image, flat, dense], name="linear")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "resnet8", linear)
        patch.setattr(grid_runs, "COUNTED_STEPS", 2)
        yield
