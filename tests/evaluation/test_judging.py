"""Images that an evaluation calls broken are so in batches of any size."""

from dataclasses import replace

import numpy as np
import pytest

from dat_keras.attacks import PARTS
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import batches_of, first_samples

IMAGES = 26
ROUNDING = 1e-6
BATCH_SIZES = (1, 7, IMAGES)


@pytest.fixture(scope="module")
def net(make_tiny):
    """The tiny net with BatchNorm statistics of its own, and its labels."""
    model, draw = make_tiny(), np.random.default_rng(0)
    for weight in model.weights:
        if "bn" in weight.path:
            weight.assign(draw.uniform(0.5, 1.5, weight.shape))
    x = draw.uniform(size=(IMAGES, 8, 8, 3)).astype("f")
    return model, x, model(x).numpy().argmax(-1).astype("int32")


def context_for(net, ball, batch_size):
    model, x, y = net
    return EvaluationContext(
        predict=Predictor(model),
        samples=first_samples((x, y)),
        threat_model=ball,
        protocol=PROTOCOLS["strict"],
        batch_size=batch_size,
        keep_images=True,
    )


@pytest.fixture(
    scope="module", params=[Linf(0.06), L2(0.4)], ids=["linf", "l2"]
)
def found(request, net):
    """What FAB-T finds, images that lie close behind the boundary."""
    ball = request.param
    part = PARTS["fab-t"](ball)
    part = replace(part, attack=replace(part.attack, steps=10))
    context = context_for(net, ball, 7)
    result = AttackEnsemble({"fab-t": part})("fab-t", context)
    assert 5 < sum(result.broken) < IMAGES - 5
    # Rounding decides where two logits are as close as logits are compared.
    second, first = np.sort(context.logits(result.x_adv), -1)[:, -2:].T
    sure = first - second > 2 * ROUNDING
    assert 5 < sum(np.array(result.broken) & sure)
    return ball, result, sure


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_keras_alone_calls_the_same_images_broken(net, found, batch_size):
    model, x, y = net
    _, result, sure = found
    wrong = np.concatenate(
        [
            model(result.x_adv[rows], training=False).numpy().argmax(-1)
            != y[rows]
            for rows in batches_of(np.arange(IMAGES), batch_size)
        ]
    )
    broken = np.array(result.broken)
    np.testing.assert_array_equal(wrong[sure], broken[sure])


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_every_batch_size_judges_alike(net, found, batch_size):
    ball, result, sure = found
    expected = np.array(result.broken)
    context = context_for(net, ball, batch_size)
    logits = []
    for rows in batches_of(np.arange(IMAGES), batch_size):
        broken, valid, _ = context.judge("fab-t", rows, result.x_adv[rows])
        wanted = expected[rows]
        np.testing.assert_array_equal(broken[sure[rows]], wanted[sure[rows]])
        assert valid.all()
        logits.append(context.logits(result.x_adv[rows]))
    whole = context.logits(result.x_adv)
    np.testing.assert_allclose(np.concatenate(logits), whole, atol=ROUNDING)
