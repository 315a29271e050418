"""Label smoothing of the methods whose papers have none, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from dat_keras.attacks import PGD, KLFromClean
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import IDBH, MART, SCARL, ST, FreeAT

SHORT = PGD(Linf(8 / 255), steps=1)


def nothing(log_p, y):
    return np.zeros(len(y))


def boost(log_p, y):
    """MART's margin: of the true class, however labels are smoothed."""
    p = np.exp(log_p)
    p[np.arange(len(y)), y] = 0
    return -np.log(1.0001 - p.max(-1))


CASES = {
    "mart": (MART(SHORT), "boosted", "x_adv", boost),
    "st": (ST(SHORT), "natural", "x", nothing),
    "scarl": (
        SCARL(replace(SHORT, loss=KLFromClean())),
        "adversarial",
        "x_adv",
        nothing,
    ),
    "idbh": (IDBH(SHORT), "robust", "x_adv", nothing),
    "free-at": (FreeAT(batch_size=8), "robust", "x_adv", nothing),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("name", CASES)
def test_smoothing_is_that_of_the_cross_entropy_alone(
    name, smoothing, tiny_model, make_step, assert_close
):
    objective, term, images, rest = CASES[name]
    step = make_step(tiny_model, objective)
    views = objective.craft(step)
    plain = objective.loss(step.predict, views, step.y)
    smoothed = replace(objective, label_smoothing=smoothing)
    terms = smoothed.loss(step.predict, views, step.y)
    logits = step.predict(getattr(views[0], images)).numpy().astype(float)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    y = step.y.numpy()
    target = (1 - smoothing) * np.eye(4)[y] + smoothing / 4
    expected = np.mean(-(target * log_p).sum(-1) + rest(log_p, y))
    assert_close(terms[term], expected)
    for other in terms.keys() - {term}:
        assert float(terms[other]) == float(plain[other])
