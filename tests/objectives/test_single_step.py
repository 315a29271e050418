"""FGSM-RS and N-FGSM: published settings, and PGD-AT with one step."""

import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, NoisyFGSM, RandomStart
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import FGSMRS, NFGSM, PGDAT


def test_attacks_are_the_published_ones():
    ball = Linf(8 / 255)
    assert FGSMRS().attack == PGD(
        ball, steps=1, step_size=10 / 255, start=RandomStart()
    )
    assert NFGSM().attack == NoisyFGSM(ball, noise=2.0, step=1.0)


@pytest.mark.parametrize("objective", [FGSMRS(), NFGSM()])
def test_is_pgd_at_with_its_attack(objective, tiny_model, make_step):
    same = PGDAT(objective.attack)
    step = make_step(tiny_model, objective)
    ours, theirs = (
        o.loss(step.predict, o.craft(step), step.y)["robust"]
        for o in (objective, same)
    )
    assert ours == theirs


@pytest.mark.parametrize("objective", [FGSMRS(), NFGSM()])
def test_its_step_raises_the_loss_of_a_point(objective, tiny_model, make_step):
    """Against the noise alone: the sign of the step is the gradient's."""
    step = make_step(tiny_model, objective)
    (view,) = objective.craft(step)
    noise = (
        PGD(Linf(8 / 255), steps=tf.constant(0))
        if isinstance(objective, FGSMRS)
        else NoisyFGSM(Linf(8 / 255), step=0.0)
    )
    (start,) = PGDAT(noise).craft(step)
    before, after = (
        objective.loss(step.predict, (v,), step.y)["robust"]
        for v in (start, view)
    )
    assert after > before
