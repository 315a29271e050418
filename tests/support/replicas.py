"""Two replicas on one machine, and the runs that they must repeat.

Two replicas with half the batch each take the steps of one with the whole. It
can be asked of ten steps on any machine because every weight is a continuous
function of those before: an attack of one step of 1e-6 hardly follows the sign
of a gradient, which rounding would decide, so each image stays near its random
start. Rounding is then passed on, not amplified.
"""

from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf
from short_methods import shortened

from dat_keras.architectures import ResNet8
from dat_keras.attacks import PGD, NormalStart
from dat_keras.augment import CropFlip, CutMix
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, LASAT, TRADES, Natural
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

STEPS = 10
SIZES = (5, 3)
"""Rows of each replica, in a batch of eight."""
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


def two_replicas():
    """A strategy over the two logical CPUs that `conftest.py` configures.

    It sums on one device: collective operations of several strategies in one
    process would share their keys.
    """
    devices = [d.name for d in tf.config.list_logical_devices("CPU")][:2]
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def eight_images():
    """Images away from the faces of the box, two of each of four classes."""
    x = np.random.default_rng(1).uniform(0.05, 0.95, (8, 8, 8, 3))
    return tf.constant(x, tf.float32), tf.constant([0, 1, 2, 3] * 2)


def step_on(strategy, model, batch, sizes, steps=1):
    """Runs training steps on the rows of a batch, cut into sizes.

    Args:
        strategy: Where the model was built.
        model: A compiled `AdversarialModel`.
        batch: Images and labels.
        sizes: Rows of each replica.
        steps: Number of steps.
    """
    if len(sizes) == 1:
        parts = batch
    else:
        each = list(
            zip(*(tf.split(part, sizes) for part in batch), strict=True)
        )
        parts = strategy.experimental_distribute_values_from_function(
            lambda c: each[c.replica_id_in_sync_group]
        )

    @tf.function(autograph=False)
    def step(parts):
        strategy.run(model.train_step, (parts,))

    for _ in range(steps):
        step(parts)


def state(model):
    """Weights and optimizers of both players, by path."""
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


def built(strategy, name, sizes, rate):
    """Returns a compiled ResNet-8 of a method.

    Args:
        strategy: Where to build it.
        name: Key of `METHODS`.
        sizes: Rows of each replica.
        rate: Learning rate.
    """
    objective, settings = METHODS[name]
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
        model.compile(optimizer=SGD(rate, momentum=0.9), clip_norm=0.5)
    return model


def after_steps(strategy, name, sizes):
    """Trains a method of `METHODS` for `STEPS` steps.

    Args:
        strategy: Where to build the model.
        name: The method.
        sizes: Rows of each replica.

    Returns:
        The state before and after, and the metrics.
    """
    model = built(strategy, name, sizes, rate=0.02)
    model.total_steps.assign(STEPS)
    before = state(model)
    step_on(strategy, model, eight_images(), sizes, STEPS)
    metrics = {k: float(m.result()) for k, m in model.train_metrics.items()}
    return before, state(model), metrics


def differences(strategy, name):
    """How far two replicas end from one, in units of how far one went.

    Args:
        strategy: That of the two replicas.
        name: A method of `METHODS`.

    Returns:
        By path of a variable, or name of a metric, the relative difference.
    """
    before, one, means = after_steps(
        tf.distribute.get_strategy(), name, (sum(SIZES),)
    )
    _, two, other_means = after_steps(strategy, name, SIZES)
    assert len(one) == len(two)
    found = {}
    for (path, a), b in zip(one.items(), two.values(), strict=True):
        a, b, start = (np.float64(v) for v in (a, b, before[path]))
        # What hardly moves, such as a bias before BatchNorm, is rounding.
        went = np.linalg.norm(a - start) + 1e-3 * np.sqrt(a.size)
        found[path] = float(np.linalg.norm(b - a) / went)
    for key, value in means.items():
        found[key] = abs(other_means[key] - value) / (abs(value) + 1e-6)
    return found
