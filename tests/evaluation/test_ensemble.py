"""AutoAttack: exact on linear models, and true to its rules on others."""

import functools
import itertools
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from contexts import context_of
from selection import first_of
from short_ensemble import quick
from toy_nets import TanhNet, opinionated

from dat_keras.attacks import (
    APGD,
    PARTS,
    EachTarget,
    Monitor,
    Square,
    StagedAttack,
    TargetedDLR,
    plus,
    standard,
)
from dat_keras.core.random import RowKey
from dat_keras.core.threat_models import L1, L2, Linf
from dat_keras.evaluation.cautions import ensemble_cautions
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.results import AttackResult
from dat_keras.evaluation.staged_run import StagedRun
from dat_keras.evaluation.suites import EVALUATIONS

SHAPE = (5, 6, 2)
NORMS = {"linf": Linf, "l2": L2}


def dense(kernel, shape=SHAPE):
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(kernel.shape[1], use_bias=False),
        ]
    )
    model.set_weights([kernel])
    return model


def linear(classes, spread=1.0, shape=SHAPE):
    """A linear model, images and labels, one in six of them wrong."""
    rng = np.random.default_rng(classes)
    size = int(np.prod(shape))
    kernel = rng.normal(size=(size, classes)).astype("f")
    x = 0.5 + spread * (rng.uniform(size=(30, *shape)) - 0.5)
    x = x.astype("f")
    y = (x.reshape(30, -1) @ kernel).argmax(-1)
    y[::6] = (y[::6] + 1) % classes
    return kernel, x, y


def linf_distances(kernel, x, y):
    """The exact distance to the nearest rival, with the box, by bisection."""
    found = np.full(len(x), np.inf)
    flat = x.reshape(len(x), -1).astype(float)
    for i, row in enumerate(flat):
        for rival in set(range(kernel.shape[1])) - {y[i]}:
            v = kernel[:, rival].astype(float) - kernel[:, y[i]]
            gap, room = -(v @ row), np.where(v > 0, 1 - row, row)
            low, high = 0.0, 1.0
            for _ in range(60):
                middle = (low + high) / 2
                reached = np.abs(v) @ np.minimum(middle, room) > gap
                low, high = (low, middle) if reached else (middle, high)
            found[i] = min(found[i], high)
    return found


