"""Evaluation against closed forms, and the guards around its numbers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import ATTACKS, PGD, Attack, AttackLoss
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.losses import margin

SHAPE = (4, 4, 3)
ALL = "fgsm,pgd20,cw"


def dense(kernel, bias):
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(len(bias)),
        ]
    )
    model.layers[-1].set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def linear():
    """A two-class linear model, images that touch the box, and its maths."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(48, 2)).astype(np.float32)
    bias = np.array([0.3, -0.2], np.float32)
    x = rng.uniform(size=(40, *SHAPE))
    x = np.clip(1.4 * x - 0.2, 0, 1).astype(np.float32)
    y = rng.integers(0, 2, 40)
    return Linear(dense(kernel, bias), kernel, bias, x, y)


@dataclass
class Linear:
    model: keras.Model
    kernel: np.ndarray
    bias: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def gap_and_direction(self):
        kernel, bias = self.kernel.astype(np.float64), self.bias.astype(float)
        own, rival = kernel[:, self.y].T, kernel[:, 1 - self.y].T
        flat = self.x.reshape(len(self.x), -1).astype(np.float64)
        gap = ((own - rival) * flat).sum(-1) + bias[self.y] - bias[1 - self.y]
        return gap, rival - own

    def broken(self, eps):
        """The box formula: how far the gap can shrink inside the ball."""
        gap, v = self.gap_and_direction()
        flat = self.x.reshape(len(self.x), -1).astype(np.float64)
        room = np.where(v > 0, 1 - flat, flat)
        reach = (np.abs(v) * np.minimum(eps, room)).sum(-1)
        assert np.abs(reach - gap).min() > 1e-4, "pick another eps"
        return reach > gap

    def l2_distance(self):
        gap, v = self.gap_and_direction()
        return gap / np.linalg.norm(v, axis=-1)


@pytest.mark.parametrize(
    ("eps", "protocol"),
    [(0.01, "strict"), (0.04, "strict"), (1.0, "strict"), (0.04, "dat")],
)
def test_linear_model_linf_is_exact_at_every_eps(linear, eps, protocol):
    attacks = {name: ATTACKS[name](Linf(eps)) for name in ("fgsm", "pgd20")}
    attacks["cw"] = replace(ATTACKS["cw"](Linf(eps)), steps=20)
    report = evaluate(
        linear.model,
        (linear.x, linear.y),
        attacks,
        eps=eps,
        batch_size=16,
        protocol=protocol,
    )
    expected = linear.broken(eps)
    assert 0 < linear.broken(0.04).sum() < 40
    for name in attacks:
        assert np.array_equal(report[name].broken, expected), name
        assert 0.9 * eps < report[name].max_distance <= eps + 1e-6
    assert report.cautions == ()


def test_linear_model_l2_is_exact_away_from_the_box(linear):
    inside = replace(linear, x=0.5 + 0.2 * (linear.x - 0.5))
    distance, eps = inside.l2_distance(), 0.5
    clear = np.abs(distance / eps - 1) > 1e-3
    expected = distance < eps
    assert 0 < (expected & (distance > 0)).sum() < (distance > 0).sum()
    report = evaluate(
        inside.model, (inside.x, inside.y), "pgd20", norm="l2", eps=eps
    )
    broken = np.array(report["pgd20"].broken)
    assert np.array_equal(broken[clear], expected[clear])
    assert not (broken & (distance > eps * 1.0001)).any()
    assert report["pgd20"].max_distance <= eps * (1 + 1e-5) + 1e-6


def test_accuracy_of_a_linear_model_never_rises_with_eps(linear):
    found = [
        np.array(
            evaluate(linear.model, (linear.x, linear.y), "fgsm", eps=eps)[
                "fgsm"
            ].broken
        )
        for eps in (0.0, 0.02, 0.05)
    ]
    assert (found[0] <= found[1]).all() and (found[1] <= found[2]).all()
    assert found[0].sum() < found[1].sum() < found[2].sum()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("protocol", ["strict", "dat"])
def test_eps_zero_leaves_the_natural_accuracy(linear, norm, protocol):
    report = evaluate(
        linear.model,
        (linear.x, linear.y),
        "fgsm,pgd20",
        norm=norm,
        eps=0,
        protocol=protocol,
    )
    wrong = linear.gap_and_direction()[0] < 0
    assert 0 < wrong.sum() < 40
    assert all(np.array_equal(row.broken, wrong) for row in report.results)


