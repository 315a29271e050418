"""Attacks named by their number of steps."""

import pytest

from dat_keras.attacks import ATTACKS, attack_of_name, pgd
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.single_attack import SingleAttack
from dat_keras.evaluation.suites import evaluation_of_name
from dat_keras.training.arguments import as_attack
from dat_keras.utils.attack_names import check_attack, pgd_steps


@pytest.mark.parametrize("steps", [1, 7, 20, 50, 100])
@pytest.mark.parametrize("ball", [Linf(8 / 255), L2(0.5)])
def test_pgd_n_takes_n_steps(steps, ball):
    name = f"pgd{steps}"
    assert pgd_steps(name) == steps
    assert attack_of_name(name, ball) == pgd(ball, steps)
    assert evaluation_of_name(name, ball) == SingleAttack(pgd(ball, steps))
    assert as_attack(name) == pgd(Linf(8 / 255), steps)


@pytest.mark.parametrize("name", ATTACKS)
def test_names_of_the_table_stay_what_they_are(name):
    ball = Linf(8 / 255)
    assert attack_of_name(name, ball) == ATTACKS[name](ball)


@pytest.mark.parametrize("name", ["pgd0", "pgd", "pgd020", "pgd-5", "pgd7x"])
def test_other_names_are_refused(name):
    assert pgd_steps(name) is None
    with pytest.raises(ValueError, match="Unknown attack"):
        check_attack(name, ATTACKS)
    with pytest.raises(ValueError, match="Unknown attack"):
        evaluation_of_name(name, Linf(0.1))
