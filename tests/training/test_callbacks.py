from types import SimpleNamespace

import numpy as np
import pytest

from dat_keras.training.callbacks import RaiseOnNaN
from dat_keras.utils.errors import TrainingDivergedError


class Number:
    def __init__(self, value):
        self.value = value

    def numpy(self):
        return self.value


def attach(callback, **attributes):
    callback.set_model(SimpleNamespace(**attributes))
    return callback


def test_a_loss_that_is_no_number_stops_the_run():
    callback = attach(RaiseOnNaN(), step=Number(7))
    callback.on_train_batch_end(0, {"loss": np.float32(1.0)})
    with pytest.raises(TrainingDivergedError, match="step 7"):
        callback.on_train_batch_end(1, {"loss": np.float32("nan")})
