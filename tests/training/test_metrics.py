"""Metrics, weights, labels in `fit` and `evaluate`; arguments of `compile`."""

import io

import keras
import numpy as np
import pytest
from keras import layers

from dat_keras.attacks import PGD, pgd
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, SCARL, Natural
from dat_keras.optimizers import SGD
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.metrics import RobustAccuracy
from dat_keras.training.model import AdversarialModel

STRONG = PGD(Linf(0.05), steps=2, step_size=0.05)


@pytest.fixture
def data():
    draw = np.random.default_rng(5)
    y = np.arange(24) % 4
    x = draw.uniform(0.0, 0.6, (24, 8, 8, 3))
    x[np.arange(24), y] += 0.4
    return x.astype(np.float32), y


def net():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(4)]
    )


def compiled(objective=None, rate=0.0, **settings):
    model = AdversarialModel(
        net(), objective or Natural(), augment="none", eval_attack=STRONG
    )
    model.compile(optimizer=SGD(rate), **settings)
    return model


def softmax_loss(z, y):
    z = z - z.max(-1, keepdims=True)
    return np.log(np.exp(z).sum(-1)) - np.take_along_axis(
        z, y[:, None], -1
    ).squeeze(-1)


def test_metrics_see_clean_logits_in_training_and_validation(data):
    x, y = data
    model = compiled(
        metrics=[
            "accuracy",
            keras.metrics.SparseCategoricalCrossentropy(
                from_logits=True, name="ce"
            ),
        ],
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="weighted")
        ],
    )
    weights = np.linspace(0, 1, 24).astype(np.float32)
    history = model.fit(
        x,
        y,
        sample_weight=weights,
        batch_size=8,
        validation_data=(x, y, weights),
        verbose=0,
    ).history
    z = model.classifier(x).numpy()
    right = z.argmax(-1) == y
    assert 0 < right.mean() < 1
    for prefix in ("", "val_"):
        assert history[prefix + "accuracy"] == pytest.approx([right.mean()])
        ce = softmax_loss(z, y).mean()
        assert history[prefix + "ce"] == pytest.approx([ce], rel=1e-5)
        weighted = (right * weights).sum() / weights.sum()
        assert history[prefix + "weighted"] == pytest.approx([weighted])


def test_robust_accuracy_is_that_of_its_own_attack(data):
    weak, name = pgd(Linf(0.001), steps=1), "weak"
    model = compiled(
        metrics=[RobustAccuracy(weak, name), RobustAccuracy(STRONG, "same")],
        weighted_metrics=[RobustAccuracy(weak, "weighted")],
    )
    logs = model.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    assert logs["same"] == logs["robust_accuracy"]
    # A linear net: the attack moves every margin by an amount of one sign.
    assert logs["robust_accuracy"] < logs["weak"] <= logs["accuracy"]
    assert logs["weighted"] == logs["weak"]
    only = np.arange(24) == 3
    logs = model.evaluate(
        *data, sample_weight=only, batch_size=8, verbose=0, return_dict=True
    )
    assert logs["weighted"] in (0.0, 1.0)


def test_validation_loss_is_that_of_attacked_images(data):
    x, y = data
    model = compiled()
    still = PGD(Linf(0.0), steps=1, step_size=0.0)
    model.eval_attack = still
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    loss = softmax_loss(model.classifier(x).numpy(), y)
    assert logs["loss"] == pytest.approx(loss.mean(), rel=1e-5)
    model.eval_attack = STRONG
    model.make_test_function(force=True)
    attacked = model.evaluate(x, y, verbose=0, return_dict=True)
    assert attacked["loss"] > logs["loss"] + 0.01
    weights = np.arange(24, dtype=np.float32)
    model.eval_attack = still
    model.make_test_function(force=True)
    listed = model.evaluate(x, y, sample_weight=weights, verbose=0)
    assert listed[0] == pytest.approx((loss * weights).mean(), rel=1e-5)
    assert len(listed) == 3


@pytest.mark.parametrize(
    ("monitor", "better"),
    [("val_loss", -1), ("val_robust_accuracy", 1), ("val_other", 1)],
)
def test_callbacks_know_directions(data, monitor, better, tmp_path):
    callbacks = [
        keras.callbacks.EarlyStopping(monitor=monitor, patience=1),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "w.weights.h5",
            monitor=monitor,
            save_best_only=True,
            save_weights_only=True,
        ),
    ]
    model = compiled(metrics=[RobustAccuracy("fgsm", "other")])
    model.fit(
        *data, validation_data=data, epochs=3, callbacks=callbacks, verbose=0
    )
    # At rate 0 nothing ever improves.
    assert len(model.history.epoch) == 2
    for callback in callbacks:
        assert callback.monitor_op(better * 1.0, 0.0)
        assert not callback.monitor_op(better * -1.0, 0.0)


