"""Two replicas with half the batch each do what one does with the whole."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from replicas import step_on, two_replicas
from short_methods import shortened

from dat_keras.architectures import ResNet8
from dat_keras.attacks import PGD, NormalStart
from dat_keras.augment import CropFlip, CutMix
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, LASAT, TRADES, Natural
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

# Attacks hardly follow the sign of a gradient, which rounding would decide:
# each image stays near its random start.
START = PGD(Linf(8 / 255), steps=1, step_size=1e-6, start=NormalStart(0.02))
AWP = {"weight_perturbation": WeightPerturbation(0.02)}
METHODS = {
    "natural": (Natural(), {}),
    "cutmix": (Natural(), {"augment": CutMix(4)}),
    "trades": (TRADES(START), {}),
    "dat fused": (DAT(START), {}),
    "dat sequential": (DAT(START, update="sequential"), {}),
    "dat borrowed": (DAT(START, learned_amplitude=False), {}),
    "dat awp": (DAT(START), AWP),
    "las-at": (replace(shortened(LASAT(), 1), attack=START), {}),
}
MARKS = {
    "trades": (),
    "dat fused": pytest.mark.thorough,
    "las-at": pytest.mark.thorough,
}
"""The others take half a minute each, and share most of their code."""


def state(model):
    second = model.adversary.optimizer
    return {
        v.path: v.numpy()
        for v in [
            *model.classifier.weights,
            *model.adversary.weights,
            *model.optimizer.variables,
            *(second.variables if second else []),
        ]
    }


def after_one_step(strategy, batch, sizes, objective, settings):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        net = ResNet8(
            4,
            width=4,
            input_shape=(8, 8, 3),
            branches=objective.branches,
            sync_bn=len(sizes) > 1,
        )
        model = AdversarialModel(
            net, objective, **{"augment": CropFlip(pad=1)} | settings
        )
        model.compile(optimizer=SGD(0.1, momentum=0.9), clip_norm=0.5)
    step_on(strategy, model, batch, sizes)
    return model


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=MARKS.get(name, pytest.mark.slow))
        for name in METHODS
    ],
)
def test_two_halves_are_one_batch(name, batch):
    objective, settings = METHODS[name]
    sizes = (5, 3)
    one, two = (
        after_one_step(strategy, batch, rows, objective, settings)
        for strategy, rows in (
            (tf.distribute.get_strategy(), (8,)),
            (two_replicas(), sizes),
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
