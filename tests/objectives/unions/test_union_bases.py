"""Every method that a union of norms can train: reductions, adversaries."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from short_methods import short

from dat_keras.attacks import PGD
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import L1, L2, Linf
from dat_keras.objectives import (
    DAT,
    EAT,
    MSD,
    OBJECTIVES,
    PGDAT,
    ST,
    UNIONS,
    AverageUnion,
    MaxUnion,
    Radii,
)
from dat_keras.objectives.base import ramped
from dat_keras.objectives.las_at.las_at import strengthened
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.recipes import Recipe, choose, resolve
from dat_keras.training.descent import outer_descent
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
OWN = Radii(EPS, None, None)
ALL = Radii(EPS, 0.4, 2.0)
EVERYWHERE = (
    *("dat", "fgsm-rs", "pgd-at", "trades", "mart", "scarl", "las-at"),
    *("las-trades", "ard", "rslad", "dajat", "idbh"),
)
"""Methods that every union takes."""
IN_EACH_NORM = ("st", "grad-align")
"""Methods that `+avg` takes, for it runs them in a norm at a time."""
PAIRS = [
    *((union, base) for base in EVERYWHERE for union in UNIONS),
    *(("avg", base) for base in IN_EACH_NORM),
]
ONCE = dict(zip([f"{b}+{u}" for u, b in PAIRS], PAIRS, strict=True))
CORE = (
    *("dat+max", "dat+avg", "dat+msd", "dat+e-at", "scarl+avg", "st+avg"),
    "las-at+max",
)


def trainer(objective, make_tiny, **settings):
    model = AdversarialModel(
        make_tiny(objective.branches),
        objective,
        augment=Unchanged(),
        **settings,
    )
    model.compile(optimizer=SGD(0.05))
    model.total_steps.assign(2)
    return model


def variables(model):
    """Weights of both players, without the running errors of E-AT."""
    second = model.adversary.of_method()
    own = getattr(second, "optimizer", None)
    return [
        *model.classifier.variables,
        *second.variables,
        *(own.variables if own else []),
    ]


@pytest.mark.parametrize("pair", first_of(ONCE, CORE))
def test_a_step_on_the_bases_own_ball_is_the_bases(
    pair, make_tiny, batch, snapshot, same
):
    """Both players: weights of the classifier and of what it plays with."""
    union, base = ONCE[pair]
    models = [
        trainer(objective, make_tiny)
        for objective in (UNIONS[union](short(base), OWN), short(base))
    ]
    logs = [model.train_step(batch) for model in models]
    for name, value in logs[1].items():
        assert float(logs[0][name]) == float(value), name
    ours, theirs = (snapshot(variables(model)) for model in models)
    assert same(ours, theirs)


@pytest.mark.parametrize("update", ["fused", "sequential"])
@pytest.mark.parametrize("union", UNIONS)
def test_awp_and_both_updates_of_the_generator_are_the_bases(
    union, update, make_tiny, batch, snapshot, same
):
    dat = replace(short("dat"), update=update)
    models = [
        trainer(
            objective,
            make_tiny,
            weight_perturbation=WeightPerturbation(0.005),
        )
        for objective in (UNIONS[union](dat, OWN), dat)
    ]
    for model in models:
        model.train_step(batch)
    assert same(*(snapshot(variables(model)) for model in models))


def climbed(objective, step, view):
    """What DAT's attack climbs on a view."""

    def predict(x):
        return step.predict(x, view.branch)

    loss = objective.ae_attack.loss.bind(predict, view.x, step.y)
    return loss(predict(view.x_adv)).numpy()


def test_max_takes_the_worst_norm_of_each_view_for_itself(make_tiny, make_step):
    dat = short("dat", steps=3)
    ours = MaxUnion(dat, ALL)
    step = make_step(make_tiny(2), ours)
    views = ours.craft(step)
    alone = [base.craft(step) for base in ours.bases]
    chosen = set()
    for number, view in enumerate(views):
        each = [climbed(dat, step, one[number]) for one in alone]
        np.testing.assert_allclose(
            climbed(dat, step, view), np.max(each, 0), rtol=1e-6
        )
        np.testing.assert_array_equal(view.x, alone[0][number].x)
        chosen |= set(np.argmax(each, 0))
    assert len(chosen) > 1


