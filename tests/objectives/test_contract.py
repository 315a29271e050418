"""What every training method must do; a new entry is tested as it is."""

import dataclasses
import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from teachers import taught

import dat_keras
from dat_keras.attacks import NormalStart
from dat_keras.augment import Chain, MixUp, Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAJAT, DAT, IDBH, OBJECTIVES, RecombinedAT
from dat_keras.objectives.las_at.las_trades import PUBLISHED
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
# LAS-AT's default strategy network would dominate the time of this file.
SMALLER = {
    "free-at": {"batch_size": 8},
    # At its end from the first step on.
    "ibp": {"warmup": 0.0, "ramp": 0.0},
    "las-at": {"policy": Policy("resnet8")},
    "las-trades": {
        "policy": dataclasses.replace(PUBLISHED, architecture="resnet8")
    },
}
# Its strengths go beyond the radius that is evaluated, as published.
REACH = {"las-at": 15 / 8, "las-trades": 9 / 8, "n-fgsm": 3.0}
# What the method's own inner maximisation does not climb: SCARL attacks its
# divergence alone.
UNATTACKED = {"scarl": ("adversarial", "mutual_information", "geometry")}

# They read more of the classifier than logits.
NEEDS_PREDICTOR = ("scarl", "ibp")
# They start at the image, and draw for their loss alone.
FROM_THE_IMAGE = ("grad-align",)

# It attacks the cross-entropy and trains on a divergence from its teacher;
# test_distillation.py has its test.
CLIMBS_ANOTHER = ("ard",)

ATTACKING = [n for n, made in OBJECTIVES.items() if hasattr(made(), "attack")]


def objective_of(name, eps=EPS, steps=2):
    """The method with its defaults, its attack made short."""
    objective = taught(OBJECTIVES[name](**SMALLER.get(name, {})))
    if not hasattr(objective, "attack"):
        return objective
    attack = dataclasses.replace(objective.attack, threat_model=Linf(eps))
    if hasattr(attack, "steps"):
        attack = dataclasses.replace(attack, steps=steps)
    return dataclasses.replace(objective, attack=attack)


@pytest.fixture(params=first_of(OBJECTIVES))
def name(request):
    return request.param


@pytest.fixture
def objective(name):
    return objective_of(name)


@pytest.fixture
def model(objective, make_tiny):
    return make_tiny(branches=objective.branches)


@pytest.fixture
def step(model, objective, make_step):
    return make_step(model, objective)


@pytest.fixture
def moving(model):
    return Predictor(model, training=True)


@pytest.fixture
def still(model):
    return Predictor(model, training=True, scope=keras.StatelessScope)


def arrays(views):
    return [a.numpy() for view in views for a in (view.x, view.x_adv)]


def test_terms_are_named_scalar_and_finite(objective, step, moving):
    terms = objective.loss(moving, objective.craft(step), step.y)
    assert tuple(terms) == objective.terms
    for term in terms.values():
        assert term.shape == () and term.dtype == tf.float32
        assert np.isfinite(term)


def test_a_loss_takes_any_function(name, objective, step):
    """A plain function has one mode; it returns logits alone."""

    def predict(x, branch=0):
        return step.predict(x, branch)

    views = objective.craft(step)
    if name in NEEDS_PREDICTOR:
        with pytest.raises(TypeError, match="`predict` must be a `Predictor`"):
            objective.loss(predict, views, step.y)
        return
    plain = dataclasses.replace(step, predict=predict)
    for each in (views, objective.craft(plain)):
        terms = objective.loss(predict, each, step.y)
        assert tuple(terms) == objective.terms
        assert all(np.isfinite(term) for term in terms.values())


def test_views_lie_in_ball_and_box(name, objective, step):
    views = objective.craft(step)
    assert len(views) >= 1 and views[0].branch == 0
    assert {view.branch for view in views} == set(range(objective.branches))
    for view in views:
        assert view.x.shape == view.x_adv.shape == step.x.shape
        for image in (view.x, view.x_adv):
            assert image.dtype == tf.float32
            assert 0 <= image.numpy().min() <= image.numpy().max() <= 1
        distance = Linf(EPS).distance(view.x_adv, view.x).numpy()
        assert (distance <= EPS * REACH.get(name, 1.0) + 1e-6).all()


@pytest.mark.parametrize(
    "name", first_of(n for n in ATTACKING if n not in CLIMBS_ANOTHER)
)
def test_attack_raises_the_loss_of_the_views(name, objective, step):
    without_attack = UNATTACKED.get(name, ())
    clean, adversarial = (
        sum(
            float(value)
            for term, value in objective.loss(
                step.predict, views, step.y
            ).items()
            if term not in without_attack
        )
        for views in (
            tuple(
                dataclasses.replace(view, x_adv=view.x)
                for view in objective.craft(step)
            ),
            objective.craft(step),
        )
    )
    assert adversarial > clean


@pytest.mark.parametrize("name", first_of(ATTACKING))
def test_black_and_white_images_stay_in_the_box(name, objective, step):
    """A start outside is not returned, not even by an attack of no steps."""
    if not hasattr(objective.attack, "start"):
        return
    extreme = tf.cast(step.x > 0.5, tf.float32)
    step = dataclasses.replace(step, x=extreme, x_raw=extreme)
    start = NormalStart(0.01)
    attack = dataclasses.replace(objective.attack, start=start)
    first = start(attack.threat_model, extreme, step.key)
    assert tf.reduce_min(first) < 0 and tf.reduce_max(first) > 1
    for method in (
        dataclasses.replace(objective, attack=attack),
        dataclasses.replace(objective, attack=attack).without_attack(),
    ):
        for image in arrays(method.craft(step)):
            assert 0 <= image.min() <= image.max() <= 1


