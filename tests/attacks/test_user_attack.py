"""Attacks of the user's own: what a reference may name, what is refused."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from toy_nets import opinionated

from dat_keras.attacks import APGD, PGD, FunctionAttack, user_attack
from dat_keras.cli import main
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.attack import attack
from dat_keras.evaluation.evaluate import evaluate

BALL = Linf(0.1)
PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"
MODULE = """
import tensorflow as tf
from dat_keras.attacks import PGD, CarliniWagner
from dat_keras.core.threat_models import Linf

def own(predict, x, y, threat_model, key):
    return threat_model.random_start(x, key)

def far(predict, x, y, threat_model, key):
    return 1.0 - x

def whole(predict, x, y, threat_model, key):
    return tf.cast(x, tf.float64)

def nothing(predict, x, y, threat_model, key):
    return None

def made(threat_model):
    return PGD(threat_model, steps=3)

def other(threat_model):
    return PGD(Linf(0.5))

def odd(threat_model):
    return 3

def fails(threat_model):
    raise KeyError("settings")

def pair(x, y):
    return x

loss = CarliniWagner(3.0)
number = 7
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "own_attacks.py").write_text(MODULE)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    (example,) = (block for block in blocks if "def three_steps(" in block)
    (tmp_path / "my_attacks.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("own_attacks", None)
    sys.modules.pop("my_attacks", None)


def test_functions_factories_classes_and_losses_are_attacks(module):
    assert isinstance(user_attack("own_attacks:own", BALL), FunctionAttack)
    assert user_attack("own_attacks:made", BALL) == PGD(BALL, steps=3)
    assert user_attack("dat_keras.attacks:PGD", BALL) == PGD(BALL)
    loss = user_attack("own_attacks:loss", BALL)
    assert isinstance(loss, APGD) and loss.loss.kappa == 3.0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none_such:x", "cannot be imported: ModuleNotFoundError"),
        ("own_attacks:absent", "cannot be imported: AttributeError"),
        ("own_attacks:number", "must be a function .* Received: .*7"),
        ("own_attacks:pair", "must be a function"),
        ("own_attacks:odd", "must be a function .* Received: .*3"),
        ("own_attacks:other", "must search Linf.eps=0.1.. Received: .*0.5"),
        ("own_attacks:fails", "cannot be made: KeyError: 'settings'"),
        ("dat_keras.attacks:KLFromLogits", "cannot be made: TypeError"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(module, name, message):
    with pytest.raises(ValueError, match=message) as caught:
        user_attack(name, BALL)
    assert "\n" not in str(caught.value)


def test_the_images_are_checked(module):
    model, x, y = opinionated((6, 6, 1), 12)
    report = evaluate(model, (x, y), "own_attacks:own,own_attacks:far", eps=0.1)
    near, far = report.results[1:]
    assert not near.invalid and 0 < near.max_distance <= 0.1 + 1e-6
    # Images outside the ball count as robust, and are named.
    right = np.flatnonzero(~np.array(report["natural"].broken))
    assert list(far.invalid) == right.tolist()
    assert far.broken == report["natural"].broken
    assert "verify_fail" in [caution.code for caution in report.cautions]
    for name in ("own_attacks:whole", "own_attacks:nothing"):
        with pytest.raises(ValueError, match=f"{name} must return a float32"):
            attack(model, x, y, name, eps=0.1)


def test_the_example_of_the_page_runs(module):
    model, x, y = opinionated((6, 6, 1), 12)
    report = evaluate(model, (x, y), "my_attacks:three_steps", eps=0.3)
    assert report.results[1].correct < report["natural"].correct
    assert not report.results[1].invalid


def test_the_command_names_what_is_wrong_before_a_model_is_loaded(module):
    arguments = ["evaluate", str(module / "net.keras"), "--attack"]
    (module / "net.keras").write_bytes(b"")
    result = CliRunner().invoke(main, [*arguments, "own_attacks:absent"])
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith(
        "error: The attack 'own_attacks:absent' cannot be imported"
    )
