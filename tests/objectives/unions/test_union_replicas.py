"""Unions on two replicas: half the batch each is one with the whole."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from replicas import SIZES, START, state, step_on, two_replicas

from dat_keras.augment import Unchanged
from dat_keras.objectives import DAT, EAT, TRADES, AverageUnion, MaxUnion
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

DAT_ONE_BRANCH = DAT(START, split_bn=False)
METHODS = {
    "trades max": MaxUnion(TRADES(START)),
    "dat e-at": EAT(DAT_ONE_BRANCH),
    "dat avg": AverageUnion(DAT_ONE_BRANCH),
}


def after_one_step(strategy, objective, batch, sizes):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        net = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Flatten(),
                keras.layers.Dense(4),
            ]
        )
        model = AdversarialModel(net, objective, augment=Unchanged())
        model.compile(optimizer=SGD(0.05, momentum=0.9))
    step_on(strategy, model, batch, sizes)
    return model


@pytest.mark.parametrize(
    "name",
    [
        "trades max",
        *(
            pytest.param(name, marks=pytest.mark.thorough)
            for name in ("dat e-at", "dat avg")
        ),
    ],
)
def test_two_halves_are_one_batch(name, batch):
    """The norm that E-AT draws, and its error, are those of all images."""
    one, two = (
        after_one_step(strategy, METHODS[name], batch, sizes)
        for strategy, sizes in (
            (tf.distribute.get_strategy(), (sum(SIZES),)),
            (two_replicas(), SIZES),
        )
    )
    for (path, a), b in zip(
        state(one).items(), state(two).values(), strict=True
    ):
        np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-5, err_msg=path)
    for key, metric in one.train_metrics.items():
        assert float(two.train_metrics[key].result()) == pytest.approx(
            float(metric.result()), rel=1e-4, abs=1e-6
        ), key