@pytest.mark.parametrize("union", UNIONS)
def test_both_views_of_dat_lie_in_a_ball_of_the_union(
    union, make_tiny, make_step
):
    ours = UNIONS[union](short("dat"), ALL)
    views = ours.craft(make_step(make_tiny(2), ours))
    assert len(views) == (6 if union == "avg" else 2)
    for view in views:
        inside = [
            ball.distance(view.x_adv, view.x).numpy() <= ball.eps * (1 + 1e-5)
            for ball in ALL.threat_models
        ]
        assert np.any(inside, axis=0).all()
        assert np.abs(view.x_adv - view.x).max() > 1e-3


def descent_of(objective, step, model):
    return outer_descent(
        model.classifier,
        objective,
        step,
        objective.craft(step),
        weights=model.classifier.trainable_variables,
        perturbation=WeightPerturbation(0.0),
    )


def test_gradients_of_avg_are_means_over_norms_for_both_players(
    make_tiny, batch
):
    ours = AverageUnion(short("dat"), ALL)
    model = trainer(ours, make_tiny)
    step = model._augment(model.checked(batch))
    found = descent_of(ours, step, model)
    each = [descent_of(base, step, model) for base in ours.bases]
    for kind in ("gradients", "joint"):
        parts = [getattr(one, kind) for one in each]
        expected = [
            np.mean([np.float64(g) for g in norms], axis=0)
            for norms in zip(*parts, strict=True)
        ]
        # Biases before BatchNorm have a gradient of zero, but for rounding.
        largest = max(np.abs(gradient).max() for gradient in expected)
        assert largest > 0.0
        for gradient, mean in zip(getattr(found, kind), expected, strict=True):
            np.testing.assert_allclose(
                gradient, mean, rtol=1e-3, atol=1e-4 * largest
            )


def test_what_a_method_changes_in_its_attack_changes_in_every_norm():
    """A ramp, a loss, and strengths that are learned for each image."""
    attack = MaxUnion(PGDAT(PGD(Linf(0.1), step_size=0.02)), ALL)
    union = attack.attack_on_union
    half = ramped(union, tf.constant(0.1), over=0.2)
    for ours, whole in zip(half.members, union.members, strict=True):
        assert float(ours.threat_model.eps) == pytest.approx(
            whole.threat_model.eps / 2
        )
        assert float(ours.step_size) == pytest.approx(whole.step_size / 2)
    eighths = tf.constant([4.0, 12.0])
    strong = strengthened(union, eighths, tf.constant([1.0, 3.0]), eighths / 4)
    for ours, radius in zip(strong.members, (EPS, 0.4, 2.0), strict=True):
        eps, size = (
            tf.reshape(t, [-1]) for t in (ours.threat_model.eps, ours.step_size)
        )
        np.testing.assert_allclose(eps, radius * eighths / 8, rtol=1e-6)
        np.testing.assert_allclose(size, radius * eighths / 32, rtol=1e-6)
        assert int(ours.steps) == 3


@dataclass(frozen=True)
class ReadsTheBall(PGDAT):
    """A method that projects for itself."""

    attack: PGD = PGD(Linf(EPS))

    def craft(self, step):
        """Returns noise in the ball."""
        (view,) = super().craft(step)
        ball = self.attack.threat_model
        return (replace(view, x_adv=ball.project(view.x_adv + 1.0, view.x)),)


@pytest.mark.parametrize("union", [MaxUnion, MSD, EAT])
def test_a_method_that_reads_the_ball_is_refused_when_it_does(
    union, make_tiny, make_step
):
    ours = union(ReadsTheBall(), ALL)
    step = make_step(make_tiny(), ours)
    with pytest.raises(ValueError, match="no single ball"):
        ours.craft(step)
    each = AverageUnion(ReadsTheBall(), ALL)
    for view, ball in zip(each.craft(step), (Linf, L2, L1), strict=True):
        eps = {Linf: EPS, L2: 0.4, L1: 2.0}[ball]
        reached = ball(eps).distance(view.x_adv, view.x).numpy()
        assert (reached <= eps * (1 + 1e-5)).all()