@pytest.mark.parametrize("kind", ["sample", "class"])
def test_weights_reach_the_loss(data, kind):
    x, y = data
    by_class = np.array([0.0, 0.5, 1.0, 3.0], np.float32)
    weights = {
        "sample": {"sample_weight": by_class[y]},
        "class": {"class_weight": dict(enumerate(by_class.tolist()))},
    }[kind]
    model = compiled()
    history = model.fit(x, y, batch_size=24, verbose=0, **weights).history
    loss = softmax_loss(model.classifier(x).numpy(), y) * by_class[y]
    assert history["loss"] == pytest.approx([loss.mean()], rel=1e-5)


def test_weights_without_a_loss_per_example_are_refused_by_name(data):
    model = compiled(SCARL())
    with pytest.raises(ValueError, match="terms of `SCARL` compare") as error:
        model.fit(*data, sample_weight=np.ones(24), verbose=0)
    assert "\n" not in str(error.value)
    model = AdversarialModel(net(), Natural(), augment="mixup")
    model = AdversarialModel(
        net(), Natural(), augment=type(model.augment)(num_classes=4)
    )
    model.compile(optimizer=SGD(0.0))
    with pytest.raises(ValueError, match="augmentation mixes examples"):
        model.fit(*data, sample_weight=np.ones(24), verbose=0)


def test_labels_in_all_forms_train_alike(data):
    x, y = data
    ends = []
    for labels in (y, y[:, None], np.eye(4)[y], np.eye(4, dtype="uint8")[y]):
        model = compiled(rate=0.1, metrics=["accuracy"])
        history = model.fit(
            x,
            labels,
            batch_size=8,
            shuffle=False,
            validation_data=(x, labels),
            verbose=0,
        ).history
        ends.append((history, model.classifier.get_weights()))
    for history, weights in ends[1:]:
        assert history == ends[0][0]
        for a, b in zip(weights, ends[0][1], strict=True):
            np.testing.assert_array_equal(a, b)


def test_smoothed_labels_are_label_smoothing(data):
    x, y = data
    smooth = 0.8 * np.eye(4)[y] + 0.2 / 4
    ours = compiled(Natural(label_smoothing=0.2)).fit(x, y, verbose=0)
    theirs = compiled().fit(x, smooth, verbose=0)
    assert ours.history["loss"] == pytest.approx(
        theirs.history["loss"], rel=1e-5
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "mse"}, "takes no `loss`: the objective is the loss"),
        ({"loss_weights": [1.0]}, "takes no `loss_weights`"),
        ({"averaging": 0.99}, "`averaging` must be an `Averaging`"),
        ({"averaging": Averaging}, "averaging=the class Averaging"),
        ({"clip_norm": 0}, "`clip_norm` must be a number greater than 0"),
        ({"clip_norm": "1"}, "clip_norm='1'"),
        ({"metrics": {"a": "accuracy"}}, "`metrics` must be a list"),
        ({"metrics": [keras.metrics.Mean(name="natural")]}, "logs 'natural'"),
        ({"metrics": [RobustAccuracy("fgsm", "loss")]}, "logs 'loss'"),
    ],
)
def test_arguments_without_effect_are_refused(settings, message):
    with pytest.raises(ValueError, match=message) as error:
        compiled(**settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (keras.optimizers.LossScaleOptimizer(SGD(0.1)), "mixed_bfloat16"),
        (keras.optimizers.Adam(use_ema=True), "averaging=Averaging"),
    ],
)
def test_optimizers_that_want_more_are_refused(optimizer, message):
    model = AdversarialModel(net(), Natural())
    with pytest.raises(ValueError, match=message):
        model.compile(optimizer=optimizer)


def test_metrics_do_not_change_a_step(data):
    ends = []
    for metrics in (None, ["accuracy", RobustAccuracy("fgsm")]):
        model = compiled(rate=0.1, metrics=metrics)
        model.fit(*data, batch_size=8, shuffle=False, verbose=0)
        ends.append(model.classifier.get_weights())
    for a, b in zip(*ends, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_summary_counts_the_second_player_apart(tiny_branched, tiny_model):
    text = io.StringIO()

    def say(line, line_break=None):
        text.write(line + "\n")

    AdversarialModel(tiny_branched, DAT()).summary(print_fn=say)
    own = f"{tiny_branched.count_params():,}"
    assert f"Total params: {own}" in text.getvalue().replace("\x1b", "")
    assert "parameters, no part of the classifier" in text.getvalue()
    text.truncate(0)
    AdversarialModel(tiny_model, Natural()).summary(print_fn=say)
    assert "no part" not in text.getvalue()


@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics"])
def test_two_metrics_of_one_name_are_refused(argument):
    weak, strong = RobustAccuracy(pgd(Linf(0.001))), RobustAccuracy(STRONG)
    both = {"metrics": [weak]}
    both[argument] = [*both.get(argument, []), strong]
    with pytest.raises(ValueError, match="`name=`.* named 'robust_acc"):
        compiled(**both)
    with pytest.raises(ValueError, match="two metrics named 'mine'"):
        compiled(
            metrics=[RobustAccuracy(weak.attack, "mine")],
            weighted_metrics=[keras.metrics.Mean(name="mine")],
        )
    compiled(metrics=["accuracy", weak], weighted_metrics=["accuracy"])
