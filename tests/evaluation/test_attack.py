"""Adversarial images of `attack`, and those that `evaluate` saves."""

import keras
import numpy as np
import pytest

import dat_keras as dk
from dat_keras.attacks import PGD, CleanStart, NoisyFGSM
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.attack import attack
from dat_keras.evaluation.evaluate import evaluate
from tests.support.toy_nets import opinionated

EPS = 0.05


@pytest.fixture(scope="module")
def net():
    return opinionated((6, 6, 3))


def wrong(net, x_adv):
    return net[0](x_adv).numpy().argmax(-1) != net[2]


@pytest.mark.parametrize("name", ["fgsm", "pgd7", "cw"])
@pytest.mark.parametrize(("norm", "eps"), [("linf", EPS), ("l2", 0.5)])
def test_images_are_those_that_the_evaluation_judges(net, name, norm, eps):
    x_adv = dk.attack(*net, name, norm=norm, eps=eps, seed=3)
    assert x_adv.dtype == np.float32 and x_adv.shape == net[1].shape
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    report = evaluate(
        net[0],
        net[1:],
        {name: dk.attacks.attack_of_name(name, ball(norm, eps))},
        norm=norm,
        eps=eps,
        seed=3,
        protocol="dat",
    )
    assert report[name].broken == tuple(wrong(net, x_adv))


def ball(norm, eps):
    return {"linf": Linf, "l2": L2}[norm](eps)


def test_an_image_moves_by_the_formula_of_its_net():
    # Of logits that are the pixels, the gradient's sign is known.
    model = keras.Sequential([keras.Input((1, 1, 3)), keras.layers.Flatten()])
    x = np.full((2, 1, 1, 3), 0.5, np.float32)
    x_adv = attack(model, x, np.array([0, 2]), "pgd20", eps=0.125)
    low, high = 0.375, 0.625
    assert x_adv.reshape(2, 3).tolist() == [
        [low, high, high],
        [high, high, low],
    ]


def test_autoattack_returns_what_it_breaks_and_clean_images(net):
    x_adv = attack(*net, "apgd-ce", eps=EPS)
    report = evaluate(net[0], net[1:], "apgd-ce", eps=EPS)
    assert report["apgd-ce"].broken == tuple(wrong(net, x_adv))
    same = (x_adv == net[1]).all((1, 2, 3))
    clean_errors = np.array(report["natural"].broken)
    assert (same == (~wrong(net, x_adv) | clean_errors)).all()


def test_neither_batches_nor_order_of_calls_matter(net):
    whole = attack(*net, "fgsm", eps=EPS)
    parts = attack(*net, "fgsm", eps=EPS, batch_size=5)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    other = attack(*net, "pgd1", eps=EPS, seed=1)
    assert (other != attack(*net, "pgd1", eps=EPS)).any()


def test_an_attack_has_its_own_threat_model(net):
    own = PGD(Linf(0.01), steps=2, step_size=0.01, start=CleanStart())
    x_adv = attack(*net, own)
    assert 0.009 < np.abs(x_adv - net[1]).max() <= 0.01 + 1e-6
    with pytest.raises(ValueError, match="for an attack given by its name"):
        attack(*net, own, eps=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attack": "natural"}, "Unknown attack 'natural'"),
        ({"attack": "pgd2O"}, "Did you mean 'pgd20'"),
        ({"attack": None}, "Received: attack=None"),
        ({"norm": "l7"}, "Unknown norm 'l7'"),
        ({"eps": 8}, "Did you mean 8/255"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ],
)
def test_what_is_refused(net, arguments, message):
    with pytest.raises(ValueError, match=message):
        attack(*net, **arguments)


def test_attacks_for_training_are_refused(net):
    trained_on = NoisyFGSM(Linf(0.1))
    with pytest.raises(ValueError, match="`NoisyFGSM` is for training"):
        attack(*net, trained_on)
    with pytest.raises(ValueError, match="`NoisyFGSM` is for training"):
        evaluate(net[0], net[1:], {"own": trained_on}, eps=0.1)


@pytest.mark.parametrize("protocol", ["strict", "dat"])
def test_the_saved_images_are_those_judged(net, tmp_path, protocol):
    file = tmp_path / "images.npz"
    names = "fgsm,pgd7,apgd-ce"
    report = evaluate(
        *(net[0], net[1:], names),
        eps=EPS,
        protocol=protocol,
        save_adversarial=file,
    )
    saved = np.load(file)
    assert sorted(saved) == sorted([*names.split(","), "y"])
    for name in names.split(","):
        assert report[name].broken == tuple(wrong(net, saved[name]))
        assert np.abs(saved[name] - net[1]).max() <= EPS + 1e-6