def test_refusals_say_why():
    with pytest.raises(ValueError, match="both sides of the label"):
        MSD(ST())
    with pytest.raises(ValueError, match="alignment term"):
        MaxUnion(OBJECTIVES["grad-align"]())
    with pytest.raises(ValueError, match="mix_eps"):
        AverageUnion(OBJECTIVES["oa-at"]())


def test_e_at_keeps_the_bases_player_beside_its_errors(
    make_tiny, batch, tmp_path, snapshot, same
):
    """The generator learns, both are saved, and a run resumes its bits."""
    ours = EAT(short("dat"), ALL, decay=0.5)
    model, twin = (trainer(ours, make_tiny) for _ in range(2))
    before = snapshot(model.adversary.of_method().trainable_variables)
    logs = model.train_step(batch)
    assert {"share_l2", "amplitude_spread"} < set(logs)
    assert not same(
        before, snapshot(model.adversary.of_method().trainable_variables)
    )
    assert (model.adversary.errors.numpy() < 1.0).any()
    model.save_weights(tmp_path / "state.weights.h5")
    twin.load_weights(tmp_path / "state.weights.h5")
    for each in (model, twin):
        each.train_step(batch)
    ours, theirs = (
        snapshot([*variables(m), *m.adversary.variables]) for m in (model, twin)
    )
    assert same(ours, theirs)


def test_a_union_reads_of_its_base_what_the_run_must_know():
    teacher = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    for name, union in UNIONS.items():
        ours = union(DAT())
        assert ours.branches == 2 and ours.weights_examples, name
        assert "amplitude_spread" in ours.measures
        assert union(OBJECTIVES["dajat"]()).needs_run_length
        assert not union(OBJECTIVES["scarl"]()).weights_examples
        taught = union(OBJECTIVES["rslad"]("name"))
        assert taught.prepared(8, lambda name: teacher).base.teacher is teacher


@pytest.mark.parametrize("pair", ONCE)
def test_recipes_of_unions_are_named_and_serialized(pair):
    union, base = ONCE[pair]
    recipe = choose("cifar10", f"{base}+{union}")
    assert recipe.name == f"{base}+{union}-cifar10-resnet18"
    assert Recipe.from_json(recipe.to_json()) == recipe
    changed = resolve(
        {
            "method": f"{base}+{union}",
            "settings": ["objective.radii.l1_eps=7"],
        }
    )
    assert changed.objective.radii.l1_eps == 7.0


def test_additions_see_the_method_inside_a_union():
    """Whatever their order, they do the same."""
    for one, other in (("max+awp", "awp+max"), ("avg+swa", "swa+avg")):
        ours, theirs = (choose("cifar10", f"idbh+{a}") for a in (one, other))
        assert replace(ours, name="") == replace(theirs, name="")
    plain = choose("cifar10", "dat+max+no-augment")
    assert isinstance(plain.objective.base.augment, Unchanged)
    with pytest.raises(ValueError, match="consists in an augmentation"):
        choose("cifar10", "idbh+max+no-augment")


@pytest.mark.thorough
@pytest.mark.parametrize("union", ["max", "e-at"])
def test_trains_compiled_by_xla(union, linear_model, batch):
    """A loop inside a branch, and a branch inside the step."""
    ours = UNIONS[union](short("pgd-at"))
    model = AdversarialModel(linear_model, ours, augment=Unchanged())
    model.compile(optimizer=SGD(0.05), jit_compile=True)
    x, y = batch[0].numpy(), batch[1].numpy() % 2
    history = model.fit(x, y, batch_size=8, epochs=1, verbose=0).history
    assert model.jit_compile and int(model.step) == 1
    assert np.isfinite(history["loss"]).all()
