"""MAX, AVG, MSD and E-AT: closed forms, reductions, refusals."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_nets import TanhNet

from dat_keras.attacks import (
    PGD,
    CleanStart,
    KLFromClean,
    NormalStart,
    StartInBall,
)
from dat_keras.augment import Unchanged
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import L2, Linf
from dat_keras.objectives import (
    EAT,
    MART,
    MSD,
    NFGSM,
    OAAT,
    PGDAT,
    ST,
    TRADES,
    UNIONS,
    AverageUnion,
    FreeAT,
    GradAlign,
    MaxUnion,
    Natural,
    Radii,
    RecombinedAT,
)
from dat_keras.objectives.unions.max_union import WorstOfNorms
from dat_keras.optimizers import SGD
from dat_keras.recipes import choose, resolve
from dat_keras.training.attack_warmup import check_warmup
from dat_keras.training.model import AdversarialModel

SHORT = PGD(Linf(0.05), steps=3, step_size=0.02, start=NormalStart())
BASES = {
    "pgd-at": PGDAT(SHORT),
    "trades": TRADES(replace(SHORT, loss=KLFromClean())),
    "mart": MART(SHORT),
}
LINF = Radii(0.05, None, None)
ALL = Radii(0.05, 0.4, 2.0)


def total(objective, step, views):
    terms = objective.loss(step.predict, views, step.y)
    return float(tf.add_n(list(terms.values())))


@pytest.fixture
def linear():
    """Two classes of grey 8x8 images; PGD in L1 moves one value of 64."""
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    kernel = np.random.default_rng(7).normal(size=(64, 2)) / 8
    model.layers[-1].set_weights([kernel.astype("f"), np.zeros(2, "f")])
    return model


@pytest.fixture
def make(linear, make_step):
    """Returns a step of images in the middle of the box."""
    rng = np.random.default_rng(3)
    x = tf.constant(rng.uniform(0.45, 0.55, (8, 8, 8, 1)), tf.float32)
    y = tf.constant([0, 1] * 4)

    def step(objective):
        made = make_step(linear, objective, y=y)
        return replace(made, x=x, x_raw=x)

    return step


@pytest.mark.parametrize("union", UNIONS.values(), ids=UNIONS)
@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_a_union_of_the_bases_own_ball_is_the_base(union, base, make):
    ours = union(base, LINF)
    step = make(ours)
    (view,), (expected,) = ours.craft(step), base.craft(step)
    np.testing.assert_array_equal(view.x_adv, expected.x_adv)
    assert total(ours, step, (view,)) == total(base, step, (expected,))
    assert ours.terms == base.terms


def gains(linear, radii):
    """What the margin loses at most: eps times the dual norm of w."""
    kernel = linear.layers[-1].get_weights()[0].astype("d")
    w = np.abs(kernel[:, 1] - kernel[:, 0])
    each = (w.sum(), (w**2).sum() ** 0.5, w.max())
    eps = radii.linf_eps, radii.l2_eps, radii.l1_eps
    return np.multiply(each, eps)


def margins(step, x):
    logits = step.predict(x).numpy().astype("d")
    signs = np.where(step.y.numpy() == 0, 1.0, -1.0)
    return signs * (logits[:, 0] - logits[:, 1])


LONG = PGDAT(PGD(Linf(0.05), steps=8, step_size=0.0125, start=CleanStart()))


@pytest.mark.parametrize(
    ("largest", "radii"),
    [
        (0, Radii(0.05, 0.02, 0.02)),
        (1, Radii(0.002, 0.3, 0.1)),
        (2, Radii(0.001, 0.02, 0.4)),
    ],
    ids=["linf", "l2", "l1"],
)
def test_a_linear_model_loses_the_largest_dual_norm(
    largest, radii, linear, make
):
    expected = gains(linear, radii)
    assert np.argmax(expected) == largest
    step = make(LONG)
    clean = margins(step, step.x)
    for union in (MaxUnion, MSD):
        (view,) = union(LONG, radii).craft(step)
        found = clean - margins(step, view.x_adv)
        np.testing.assert_allclose(found, expected.max(), rtol=1e-3)
    views = AverageUnion(LONG, radii).craft(step)
    for view, gain in zip(views, expected, strict=True):
        found = clean - margins(step, view.x_adv)
        np.testing.assert_allclose(found, gain, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_max_is_no_less_than_each_norm(base, make):
    ours = MaxUnion(base, ALL)
    step = make(ours)
    loss = base.attack.loss.bind(step.predict, step.x, step.y)
    (view,) = ours.craft(step)
    largest = loss(step.predict(view.x_adv)).numpy()
    each = [
        loss(step.predict(alone.craft(step)[0].x_adv)).numpy()
        for alone in ours.bases
    ]
    np.testing.assert_allclose(largest, np.max(each, 0), rtol=1e-6)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_avg_is_the_mean_of_the_bases_losses(base, make):
    ours = AverageUnion(base, ALL)
    step = make(ours)
    each = [total(b, step, b.craft(step)) for b in ours.bases]
    found = total(ours, step, ours.craft(step))
    assert found == pytest.approx(np.mean(each), rel=1e-6)
    assert np.std(each) > 0


def test_one_step_of_msd_is_the_best_of_three_in_numpy():
    net = TanhNet(1)
    rng = np.random.default_rng(2)
    x = rng.uniform(0.3, 0.7, (12, 2, 4, 3)).astype("f")
    y = rng.integers(0, 5, 12)
    first = PGD(Linf(0.05), steps=1, step_size=0.02, start=CleanStart())
    ours = MSD(PGDAT(first), Radii(0.05, 0.21, 0.5))
    sizes = [attack.step_size for attack in ours.attacks]
    np.testing.assert_allclose(sizes, [0.02, 0.084, 0.2])
    key = BatchKey.of(0, 0)
    x_adv = ours.attack_on_union(net, tf.constant(x), tf.constant(y), key)

    grad = net.grads[0].astype("d")
    largest = np.abs(grad) == np.abs(grad).max(1, keepdims=True)
    directions = (
        np.sign(grad),
        grad / np.linalg.norm(grad, axis=1, keepdims=True),
        np.sign(grad) * largest,
    )
    flat = x.reshape(12, 24).astype("d")
    moved = np.array(
        [flat + s * d for s, d in zip(sizes, directions, strict=True)]
    )
    z = np.tanh(moved @ net.w) @ net.v
    losses = np.log(np.exp(z).sum(-1)) - z[:, np.arange(12), y]
    best = losses.argmax(0)
    assert set(best) == {0, 1, 2}
    expected = moved[best, np.arange(12)]
    np.testing.assert_allclose(
        x_adv.numpy().reshape(12, 24), expected, atol=1e-6
    )


@pytest.mark.parametrize("union", UNIONS.values(), ids=UNIONS)
def test_images_lie_in_a_ball_of_the_union_and_are_the_clean_ones(union, make):
    ours = union(BASES["pgd-at"], ALL)
    step = make(ours)
    for view in ours.craft(step):
        inside = [
            ball.distance(view.x_adv, view.x).numpy() <= ball.eps * (1 + 1e-5)
            for ball in ALL.threat_models
        ]
        assert np.any(inside, axis=0).all()
    for view in ours.without_attack().craft(step):
        np.testing.assert_array_equal(view.x, step.x)
        # What is left is the noise that the attack starts at.
        assert np.abs(view.x_adv - view.x).max() < 0.01


def test_attacks_raise_the_loss(make):
    for union in UNIONS.values():
        ours = union(BASES["pgd-at"], ALL)
        step = make(ours)
        views = ours.craft(step)
        clean = tuple(replace(view, x_adv=view.x) for view in views)
        assert total(ours, step, views) > total(ours, step, clean)


class Fixed:
    """A key whose uniform draw is given."""

    def __init__(self, draw):
        self.draw, self.shared = draw, self

    def uniform(self, shape):
        return tf.fill(shape, tf.constant(self.draw))


def test_e_at_draws_in_proportion_to_the_errors(make):
    ours = EAT(BASES["pgd-at"])
    errors = make(ours).adversary
    np.testing.assert_allclose(errors.probabilities(), [0.5, 0.5])
    errors.errors.assign([0.2, 0.6])
    np.testing.assert_allclose(errors.probabilities(), [0.25, 0.75], rtol=1e-6)
    draws = [int(errors.draw(Fixed(u))) for u in (0.0, 0.24, 0.26, 0.999)]
    assert draws == [0, 0, 1, 1]
    errors.errors.assign([0.0, 0.0])
    np.testing.assert_allclose(errors.probabilities(), [0.5, 0.5])


def trainer(linear, decay=0.75):
    twin = keras.models.clone_model(linear)
    twin.set_weights(linear.get_weights())
    objective = EAT(BASES["trades"], decay=decay)
    model = AdversarialModel(twin, objective, augment=Unchanged())
    model.compile(optimizer=SGD(0.05))
    return model


def test_e_at_keeps_running_errors_and_resumes_with_the_same_bits(
    linear, make, tmp_path, snapshot, same
):
    step = make(EAT())
    model, twin = trainer(linear), trainer(linear)
    batch = step.x, step.y
    crafted = model.objective.craft(model._augment(model.checked(batch)))
    x_adv, norm = crafted[0].x_adv, int(crafted[0].norm)
    wrong = np.argmax(model.classifier(x_adv), -1) != step.y.numpy()
    shares = model.train_step(batch)
    assert float(shares[f"share_{('linf', 'l1')[norm]}"]) == 1.0
    expected = [1.0, 1.0]
    expected[norm] = 0.75 + 0.25 * wrong.mean()
    found = model.adversary.errors.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    model.save_weights(tmp_path / "state.weights.h5")
    twin.load_weights(tmp_path / "state.weights.h5")
    for _ in range(3):
        for each in (model, twin):
            each.train_step(batch)
    ours, theirs = (
        snapshot(m.classifier.variables + m.adversary.variables)
        for m in (model, twin)
    )
    assert same(ours, theirs)
    assert found.tobytes() != ours[-1].tobytes()


def test_e_at_in_a_graph(linear, make):
    step = make(EAT())
    model = trainer(linear)
    history = model.fit(
        step.x, step.y, batch_size=2, epochs=1, verbose=0
    ).history
    shares = history["share_linf"][0], history["share_l1"][0]
    assert sum(shares) == pytest.approx(1.0) and np.isfinite(history["loss"])


@pytest.mark.parametrize(
    "base",
    [
        Natural(),
        NFGSM(),
        FreeAT(),
        RecombinedAT(),
        MaxUnion(),
        PGDAT(NFGSM().attack),
        GradAlign(),
        ST(),
        OAAT(),
    ],
    ids=lambda base: type(base).__name__,
)
def test_other_bases_are_refused_by_name(base):
    with pytest.raises(ValueError, match=type(base).__name__):
        MaxUnion(base)


def test_what_has_no_effect_is_refused():
    with pytest.raises(ValueError, match="must have a norm"):
        Radii(None, None, None)
    with pytest.raises(ValueError, match="Did you mean 8/255"):
        Radii(linf_eps=8.0)
    with pytest.raises(ValueError, match="l2_eps"):
        Radii(l2_eps=-1.0)
    with pytest.raises(ValueError, match="the unit of its step"):
        MSD(PGDAT(PGD(Linf(0.0))))
    with pytest.raises(ValueError, match="in objective.radii: use --set"):
        resolve({"method": "trades+max", "eps": 4 / 255})
    for union in UNIONS.values():
        with pytest.raises(ValueError, match="needs a method whose `attack`"):
            check_warmup(0.5, union())


def test_additions_wrap_the_method_of_the_recipe():
    for name, union in UNIONS.items():
        recipe = choose("cifar10", f"trades+{name}")
        assert recipe.name == f"trades+{name}-cifar10-resnet18"
        assert recipe.objective == union(choose("cifar10", "trades").objective)
    choice = {"method": "pgd-at+msd", "settings": ["objective.radii.l2_eps=1"]}
    assert resolve(choice).objective.radii.l2_eps == 1.0


def test_a_start_in_a_ball_grows_with_the_radius_of_each_norm(key):
    """Where the attack's own radius is another, as in LAS-AT."""
    x = tf.fill((6, 8, 8, 3), 0.5)
    own = PGD(Linf(0.1), start=StartInBall(0.1))
    wide = WorstOfNorms.of(own, (Linf(0.1), L2(0.5)))
    narrow = replace(wide, threat_model=replace(wide.union, eps=0.02))
    for each, ball in zip(narrow.members, (Linf(0.1), L2(0.5)), strict=True):
        start = each.first_iterate(x, key)
        assert type(each.threat_model) is type(ball)
        np.testing.assert_array_equal(start, ball.random_start(x, key))