@pytest.fixture(scope="module")
def net():
    """A random net that is not linear, and images it has opinions on."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, kernel_initializer="he_normal"),
        ]
    )
    x = np.random.default_rng(4).uniform(size=(17, *SHAPE)).astype(np.float32)
    y = model(x).numpy().argmax(-1)
    y[::4] = (y[::4] + 1) % 3
    return model, x, y


@pytest.mark.parametrize("protocol", ["strict", "dat"])
def test_flags_do_not_depend_on_batch_size(net, protocol):
    model, x, y = net
    three, five, whole = (
        evaluate(
            model,
            (x, y),
            {"short": PGD(Linf(0.05), steps=2, step_size=0.02)},
            eps=0.05,
            batch_size=size,
            protocol=protocol,
        )
        for size in (3, 5, 128)
    )
    assert three["short"].broken == five["short"].broken
    assert three["short"].broken == whole["short"].broken
    assert 0 < three["short"].correct < three["natural"].correct


def test_a_subset_repeats_the_flags_of_its_first_images(net):
    model, x, y = net
    attack = {"short": PGD(Linf(0.05), steps=2, step_size=0.02)}
    whole = evaluate(model, (x, y), attack, eps=0.05)
    part = evaluate(model, (x, y), attack, eps=0.05, n_examples=7)
    assert part["short"].broken == whole["short"].broken[:7]
    assert whole.whole and not part.whole


def test_the_seed_changes_the_draws(net):
    model, x, y = net
    attack = {"start": PGD(Linf(0.3), steps=tf.constant(0))}
    flags = [
        evaluate(model, (x, y), attack, eps=0.3, seed=seed)["start"].broken
        for seed in (0, 0, 1)
    ]
    assert flags[0] == flags[1] != flags[2]


def test_attacks_of_two_names_draw_independently(net):
    model, x, y = net
    start = PGD(Linf(0.3), steps=tf.constant(0))
    report = evaluate(model, (x, y), {"a": start, "b": start}, eps=0.3)
    assert report["a"].broken != report["b"].broken


@dataclass(frozen=True)
class Remorse(AttackLoss):
    """Maximises the margin, against the attacker's own interest."""

    def bind(self, predict, x, y):
        return lambda logits: margin(logits, y)


def test_strict_never_beats_dat_on_any_sample(net):
    model, x, y = net
    # The noise of the start breaks some images, the steps mend them again.
    attack = {"sorry": PGD(Linf(0.3), Remorse(), steps=9, step_size=0.1)}
    strict, dat = (
        np.array(
            evaluate(model, (x, y), attack, eps=0.3, protocol=protocol)[
                "sorry"
            ].broken
        )
        for protocol in ("strict", "dat")
    )
    assert (strict >= dat).all()
    assert strict.sum() > dat.sum()


def test_dat_protocol_runs_its_own_carlini_wagner_and_says_so(net):
    model, x, y = net
    report = evaluate(model, (x, y), "cw", protocol="dat")
    assert [row.name for row in report.results] == ["natural", "cw-dat"]
    assert "CarliniWagnerDAT" in report["cw-dat"].settings
    assert "KeepLast" in report["cw-dat"].settings
    strict = evaluate(model, (x, y), "cw")
    assert "KeepFirstBroken" in strict["cw"].settings


@dataclass(frozen=True)
class Scripted(Attack):
    """Returns `move(x)`, counts its traces, keeps the rows it saw."""

    move: Callable
    traces: list = field(default_factory=list)

    def __call__(self, predict, x, y, key):
        self.traces.append(x.shape)
        return self.move(x)


def test_one_trace_serves_batches_of_every_size(linear):
    attack = Scripted(Linf(0.1), tf.identity)
    report = evaluate(
        linear.model,
        (linear.x, linear.y),
        {"still": attack},
        eps=0.1,
        n_examples=17,
        batch_size=5,
        protocol="dat",
    )
    assert attack.traces == [(None, *SHAPE)]
    assert len(report["still"].broken) == 17
    assert report["still"].broken == report["natural"].broken


