"""More steps, queries, targets or restarts never help the defender.

True image by image where the smaller search is the beginning of the larger
one. APGD's steps are no such case: its checkpoints lie at shares of the
budget, so that another budget is another search.
"""

from dataclasses import replace

import numpy as np
import pytest
from contexts import context_of
from selection import first_of
from toy_nets import opinionated

from dat_keras.attacks import (
    APGD,
    FAB,
    PGD,
    EachTarget,
    NearestMargin,
    Restarts,
    Square,
    TargetedDLR,
)
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.protocols import PROTOCOLS

BALL = Linf(0.03)
SEARCHES = {
    "square, queries": lambda n: Square(BALL, queries=20 * n, chunk=20),
    "fab, steps": lambda n: Restarts(FAB(BALL, NearestMargin(), steps=n)),
    "fab-t, targets": lambda n: EachTarget(FAB(BALL, steps=1), targets=n),
    "apgd-t, targets": lambda n: EachTarget(
        APGD(BALL, TargetedDLR(), steps=2), targets=n
    ),
    "apgd-ce, restarts": lambda n: Restarts(APGD(BALL, steps=2), n),
}


@pytest.fixture(scope="module")
def context():
    return context_of(*opinionated((8, 6, 1)), BALL)


@pytest.mark.parametrize(
    "name", first_of(SEARCHES, ("square, queries", "fab, steps"))
)
def test_more_budget_breaks_what_less_does(context, name):
    broken = [
        np.array(
            AttackEnsemble({"it": SEARCHES[name](n)})("it", context).broken
        )
        for n in (1, 4)
    ]
    assert (broken[0] <= broken[1]).all()
    assert context.wrong.sum() < broken[1].sum()


def test_more_steps_of_pgd_break_what_fewer_do(context):
    rows = np.flatnonzero(~context.wrong)
    strict = PROTOCOLS["strict"].adapt
    attack = PGD(BALL, steps=2, step_size=BALL.eps / 4)
    few, many = (
        np.array(
            context.search("pgd", strict(replace(attack, steps=n)), rows).broken
        )
        for n in (2, 12)
    )
    assert (few <= many).all() and few.sum() < many.sum()
