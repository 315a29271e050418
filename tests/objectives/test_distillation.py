"""ARD and RSLAD: numbers by hand, reductions, and a teacher at rest."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from teachers import linear_teacher, taught

from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import ARD, RSLAD, TRADES, Natural
from dat_keras.objectives.distillation import TaughtView
from dat_keras.optimizers import SGD
from dat_keras.recipes import RECIPES, resolve
from dat_keras.recipes.base import Recipe
from dat_keras.training.model import AdversarialModel

BOTH = (ARD, RSLAD)
EPS = 8 / 255


def views_of(logits, logits_adv, taught):
    """Images that are their own logits."""
    clean, attacked, taught = (
        tf.constant([z], tf.float64) for z in (logits, logits_adv, taught)
    )
    return (TaughtView(clean, attacked, taught=taught),)


def identity(x, branch=0):
    return x


Y = tf.constant([[0.0, 1.0]], tf.float64)


def test_ard_by_hand():
    """t = 2; teacher (0.8, 0.2) and student (0.5, 0.5) at temperature 2."""
    views = views_of([np.log(3.0), 0.0], [0.0, 0.0], [2 * np.log(4.0), 0.0])
    terms = ARD(alpha=0.25, temperature=2.0).loss(identity, views, Y)
    divergence = 0.8 * np.log(0.8 / 0.5) + 0.2 * np.log(0.2 / 0.5)
    assert float(terms["robust"]) == pytest.approx(0.25 * 4 * divergence)
    # The clean prediction of the true class is 1/4, at temperature 1.
    assert float(terms["natural"]) == pytest.approx(0.75 * np.log(4.0))


def test_rslad_by_hand():
    views = views_of([np.log(3.0), 0.0], [0.0, 0.0], [np.log(4.0), 0.0])
    terms = RSLAD(alpha=0.75).loss(identity, views, Y)
    attacked = 0.8 * np.log(0.8 / 0.5) + 0.2 * np.log(0.2 / 0.5)
    clean = 0.8 * np.log(0.8 / 0.75) + 0.2 * np.log(0.2 / 0.25)
    assert float(terms["robust"]) == pytest.approx(0.75 * attacked)
    assert float(terms["natural"]) == pytest.approx(0.25 * clean)


@pytest.mark.parametrize("method", BOTH)
def test_a_student_that_answers_as_its_teacher_has_no_divergence(method):
    z = [1.5, -0.3]
    terms = method(alpha=1.0).loss(identity, views_of(z, z, z), Y)
    assert [float(v) for v in terms.values()] == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("method", BOTH)
def test_terms_pull_the_student_towards_the_teacher(method):
    """The gradient in the attacked logits is `alpha t (s - q)`."""
    objective = method(alpha=0.5)
    t = getattr(objective, "temperature", 1.0)
    attacked = tf.Variable([[0.2, 1.0]], dtype=tf.float64)
    given = tf.constant([[2.0, -1.0]], tf.float64)
    with tf.GradientTape() as tape:
        view = TaughtView(tf.zeros_like(given), attacked.value(), taught=given)
        loss = objective.loss(identity, (view,), Y)["robust"]
    student, teacher = (tf.nn.softmax(z / t).numpy() for z in (attacked, given))
    expected = 0.5 * t * (student - teacher)
    np.testing.assert_allclose(tape.gradient(loss, attacked), expected)


def test_ard_without_its_teacher_is_natural_training(tiny_model, make_step):
    objective = taught(ARD(alpha=0.0))
    step = make_step(tiny_model, objective)
    ours = objective.loss(step.predict, objective.craft(step), step.y)
    theirs = Natural().loss(step.predict, Natural().craft(step), step.y)
    assert float(ours["robust"]) == 0.0
    assert float(ours["natural"]) == pytest.approx(float(theirs["natural"]))


def test_taught_by_itself_rslad_is_the_divergence_of_trades(
    tiny_model, make_step
):
    # In a wide ball, for a divergence far above float32's rounding of it.
    attack = PGD(Linf(0.5), steps=2, step_size=0.25, start=NormalStart())
    objective = RSLAD(tiny_model, attack)
    trades = TRADES(replace(attack, loss=KLFromClean()), beta=5 / 6)
    step = make_step(tiny_model, objective)
    (view,), (same,) = objective.craft(step), trades.craft(step)
    np.testing.assert_allclose(view.x_adv, same.x_adv, atol=1e-6)
    ours = objective.loss(step.predict, (view,), step.y)
    theirs = trades.loss(step.predict, (view,), step.y)
    assert float(ours["natural"]) == pytest.approx(0.0, abs=1e-6)
    assert float(ours["robust"]) == pytest.approx(
        float(theirs["robust"]), rel=1e-4, abs=1e-6
    )
    assert float(ours["robust"]) > 1e-3


@pytest.mark.parametrize("method", BOTH)
def test_the_teacher_sees_the_clean_images(method, tiny_model, make_step):
    objective = taught(method())
    step = make_step(tiny_model, objective)
    (view,) = objective.craft(step)
    expected = objective.teacher(step.x)
    np.testing.assert_allclose(view.taught, expected, atol=1e-6)
    moved = objective.teacher(view.x_adv) - expected
    assert np.abs(moved).max() > 1e-3


def test_rslad_leaves_the_teacher_and_ard_the_label(tiny_model, make_step):
    """Each attack raises the loss that it climbs."""
    for objective, term in ((taught(RSLAD()), "robust"), (taught(ARD()), None)):
        step = make_step(tiny_model, objective)
        (view,) = objective.craft(step)
        scores = []
        for x in (view.x, view.x_adv):
            moved = replace(view, x=x, x_adv=x)
            method = objective if term else Natural()
            terms = method.loss(step.predict, (moved,), step.y)
            scores.append(float(terms[term or "natural"]))
        assert scores[1] > scores[0]


def with_norm():
    """A teacher whose BatchNorm would move, were it trained."""
    net = linear_teacher()
    images = keras.Input((8, 8, 3))
    norm = keras.layers.BatchNormalization(name="norm")
    return keras.Model(images, net(norm(images)), name="teacher")


@pytest.mark.parametrize("method", BOTH)
def test_the_teacher_is_not_moved_and_not_saved(
    method, make_tiny, batch, snapshot, same, tmp_path
):
    teacher, student = with_norm(), make_tiny()
    before = snapshot(teacher.variables)
    model = AdversarialModel(
        student, method(teacher, alpha=0.5), augment=Unchanged()
    )
    model.compile(optimizer=SGD(0.1, momentum=0.9, weight_decay=0.1))
    x, y = (part.numpy() for part in batch)
    untouched = snapshot(student.variables)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert same(before, snapshot(teacher.variables))
    assert not same(untouched, snapshot(student.variables))
    own = {id(v) for v in teacher.variables}
    moved = [*model.variables, *model.optimizer.variables]
    assert own.isdisjoint({id(v) for v in moved})
    assert teacher.get_layer("norm").trainable
    model.save_weights(tmp_path / "state.weights.h5")
    twin = AdversarialModel(
        make_tiny(), method(linear_teacher()), augment=Unchanged()
    )
    twin.compile(optimizer=SGD(0.1, momentum=0.9, weight_decay=0.1))
    twin.load_weights(tmp_path / "state.weights.h5")
    assert same(
        snapshot(student.variables), snapshot(twin.classifier.variables)
    )


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (None, "learns from a trained classifier: name a run folder"),
        ("runs/a", "must be a loaded classifier outside a recipe"),
        (
            linear_teacher(num_classes=5),
            "classes 5, where the classifier has 4",
        ),
        (
            linear_teacher((4, 4, 3)),
            r"images \(4, 4, 3\), where the classifier has \(8, 8, 3\)",
        ),
    ],
    ids=["none", "name", "classes", "images"],
)
def test_a_teacher_that_does_not_fit_is_refused(
    method, teacher, message, tiny_model
):
    with pytest.raises(ValueError, match=message):
        AdversarialModel(tiny_model, method(teacher))


@pytest.mark.parametrize("method", ["ard", "rslad"])
def test_a_recipe_names_its_teacher(method):
    choice = {"method": method, "settings": ("teacher=runs/a",)}
    recipe = resolve(choice)
    assert recipe.objective.teacher == "runs/a"
    assert Recipe.from_json(recipe.to_json()) == recipe
    net = linear_teacher()
    assert recipe.objective.prepared(8, {"runs/a": net}.get).teacher is net
    plain = RECIPES[f"{method}-shapes-resnet8"]
    with pytest.raises(ValueError, match="--set teacher="):
        plain.objective.prepared(8, lambda name: net)
    with pytest.raises(ValueError, match="`teacher` in a recipe is a name"):
        replace(plain, objective=replace(plain.objective, teacher=net))
