"""PGD against foolbox's, on the very same Keras model."""

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import assert_agree, opinionated

from dat_keras.attacks import pgd
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.evaluate import evaluate

# Without a `git` program foolbox raises an error of its own.
foolbox = pytest.importorskip(
    "foolbox", reason="needs the extra `foolbox`", exc_type=ImportError
)

NORMS = {
    "linf": (Linf(0.015), foolbox.attacks.LinfPGD),
    "l2": (L2(0.15), foolbox.attacks.L2PGD),
}


@pytest.fixture(scope="module")
def net():
    return opinionated((8, 8, 3), 40)


@pytest.mark.parametrize("norm", NORMS)
def test_pgd_breaks_as_many_images(net, norm):
    model, x, y = net
    ball, make = NORMS[norm]
    theirs = make(abs_stepsize=ball.eps / 4, steps=20)
    seen = foolbox.TensorFlowModel(model, bounds=(0, 1), device="cpu:0")

    def flags(seed):
        tf.random.set_seed(seed)
        images, labels = tf.constant(x), tf.constant(y)
        return theirs(seen, images, labels, epsilons=ball.eps)[2].numpy()

    report = evaluate(
        model,
        (x, y),
        {"pgd": pgd(ball)},
        norm=norm,
        eps=ball.eps,
        protocol="dat",
    )
    ours = np.array(report["pgd"].broken)
    natural = np.array(report["natural"].broken)
    assert natural.sum() + 2 < ours.sum() < len(x) - 2
    assert_agree(ours, [flags(seed) for seed in range(3)], spare=2)