def l2_distances(kernel, x, y):
    flat = x.reshape(len(x), -1).astype(float)
    z = flat @ kernel
    gaps = z[range(len(x)), y][:, None] - z
    lengths = np.linalg.norm(kernel[:, y].T[:, None] - kernel.T[None], axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.maximum(np.nanmin(gaps / lengths, axis=-1), 0)


@pytest.mark.parametrize(
    "case",
    first_of(
        list(itertools.product(["linf", "l2"], [2, 3, 4, 7])),
        [("linf", 7), ("l2", 2)],
    ),
    ids=lambda case: "{}-{}".format(*case),
)
def test_linear_model_is_exact(case):
    norm, classes = case
    spread = {"linf": 1.0, "l2": 0.2}[norm]
    kernel, x, y = linear(classes, spread)
    exact = {"linf": linf_distances, "l2": l2_distances}[norm](kernel, x, y)
    right = exact > 1e-6
    eps = float(np.median(exact[right]))
    sure = np.abs(exact / eps - 1) > 2e-3
    expected = exact < eps
    ball = NORMS[norm](eps)
    result = AttackEnsemble(quick(ball))(
        "autoattack", context_of(dense(kernel), x, y, ball)
    )
    assert np.array_equal(np.array(result.broken)[sure], expected[sure])
    for row in result.parts:
        broken = np.array(row.broken)
        assert not (broken & (exact > eps * 1.0001) & right).any(), row.name
    names = [row.name for row in result.parts]
    assert names[0] == "natural" and len(names) == 5
    second = np.array(result.parts[2].broken)
    assert np.array_equal(second[sure], expected[sure])
    assert "n_classes" in [c.code for c in result.cautions]
    assert names[2] == {2: "apgd-t-margin", 3: "apgd-t-third"}.get(
        classes, "apgd-t"
    )
    assert result.max_distance <= eps * (1 + 1e-5) + 1e-6


@pytest.fixture(scope="module")
def net():
    return opinionated((8, 6, 1))


BALLS = {"linf": Linf(0.03), "l2": L2(0.12)}


@pytest.fixture(scope="module")
def together(net):
    @functools.cache
    def found(norm):
        ball = BALLS[norm]
        return AttackEnsemble(quick(ball, 12, 60))(
            "autoattack", context_of(*net, ball, keep_images=True)
        )

    return found


@pytest.mark.parametrize("norm", first_of(["linf", "l2"], ("linf",)))
def test_ensemble_is_the_worst_case_of_its_parts(net, together, norm):
    ball = BALLS[norm]
    context = context_of(*net, ball)
    alone = {
        name: np.array(AttackEnsemble({name: part})(name, context).broken)
        for name, part in quick(ball, 12, 60).items()
    }
    union = np.logical_or.reduce(list(alone.values()))
    result = together(norm)
    unkept = AttackEnsemble({"square": Square(ball, 2, 2)})
    assert unkept("square", context).x_adv is None
    broken = np.array(result.broken)
    assert np.array_equal(broken, union)
    assert 0 < result.correct < (~context.wrong).sum()
    # Broken samples come with an image that shows it, others as they were.
    wrong = net[0](result.x_adv).numpy().argmax(-1) != net[2]
    assert np.array_equal(wrong, result.broken)
    same = (result.x_adv == net[1]).all((1, 2, 3))
    assert np.array_equal(same, ~broken | context.wrong)
    # After each part, what it and the earlier ones break.
    broken = context.wrong
    for row in result.parts[1:]:
        broken = broken | alone[row.name]
        assert np.array_equal(row.broken, broken)


@pytest.mark.parametrize("norm", first_of(["linf", "l2"], ("linf",)))
def test_flags_do_not_depend_on_batch_size_or_company(net, together, norm):
    model, x, y = net
    ball, whole = BALLS[norm], together(norm)
    context = context_of(model, x[:11], y[:11], ball, batch_size=5)
    few = AttackEnsemble(quick(ball, 12, 60))("autoattack", context)
    assert [row.broken for row in few.parts] == [
        row.broken[:11] for row in whole.parts
    ]


def test_report_shows_what_stood_after_each_part(net, monkeypatch):
    monkeypatch.setattr(
        "dat_keras.evaluation.suites.standard", lambda b: quick(b, 6, 60)
    )
    told = []
    report = evaluate(
        net[0],
        net[1:],
        "autoattack",
        eps=0.03,
        batch_size=8,
        progress=lambda *heard: told.append(heard),
    )
    row = report["autoattack"]
    names = ["natural", "apgd-ce", "apgd-t", "fab-t", "square"]
    assert [part.name for part in row.parts] == names
    accuracies = [part.accuracy for part in row.parts]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[-1] == row.accuracy == report.robust_accuracy
    assert row.forwards == sum(part.forwards for part in row.parts) > 0
    for sample, name in enumerate(row.broken_by):
        flags = [part.broken[sample] for part in row.parts]
        first_flag = names[flags.index(True)] if any(flags) else None
        assert name == first_flag
    assert {"natural", None} < set(row.broken_by)
    data = report.to_json()["attacks"]["autoattack"]
    assert data["broken_by"] == list(row.broken_by)
    assert data["parts"]["square"]["accuracy"] == accuracies[-1]
    lines = str(report).splitlines()
    assert [line.split()[:2] for line in lines[4:8]] == [
        ["+", name] for name in names[1:]
    ]
    assert "+ apgd-ce" in report.markdown()
    assert any("autoattack, at most" in name for name, *_ in told)
    ends = [name for name, done, total in told if done == total]
    assert ends[-4:] == names[1:]


def test_a_part_by_name_is_one_line(net):
    report = evaluate(net[0], net[1:], "apgd-ce", eps=0.03)
    assert "+" not in str(report)
    assert report["apgd-ce"].broken_by[0] == "natural"
    assert "not_standard" not in [c.code for c in report.cautions]


@pytest.mark.parametrize("name", first_of(PARTS, ("apgd-ce", "square")))
def test_passes_are_counted_as_foreseen(net, name):
    # So far from any boundary that every image stands to the end.
    ball = Linf(1e-6)
    part = quick(ball, 5, 70).get(name) or PARTS[name](ball)
    context = context_of(*net, ball, batch_size=4)
    rows = np.flatnonzero(~context.wrong)[:4]
    state = StagedRun(name, part, context, name)(rows)
    assert not len(state.broken) and not state.invalid.any()
    forwards, gradients = part.passes(5)
    targets = part.stages(5) if isinstance(part, EachTarget) else 0
    assert state.forwards == 4 * (forwards + targets)
    assert state.gradients == 4 * gradients


@dataclass(frozen=True)
class Scripted(StagedAttack):
    """Breaks no image; keeps the batches that it saw, and its traces."""

    threat_model: Linf
    seen: list
    traces: list

    def stages(self, classes):
        return 3

    def passes(self, classes):
        return 0, 0

    def __call__(self, predict, x, y, key, before):
        self.traces.append(x.shape[0])
        stage, x_adv = before
        tf.py_function(
            lambda s, r: self.seen.append((int(s), r.numpy().tolist())),
            [stage, key.rows],
            [],
        )
        # One more pixel for each stage done before.
        return x_adv + 0.25 * tf.cast(stage + 1, tf.float32)


def test_unbroken_images_fill_batches_and_stages_pass_images_on():
    # Broken once the mean pixel is above 0.25; a tie is class 0.
    model = keras.Sequential(
        [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    kernel = np.array([[-1.0, 1.0]] * 4, "f")
    model.set_weights([kernel, np.array([1.0, -1.0], "f")])
    x = np.zeros((11, 2, 2, 1), "f")
    # The stages lift these to 0.35, and the others to 0.25 and 0.75.
    x[[0, 5]] = 0.1
    part = Scripted(Linf(0.8), [], [])
    context = context_of(model, x, np.zeros(11, int), Linf(0.8), batch_size=4)
    state = StagedRun("scripted", part, context, "scripted")(np.arange(11))
    stages = {s: [r for t, r in part.seen if t == s] for s in (0, 1, 2)}
    assert stages[0] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 10]]
    assert stages[1] == [[1, 2, 3, 4], [6, 7, 8, 9], [10] * 4]
    assert stages[2] == []
    assert state.broken.tolist() == list(range(11))
    assert not state.invalid.any()
    assert part.traces == [None]


@pytest.mark.thorough
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_images_of_64_pixels_a_side(norm):
    model, x, y = opinionated((64, 64, 3))
    ball = {"linf": Linf(0.004), "l2": L2(0.3)}[norm]
    context = context_of(model, x[:8], y[:8], ball, keep_images=True)
    result = AttackEnsemble(quick(ball, 10, 60))(norm, context)
    assert context.wrong.sum() < sum(result.broken) and not result.invalid
    wrong = model(result.x_adv).numpy().argmax(-1) != y[:8]
    assert np.array_equal(wrong, result.broken)
    assert 0 < result.max_distance <= ball.eps * (1 + 1e-5) + 1e-6


@pytest.mark.thorough
def test_constant_logits_stand_for_class_zero(net):
    model = dense(np.zeros((60, 4), "f"))
    x = np.full((6, *SHAPE), 0.5, "f")
    y = np.array([0, 1, 2, 0, 0, 3])
    for norm, make in NORMS.items():
        ball = make(0.1)
        ensemble = AttackEnsemble(quick(ball, 4, 20))
        result = ensemble(norm, context_of(model, x, y, ball))
        assert np.array_equal(result.broken, y != 0)


@pytest.mark.thorough
def test_eps_zero_leaves_the_natural_accuracy(net):
    for make in NORMS.values():
        ball = make(0.0)
        context = context_of(*net, ball)
        result = AttackEnsemble(quick(ball, 3, 20))("autoattack", context)
        assert np.array_equal(result.broken, context.wrong)


@pytest.mark.thorough
def test_accuracy_of_a_linear_model_never_rises_with_eps():
    kernel, x, y = linear(4)
    exact = linf_distances(kernel, x, y)
    flags = []
    for share in (30, 60, 90):
        ball = Linf(float(np.percentile(exact, share)))
        part = EachTarget(APGD(ball, TargetedDLR(), steps=20))
        context = context_of(dense(kernel), x, y, ball)
        found = AttackEnsemble({"apgd-t": part})("apgd-t", context)
        flags.append(np.array(found.broken))
    assert (flags[0] <= flags[1]).all() and (flags[1] <= flags[2]).all()
    assert flags[0].sum() < flags[2].sum()


class Quantised(keras.layers.Layer):
    """Rounds, and so has no gradient."""

    def call(self, x):
        return tf.round(x * 8) / 8


def test_square_better_tells_of_gradients_that_lie():
    kernel, x, y = linear(4, 0.2)
    hidden = keras.Sequential([keras.Input(SHAPE), Quantised(), dense(kernel)])
    y = hidden(x).numpy().argmax(-1)
    ball = Linf(0.15)
    parts = quick(ball, 10, 100)
    parts = {name: parts[name] for name in ("apgd-ce", "square")}
    for model, expected in ((hidden, True), (dense(kernel), False)):
        context = context_of(model, x, y, ball)
        codes = [c.code for c in AttackEnsemble(parts)("a", context).cautions]
        assert ("square_better" in codes) == expected
    report = evaluate(hidden, (x, y), "natural", eps=0.15)
    assert "zero_grad" in [c.code for c in report.cautions]


def test_square_better_needs_an_attack_that_follows_gradients():
    def results(*names):
        counts = dict(zip(names, (1, 2, 6), strict=False))
        return [
            AttackResult(n, "", (True,) * k + (False,) * (10 - k))
            for n, k in counts.items()
        ]

    def codes(*names):
        shape = (8, 8, 3)
        cautions = ensemble_cautions(results(*names), 10, shape, Linf(0.1), {})
        return [caution.code for caution in cautions]

    assert codes("natural", "square", "apgd-ce") == []
    assert codes("natural", "mine", "square") == []
    assert codes("natural", "apgd-margin", "square") == ["square_better"]
    assert codes("natural", "fab-t", "square") == ["square_better"]


@pytest.mark.parametrize(
    ("ball", "classes", "said"),
    [
        (Linf(0.1), 8, "apgd-t tries 7 targets, not 9; fab-t tries 7"),
        (L1(4.0), 8, "With 8 classes fab-t tries 7 targets, not 9."),
        (L1(4.0), 3, "apgd-t tries 2 targets, not 5; fab-t tries 2 targets"),
        (L1(4.0), 3, "not 9; apgd-t has another loss."),
    ],
)
def test_the_number_of_targets_is_that_of_the_norm(ball, classes, said):
    parts = standard(ball)
    third = "apgd-t-third" if classes == 3 else "apgd-t"
    results = [AttackResult(n, "", (False,)) for n in ("natural", third)]
    cautions = ensemble_cautions(results, classes, (8, 8, 3), ball, parts)
    (advice,) = (c.advice for c in cautions if c.code == "n_classes")
    assert said in advice


def test_masking_tells_of_a_cross_entropy_that_saturates():
    kernel, x, y = linear(4, 0.2)
    y = (x.reshape(30, -1) @ kernel).argmax(-1)
    ball = Linf(0.15)
    parts = quick(ball, 10)
    parts = {name: parts[name] for name in ("apgd-ce", "apgd-t")}
    for scale, expected in ((1e3, True), (1.0, False)):
        context = context_of(dense(scale * kernel), x, y, ball)
        codes = [c.code for c in AttackEnsemble(parts)("a", context).cautions]
        assert ("masking" in codes) == expected


def test_ten_classes_are_standard(net):
    kernel, x, y = linear(10)
    ball = Linf(0.001)
    result = AttackEnsemble(quick(ball, 2, 10), ())(
        "a", context_of(dense(kernel), x, y, ball)
    )
    assert result.cautions == ()


def test_oblong_images_are_told_of_in_l2(net):
    for norm, ball in BALLS.items():
        parts = {"square": Square(ball, queries=2, chunk=2)}
        result = AttackEnsemble(parts)("square", context_of(*net, ball))
        codes = [caution.code for caution in result.cautions]
        assert ("oblong" in codes) == (norm == "l2")


def test_nan_gradients_are_an_error(net):
    @tf.custom_gradient
    def lost(x):
        return tf.identity(x), lambda upstream: upstream * float("nan")

    class Lost(keras.layers.Layer):
        def call(self, x):
            return lost(x)

    kernel, x, y = linear(4)
    model = keras.Sequential([keras.Input(SHAPE), Lost(), dense(kernel)])
    for name, part in quick(Linf(0.01), 3, 10).items():
        if name == "square":
            continue
        with pytest.raises(ValueError, match=f"{name} met NaN or infinity"):
            AttackEnsemble({name: part})(
                name, context_of(model, x, y, Linf(0.01))
            )


class KeyOfParts:
    """A key that gives each part of `Monitor` the ensemble's draws."""

    def __init__(self, names, count):
        self.names, self.count = names, count

    def fold_in(self, number):
        return RowKey.of(0, range(self.count)).fold_in(self.names[number])


class TanhLayer(keras.layers.Layer):
    """`TanhNet`: the same bits in batches of any size."""

    def __init__(self, seed):
        super().__init__(dtype="float32")
        self.net = TanhNet(seed)

    def call(self, x):
        return self.net(x)


def test_monitor_is_labelled_and_runs_as_one_attack():
    shape, ball = (4, 3, 2), Linf(0.08)
    model = keras.Sequential([keras.Input(shape), TanhLayer(1)])
    x = np.random.default_rng(3).uniform(size=(26, *shape)).astype("f")
    y = model(x).numpy().argmax(-1).astype("int32")
    y[::6] = (y[::6] + 1) % 5
    monitor = Monitor(ball, steps=2)
    ensemble = AttackEnsemble(monitor.parts())
    assert "not_standard" in [c.code for c in ensemble.cautions]
    context = context_of(model, x, y, ball, keep_images=True)
    found = ensemble("autoattack-monitor", context)
    key = KeyOfParts(list(monitor.parts()), len(x))
    labels = tf.constant(y)
    x_adv = tf.function(
        lambda: monitor(context.frozen_predictor, tf.constant(x), labels, key),
        autograph=False,
    )().numpy()
    wrong, broken = (
        context.logits(x_adv).argmax(-1) != y,
        np.array(found.broken),
    )
    np.testing.assert_array_equal(wrong, broken)
    first = np.array(found.parts[1].broken)
    assert sum(context.wrong) < sum(first) < sum(broken) < len(x)
    flipped = broken & ~context.wrong
    np.testing.assert_allclose(x_adv[flipped], found.x_adv[flipped], atol=1e-6)
    assert np.abs(x_adv - x).max() <= 0.08 + 1e-6
    assert EVALUATIONS["autoattack-monitor"](ball) == AttackEnsemble(
        Monitor(ball).parts()
    )


def test_settings_are_complete_and_names_are_the_standards():
    parts = standard(Linf(8 / 255))
    assert list(parts) == ["apgd-ce", "apgd-t", "fab-t", "square"]
    assert [part.stages(10) for part in parts.values()] == [1, 9, 9, 20]
    # Once more for each target, or chunk, than the published minimum.
    passes = [part.passes(10) for part in parts.values()]
    assert passes == [(101, 101), (909, 909), (1800, 900), (5020, 0)]
    assert "loss=TargetedDLR(rank=2)" in repr(parts["apgd-t"])
    assert "loss=TargetedMargin(rank=2)" in repr(parts["fab-t"])
    assert "CrossEntropy" not in repr(parts["apgd-t"])


def test_plus_is_the_published_one():
    parts = plus(Linf(8 / 255))
    names = ["apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"]
    assert list(parts) == names
    assert [part.stages(10) for part in parts.values()] == [5, 5, 5, 20, 9, 9]
    fab = parts["fab"]
    assert fab.passes(10) == (5 * 200, 5 * 900)
    same = ("square", "apgd-t", "fab-t")
    assert all(parts[n] == standard(Linf(8 / 255))[n] for n in same)


@pytest.mark.thorough
def test_plus_is_named_runs_and_is_labelled(net, monkeypatch):
    def short(ball):
        parts = plus(ball)
        for name in ("apgd-ce", "apgd-dlr", "fab"):
            few = replace(parts[name].attack, steps=4)
            parts[name] = replace(parts[name], attack=few, times=2)
        return parts | {n: quick(ball, 4, 50)[n] for n in list(parts)[3:]}

    monkeypatch.setattr("dat_keras.evaluation.suites.plus", short)
    report = evaluate(*net[:1], net[1:], "autoattack-plus", eps=0.03)
    row = report["autoattack-plus"]
    assert [part.name for part in row.parts][1:] == list(plus(Linf(0.03)))
    assert {"fab", "apgd-ce", None} & set(row.broken_by) > {None}
    assert "not_standard" in [c.code for c in report.cautions]
    assert 0 < row.correct < row.parts[0].correct


def test_fab_without_targets_is_refused_for_many_classes():
    kernel, x, y = linear(11)
    with pytest.raises(ValueError, match="use `fab-t`.*11 classes"):
        evaluate(dense(kernel), (x, y), "autoattack-plus", eps=0.01)


def test_a_loss_without_target_is_refused():
    with pytest.raises(ValueError, match="targeted loss.*CrossEntropy"):
        EachTarget(APGD(Linf(0.1)))