def test_a_natural_error_stays_broken_under_strict_alone(linear):
    wrong = linear.gap_and_direction()[0] < 0
    mended = 1.0 - linear.x
    still_wrong = replace(linear, x=mended).gap_and_direction()[0] < 0
    assert (wrong & ~still_wrong).any()
    attack = Scripted(Linf(1.0), lambda x: 1.0 - x)
    strict, dat = (
        evaluate(
            linear.model,
            (linear.x, linear.y),
            {"negative": attack},
            eps=1.0,
            protocol=protocol,
        )["negative"].broken
        for protocol in ("strict", "dat")
    )
    assert np.array_equal(strict, wrong | still_wrong)
    assert np.array_equal(dat, still_wrong)


def test_images_outside_the_threat_model_count_as_robust(linear):
    wrong = linear.gap_and_direction()[0] < 0
    x, y = linear.x[~wrong][:6], linear.y[~wrong][:6]
    # The negative image: surely wrong, surely too far.
    attack = Scripted(Linf(0.1), lambda x: 1.0 - x)
    report = evaluate(
        linear.model, (x, y), {"cheat": attack}, eps=0.1, batch_size=4
    )
    assert report["cheat"].correct == 6
    (caution,) = report.cautions
    assert caution.code == "verify_fail"
    assert caution.advice.endswith("Positions: 0, 1, 2, 3, 4, 5")


def test_images_outside_the_box_count_as_robust(linear):
    attack = Scripted(Linf(0.1), lambda x: x + 0.09)
    x = np.full((2, *SHAPE), 0.95, "f")
    report = evaluate(linear.model, (x, [0, 1]), {"out": attack}, eps=0.1)
    assert report["out"].correct == report["natural"].correct
    assert [c.code for c in report.cautions] == ["verify_fail"]


def test_nan_images_are_an_error(linear):
    attack = Scripted(Linf(0.1), lambda x: x * float("nan"))
    with pytest.raises(ValueError, match="'?bad'? met NaN or infinity"):
        evaluate(linear.model, (linear.x, linear.y), {"bad": attack}, eps=0.1)


def test_evaluation_changes_no_variable_and_names_the_weights(linear):
    before = [v.numpy().copy() for v in linear.model.weights]
    first = evaluate(linear.model, (linear.x, linear.y), "pgd20")
    assert all(
        np.array_equal(a, v)
        for a, v in zip(before, linear.model.weights, strict=True)
    )
    other = dense(linear.kernel + 1, linear.bias)
    assert first.model != evaluate(other, (linear.x, linear.y), "fgsm").model


def test_a_report_says_the_day_in_utc(linear, monkeypatch):
    # Of these two zones one is always a day away from UTC.
    ahead = time.gmtime().tm_hour >= 10
    monkeypatch.setenv("TZ", "Etc/GMT-14" if ahead else "Etc/GMT+12")
    time.tzset()
    days = [time.strftime("%Y-%m-%d", time.gmtime())]
    report = evaluate(linear.model, (linear.x, linear.y), "natural")
    days.append(time.strftime("%Y-%m-%d", time.gmtime()))
    monkeypatch.undo()
    time.tzset()
    assert report.date in days and report.to_json()["date"] == report.date


def test_progress_hears_of_every_batch(linear):
    heard = []
    evaluate(
        linear.model,
        (linear.x, linear.y),
        "fgsm",
        batch_size=15,
        protocol="dat",
        progress=lambda *news: heard.append(news),
    )
    assert heard == [
        (name, done, 40)
        for name in ("natural", "fgsm")
        for done in (15, 30, 40)
    ]


