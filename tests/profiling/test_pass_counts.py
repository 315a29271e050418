"""Passes of every method's step, counted, against what the method needs."""

import pytest
from pass_counts import LEAST
from selection import first_of
from teachers import taught

from dat_keras.augment import Unchanged
from dat_keras.objectives import (
    DAJAT,
    DAT,
    OAAT,
    OBJECTIVES,
    PGDAT,
    ST,
    TRADES,
    UNIONS,
)
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import Reward
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.profiling.pass_counts import Passes, passes_of_step
from dat_keras.recipes.ablations import one_step
from dat_keras.training.model import AdversarialModel

LAS = {
    "policy": Policy("resnet8", steps_grid=(14,), reward=Reward(interval=20))
}
SMALLER = {"las-at": LAS, "las-trades": LAS}


def trainer(objective, make_tiny, gamma=0.0):
    model = AdversarialModel(
        make_tiny(objective.branches),
        objective,
        augment=Unchanged(),
        weight_perturbation=WeightPerturbation(gamma),
    )
    model.compile(optimizer=SGD(0.05))
    model.total_steps.assign(1)
    return model


@pytest.fixture
def few(batch):
    return batch[0][:2], batch[1][:2]


@pytest.mark.parametrize("name", first_of(OBJECTIVES))
def test_a_step_makes_no_pass_too_many(name, make_tiny, few):
    assert name in LEAST, f"say in LEAST what a step of {name!r} costs"
    objective = taught(OBJECTIVES[name](**SMALLER.get(name, {})))
    objective = objective.prepared(2, load=None)
    model = trainer(objective, make_tiny)
    if name.startswith("las-"):
        model.adversary.updates_due.assign(1)
    assert passes_of_step(model, few) == Passes(*LEAST[name])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("union", "base", "expected"),
    [
        ("max", PGDAT, (34, 30, 1)),
        ("avg", PGDAT, (33, 30, 3)),
        ("msd", PGDAT, (41, 10, 1)),
        ("e-at", PGDAT, (12, 10, 1)),
        ("max", DAT, (49, 30, 4)),
        # In L2 the generator's projection takes a forward pass of its own.
        ("avg", DAT, (52, 30, 12)),
        ("msd", DAT, (47, 10, 4)),
        ("e-at", DAT, (18, 10, 4)),
    ],
)
def test_passes_of_unions_of_norms(union, base, expected, make_tiny, few):
    model = trainer(UNIONS[union](base()), make_tiny)
    assert passes_of_step(model, few) == Passes(*expected)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (PGDAT(), (12, 10, 2)),
        (TRADES(), (15, 10, 4)),
        (DAJAT(), (18, 10, 6)),
        (DAJAT(augmentations=2), (26, 15, 8)),
        (DAT(), (21, 10, 8)),
    ],
    ids=["pgd-at", "trades", "dajat", "dajat-2", "dat"],
)
def test_weight_perturbation_adds_one_pass_of_its_loss(
    objective, expected, make_tiny, few
):
    model = trainer(objective, make_tiny, gamma=0.005)
    assert passes_of_step(model, few) == Passes(*expected)


def test_the_published_update_makes_passes_of_the_generators_own(
    make_tiny, few
):
    model = trainer(DAT(update="sequential"), make_tiny)
    assert passes_of_step(model, few) == Passes(20, 12, 4)


@pytest.mark.parametrize(
    ("update", "expected"),
    [("fused", (9, 2, 4)), ("sequential", (12, 4, 4))],
)
def test_dat_with_a_single_step_costs_little_more_than_half(
    update, expected, make_tiny, few
):
    model = trainer(one_step(DAT(update=update)), make_tiny)
    assert passes_of_step(model, few) == Passes(*expected)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"generator_input": "labels"}, (16, 10, 4)),
        ({"generator_input": "noise"}, (16, 10, 4)),
        ({"learned_amplitude": False}, (16, 10, 4)),
        ({"generator_input": "noise", "update": "sequential"}, (19, 12, 4)),
        # One attack less, of 6 and 5 passes; no condition of the other image.
        ({"generator_input": "noise", "single_ae": True}, (10, 5, 4)),
    ],
    ids=["labels", "noise", "no-aag", "sequential", "single-ae"],
)
def test_logits_that_nobody_reads_are_not_computed(
    settings, expected, make_tiny, few
):
    model = trainer(DAT(**settings), make_tiny)
    assert passes_of_step(model, few) == Passes(*expected)


def test_steps_of_a_period_are_averaged(make_tiny, few):
    """A strategy is paid once in `interval` steps, by 24 + 20 passes."""
    policy = Policy("resnet8", steps_grid=(2,), reward=Reward(interval=4))
    model = trainer(OBJECTIVES["las-at"](policy=policy), make_tiny)
    assert passes_of_step(model, few, steps=4) == Passes(
        3 + 24 / 4, 2 + 20 / 4, 1
    )


def test_phases_of_oa_at_are_averaged(make_tiny, few):
    """With AWP: 22, 32, 32 and, where the reference is mixed, 35 units."""
    model = trainer(OAAT(stages=4), make_tiny, gamma=0.005)
    model.total_steps.assign(4)
    counted = passes_of_step(model, few, steps=4)
    assert counted == Passes(
        (9 + 14 + 14 + 15) / 4, (5 + 10 + 10 + 10) / 4, (4 + 4 + 4 + 5) / 4
    )
    assert counted.units == (22 + 32 + 32 + 35) / 4


def test_counting_changes_nothing_and_ends(make_tiny, few, snapshot, same):
    counted, plain = (trainer(ST(), make_tiny) for _ in range(2))
    passes_of_step(counted, few)
    plain.train_step(few)
    layer = counted.classifier.get_layer("logits")
    assert "call" not in vars(layer)
    assert same(
        snapshot(counted.classifier.variables),
        snapshot(plain.classifier.variables),
    )


def test_units_weigh_a_backward_pass_to_the_weights_twice():
    assert Passes(11, 10, 1).units == 23