def test_zero_radius_gives_the_images_exactly(name, make_tiny, make_step):
    objective = objective_of(name, eps=0.0)
    step = make_step(make_tiny(objective.branches), objective)
    for view in objective.craft(step):
        np.testing.assert_array_equal(view.x_adv, view.x)


def test_crafting_and_attaching_change_no_variable(
    objective, model, step, snapshot, same
):
    variables = model.variables + step.adversary.variables
    before = snapshot(variables)
    objective.attach(step, objective.craft(step))
    assert same(before, snapshot(variables))


def test_loss_changes_no_weight_but_the_statistics(
    objective, model, step, moving, still, snapshot, same
):
    views = objective.craft(step)
    everything = snapshot(model.variables)
    objective.loss(still, views, step.y)
    assert same(everything, snapshot(model.variables))
    weights = snapshot(model.trainable_variables)
    statistics = snapshot(model.non_trainable_variables)
    objective.loss(moving, views, step.y)
    assert same(weights, snapshot(model.trainable_variables))
    assert not any(
        np.array_equal(a, b)
        for a, b in zip(
            statistics, snapshot(model.non_trainable_variables), strict=True
        )
    )


def test_same_key_same_views_other_key_other_views(name, objective, step):
    first, again = (arrays(objective.craft(step)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    if not hasattr(objective, "attack") or name in FROM_THE_IMAGE:
        return
    other = dataclasses.replace(step, key=BatchKey.of(0, 1))
    assert not all(
        np.array_equal(a, b)
        for a, b in zip(first, arrays(objective.craft(other)), strict=True)
    )


def test_without_its_attack_a_method_has_the_same_clean_images(objective, step):
    views = objective.craft(step)
    clean = objective.without_attack().craft(step)
    assert [v.branch for v in views] == [v.branch for v in clean]
    for a, b in zip(views, clean, strict=True):
        np.testing.assert_array_equal(a.x, b.x)


def test_views_carry_no_gradient(objective, step):
    with tf.GradientTape() as tape:
        tape.watch([step.x, step.x_raw])
        views = objective.craft(step)
        adversarial = [v.x_adv for v in views if v.x_adv is not v.x]
        total = tf.add_n([tf.reduce_sum(a) for a in adversarial or [0.0]])
    variables = [v.value for v in step.adversary.trainable_variables]
    sources = [step.x, step.x_raw, *variables]
    assert tape.gradient(total, sources) == [None] * len(sources)


def test_attached_views_have_the_same_values(objective, step):
    views = objective.craft(step)
    attached = objective.attach(step, views)
    for a, b in zip(arrays(views), arrays(attached), strict=True):
        np.testing.assert_array_equal(a, b)


def test_mixed_labels_are_used_or_refused(objective, make_step, model, batch):
    share = tf.one_hot(batch[1], 4)
    y = 0.75 * share + 0.25 * tf.roll(share, 1, axis=0)
    step = make_step(model, objective, y=y, labels_mixed=True)
    try:
        views = objective.craft(step)
    except ValueError as error:
        assert "must not mix labels" in str(error)
        return
    terms = objective.loss(step.predict, views, y)
    assert all(np.isfinite(term) for term in terms.values())


@pytest.mark.parametrize("made", [IDBH, DAJAT, DAT, RecombinedAT])
def test_an_augmentation_of_its_own_mixes_no_labels(made, make_step, make_tiny):
    objective = made(augment=Chain((Unchanged(), MixUp(4))))
    step = make_step(make_tiny(branches=objective.branches), objective)
    with pytest.raises(ValueError, match="must not mix labels"):
        objective.craft(step)


def test_repr_evaluates_back(name):
    objective = OBJECTIVES[name]()
    names = {}
    for module in pkgutil.walk_packages(dat_keras.__path__, "dat_keras."):
        if module.name.startswith(("dat_keras.cli", "dat_keras._zoo")):
            continue
        found = vars(importlib.import_module(module.name))
        names |= {k: v for k, v in found.items() if inspect.isclass(v)}
    assert eval(repr(objective), names) == objective


def test_settings_are_immutable_and_described(objective):
    assert dataclasses.is_dataclass(objective)
    field = next(iter(dataclasses.fields(objective))).name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(objective, field, None)
    documented = type(objective).__doc__
    for field in dataclasses.fields(objective):
        assert f"{field.name}:" in documented


def toy_images(rows=64):
    """Four classes of bright quadrants."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 4
    x = rng.uniform(0.0, 0.2, (rows, 8, 8, 3)).astype(np.float32)
    for image, label in zip(x, y, strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        image[row : row + 4, column : column + 4, label % 3] += 0.7
    return x, y


def test_loss_falls(objective, model):
    trainer = AdversarialModel(model, objective, augment=Unchanged())
    trainer.compile(optimizer=SGD(0.1, momentum=0.9))
    x, y = toy_images()
    size = getattr(objective, "batch_size", 16)
    history = trainer.fit(
        x, y, batch_size=size, epochs=6, shuffle=False, verbose=0
    ).history
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    assert np.isfinite(history["loss"]).all()
    total = sum(np.array(history[term]) for term in objective.terms)
    np.testing.assert_allclose(history["loss"], total, rtol=1e-4)