def test_a_subclassed_model_is_welcome(linear):
    class Wrapped(keras.Model):
        def call(self, x, training=None):
            return linear.model(x)

    data = linear.x, linear.y
    ours, theirs = (
        evaluate(model, data, "fgsm") for model in (Wrapped(), linear.model)
    )
    assert ours["fgsm"].broken == theirs["fgsm"].broken


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attacks": "pgd2O"}, "Did you mean 'pgd20'"),
        ({"norm": "l7"}, "Unknown norm 'l7'"),
        ({"protocol": "strikt"}, "Did you mean 'strict'"),
        ({"eps": 8}, "Did you mean 8/255"),
        ({"eps": -0.1}, "must be at least 0"),
        ({"n_examples": 0}, "`n_examples` must be in"),
        ({"n_examples": 41}, r"\[1, 40\]"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"search_dtype": "float16"}, "Unknown search_dtype 'float16'"),
        (
            {"attacks": {"natural": PGD(Linf(8 / 255))}},
            "must not name an attack `natural`",
        ),
        (
            {"attacks": {"mine": PGD(Linf(8 / 255))}, "shard": (1, 2)},
            "`shard` takes attacks by name.*Received: mine",
        ),
        (
            {"attacks": "natural", "search_dtype": "bfloat16"},
            "`search_dtype` is the type in which attacks run",
        ),
        ({"attacks": {"mine": PGD(Linf(0.1))}}, "'mine' with Linf"),
        ({"attacks": {"mine": PGD(L2(8 / 255))}}, "'mine' with L2"),
    ],
)
def test_bad_options_are_refused(linear, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(linear.model, (linear.x, linear.y), **options)


class Begun(Exception):
    """An evaluation has classified images."""


@pytest.mark.parametrize(
    ("shape", "classes", "options", "message"),
    [
        ((1, 1, 11), 11, {"attacks": "pgd20,fab"}, "of 11 classes"),
        ((1, 1, 11), 11, {"attacks": "pgd20,autoattack-plus"}, "of 11 classes"),
        ((4, 8, 1), 32, {"attacks": "pgd20,square", "norm": "l2"}, "4 x 8"),
        ((4, 8, 1), 32, {"attacks": "autoattack", "norm": "l1"}, "4 x 8"),
        ((1, 1, 3), 3, {"save": "missing/a.npz"}, "folder that exists"),
        ((1, 1, 3), 3, {"save": ""}, "folder that exists"),
        ((1, 1, 3), 3, {"save": "a.npz", "name": "file"}, "named 'file'"),
        ((1, 1, 3), 3, {"save": "a.npz", "name": "y"}, "named 'y'"),
    ],
)
def test_what_cannot_end_does_not_begin(
    tmp_path, shape, classes, options, message
):
    def begun(name, done, total):
        raise Begun

    layers = [keras.Input(shape), keras.layers.Flatten()]
    x = np.random.default_rng(0).random((3, *shape), np.float32)
    options = {"attacks": "fgsm", **options}
    if "name" in options:
        options["attacks"] = {options.pop("name"): PGD(Linf(8 / 255))}
    if "save" in options:
        options["save_adversarial"] = tmp_path / options.pop("save")
    model, data = keras.Sequential(layers), (x, np.zeros(3, int))
    with pytest.raises(ValueError, match=message):
        evaluate(model, data, progress=begun, **options)


@pytest.mark.bfloat16
def test_a_search_in_bfloat16_is_judged_in_float32():
    # A channel of 1 and a tiny weight on the pixel: bfloat16 rounds the sum,
    # so in it every image looks broken, and none is.
    model = keras.Sequential(
        [
            keras.Input((1, 1, 1)),
            keras.layers.Conv2D(1, 1),
            keras.layers.Conv2D(2, 1, use_bias=False),
            keras.layers.Flatten(),
        ]
    )
    model.set_weights(
        [
            np.zeros((1, 1, 1, 1), "f"),
            np.ones(1, "f"),
            np.array([1.001, 1.0], "f").reshape(1, 1, 1, 2),
        ]
    )
    data = np.full((4, 1, 1, 1), 0.5, "f"), np.zeros(4, int)
    seen = []

    @dataclass(frozen=True)
    class Spy(Attack):
        def __call__(self, predict, x, y, key):
            logits = predict(x)
            seen.append(logits.dtype)
            lost = logits[:, 0] <= logits[:, 1]
            return tf.where(lost[:, None, None, None], x + 0.1, x)

    report = evaluate(
        model, data, {"spy": Spy(Linf(0.2))}, eps=0.2, search_dtype="bfloat16"
    )
    assert report["spy"].max_distance == pytest.approx(0.1, abs=1e-6)
    assert report["spy"].accuracy == 1.0 and seen == [tf.float32]
    assert "search_dtype" in [caution.code for caution in report.cautions]
    plain = evaluate(model, data, {"spy": Spy(Linf(0.2))}, eps=0.2)
    assert plain["spy"].max_distance == 0.0 and plain["spy"].accuracy == 1.0
    assert "search_dtype" not in [caution.code for caution in plain.cautions]
