"""AdversarialModel: who moves, when, and that a run repeats itself."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from short_methods import whole
from toy_nets import fit, noise

from dat_keras.attacks import PGD, NormalStart
from dat_keras.augment import Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, OBJECTIVES, PGDAT, TRADES, Natural
from dat_keras.objectives.step import Step
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.errors import TrainingDivergedError

EPS = 8 / 255
SHORT = PGD(Linf(EPS), steps=2, start=NormalStart())
SHORT_DAT = DAT(SHORT)
SHORT_TRADES = TRADES(SHORT)
CHECK = PGD(Linf(EPS), steps=1)


@pytest.fixture
def make(make_tiny):
    """Builds a compiled model; the same arguments give the same weights."""

    def build(objective, rate=0.1, compiled=None, **settings):
        model = AdversarialModel(
            make_tiny(objective.branches),
            objective,
            eval_attack=CHECK,
            **{"augment": Unchanged()} | settings,
        )
        model.compile(
            optimizer=SGD(rate, momentum=0.9, weight_decay=5e-4),
            **compiled or {},
        )
        return model

    return build


@pytest.fixture
def data():
    """Three batches of eight."""
    return noise(24)


def terms_at(model, batch, views=None, attach=False):
    """The loss at the model's weights, on the views of the first step."""
    step, crafted = views or crafted_views(model, batch)
    predict = Predictor(
        model.classifier, training=True, scope=keras.StatelessScope
    )
    if attach:
        crafted = model.objective.attach(step, crafted)
    terms = model.objective.loss(predict, crafted, step.y)
    return float(tf.add_n(list(terms.values())))


def crafted_views(model, batch):
    x, y = batch
    step = Step(
        Predictor(model.classifier),
        x,
        x,
        y,
        model.progress,
        BatchKey.of(model.seed, model.step.value),
        model.adversary,
    )
    return step, model.objective.craft(step)


class Recorder:
    """Stands in for `optimizer.apply`."""

    def __init__(self, optimizer, monkeypatch):
        self.gradients = None
        monkeypatch.setattr(optimizer, "apply", self)

    def __call__(self, gradients, variables):
        self.gradients = [np.array(g) for g in gradients]


def norms(model):
    """BatchNorm layers by branch."""
    classifier = model.classifier
    return [
        [v for v in branch.layers if isinstance(v, layers.BatchNormalization)]
        for branch in getattr(classifier, "branches", [classifier])
    ]


def test_generator_step_moves_no_classifier_weight(make, batch, snapshot, same):
    model = make(SHORT_DAT, rate=0.0)
    weights = model.classifier.trainable_variables
    generator = model.adversary.generator.trainable_variables
    before = snapshot(weights), snapshot(generator)
    model.train_step(batch)
    assert same(before[0], snapshot(weights))
    assert not same(before[1], snapshot(generator))


def test_classifier_step_moves_no_generator_weight(make, batch, snapshot, same):
    model = make(DAT(SHORT, generator_learning_rate=0.0))
    weights = model.classifier.trainable_variables
    generator = model.adversary.generator.variables
    before = snapshot(weights), snapshot(generator)
    model.train_step(batch)
    assert not same(before[0], snapshot(weights))
    assert same(before[1], snapshot(generator))


def test_a_small_classifier_step_lowers_the_loss(make, batch):
    model = make(DAT(SHORT, generator_learning_rate=0.0), rate=1e-3)
    views = crafted_views(model, batch)
    before = terms_at(model, batch, views)
    reported = float(model.train_step(batch)["loss"])
    assert reported == pytest.approx(before, rel=1e-5)
    assert terms_at(model, batch, views) < before


@pytest.mark.parametrize("update", ["sequential", "fused"])
def test_a_small_generator_step_raises_the_loss(update, make, batch):
    objective = DAT(
        SHORT,
        generator_learning_rate=0.01,
        generator_adv_grad="none",
        amplitude_scale="match_mean",
        update=update,
    )
    model = make(objective, rate=0.0)
    views = crafted_views(model, batch)
    before = terms_at(model, batch, views, attach=True)
    model.train_step(batch)
    assert terms_at(model, batch, views, attach=True) > before


@pytest.mark.parametrize("adv_grad", ["none", "projection"])
def test_fused_gradient_is_the_negative_of_the_losses(
    adv_grad, make, batch, monkeypatch, assert_close
):
    model = make(DAT(SHORT, update="fused", generator_adv_grad=adv_grad))
    step, views = crafted_views(model, batch)
    weights = model.adversary.generator.trainable_variables
    predict = Predictor(
        model.classifier, training=True, scope=keras.StatelessScope
    )
    with tf.GradientTape() as tape:
        attached = model.objective.attach(step, views)
        terms = model.objective.loss(predict, attached, step.y)
        loss = tf.add_n(list(terms.values()))
    expected = tape.gradient(loss, [w.value for w in weights])
    recorder = Recorder(model.adversary.optimizer, monkeypatch)
    model.train_step(batch)
    largest = max(np.abs(g).max() for g in expected)
    assert largest > 0
    for actual, g in zip(recorder.gradients, expected, strict=True):
        assert_close(actual / largest, -g / largest, rtol=1e-3, atol=1e-4)


def test_sequential_gradient_is_taken_at_the_updated_classifier(
    make, batch, monkeypatch, assert_close
):
    model = make(DAT(SHORT, update="sequential"), rate=0.5)
    step, views = crafted_views(model, batch)
    recorder = Recorder(model.adversary.optimizer, monkeypatch)
    model.train_step(batch)
    weights = model.adversary.generator.trainable_variables
    predict = Predictor(
        model.classifier, training=True, scope=keras.StatelessScope
    )
    with tf.GradientTape() as tape:
        attached = model.objective.attach(step, views)
        terms = model.objective.loss(predict, attached, step.y)
        loss = tf.add_n(list(terms.values()))
    expected = tape.gradient(loss, [w.value for w in weights])
    largest = max(np.abs(g).max() for g in expected)
    for actual, g in zip(recorder.gradients, expected, strict=True):
        assert_close(actual / largest, -g / largest, rtol=1e-3, atol=1e-4)


def test_both_updates_move_the_classifier_alike(
    make, batch, monkeypatch, assert_close
):
    gradients = []
    for update in ("sequential", "fused"):
        model = make(DAT(SHORT, update=update))
        recorder = Recorder(model.optimizer, monkeypatch)
        model.train_step(batch)
        gradients.append(recorder.gradients)
    for a, b in zip(*gradients, strict=True):
        assert_close(a, b)


PUBLISHED = DAT(SHORT, update="sequential", generator_updates_statistics=True)


@pytest.mark.parametrize(
    ("objective", "gamma", "updates"),
    [
        (Natural(), 0.0, [1]),
        (PGDAT(SHORT), 0.01, [1]),
        (SHORT_TRADES, 0.01, [2]),
        (SHORT_DAT, 0.0, [2, 2]),
        (SHORT_DAT, 0.01, [2, 2]),
        (DAT(SHORT, update="sequential"), 0.0, [2, 2]),
        (DAT(SHORT, split_bn=False), 0.0, [4]),
        (PUBLISHED, 0.01, [4, 4]),
    ],
)
def test_statistics_move_once_per_forward_pass(
    objective, gamma, updates, make, batch
):
    model = make(objective, weight_perturbation=WeightPerturbation(gamma))
    for branch in norms(model):
        for layer in branch:
            layer.moving_variance.assign(tf.fill(layer.gamma.shape, 1e6))
    model.train_step(batch)
    for branch, count in zip(norms(model), updates, strict=True):
        for layer in branch:
            # A huge variance decays by the momentum at each update.
            share = layer.moving_variance.numpy() / 1e6
            np.testing.assert_allclose(share, 0.9**count, rtol=1e-4)


def test_natural_step_is_numpys(linear_model, assert_close):
    x = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    y = np.arange(8) % 2
    model = AdversarialModel(linear_model, Natural(), augment=Unchanged())
    model.compile(optimizer=SGD(0.5, momentum=0.9, weight_decay=0.01))
    kernel, bias = (w.astype(np.float64) for w in linear_model.get_weights())
    flat = x.reshape(8, -1)
    z = flat @ kernel + bias
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    residual = (p - np.eye(2)[y]) / 8
    loss = model.train_step((tf.constant(x), tf.constant(y)))["loss"]
    expected = -np.log(p[np.arange(8), y]).mean()
    assert_close(loss, expected, rtol=1e-3)
    moved_kernel, moved_bias = linear_model.get_weights()
    slope = flat.T @ residual + 0.01 * kernel
    assert_close(moved_kernel, kernel - 0.5 * slope, rtol=1e-3, atol=1e-5)
    slope = residual.sum(0) + 0.01 * bias
    assert_close(moved_bias, bias - 0.5 * slope, rtol=1e-3, atol=1e-5)


def test_classifier_optimizer_does_not_know_the_generator(make):
    model = make(SHORT_DAT)
    assert len(model.optimizer.velocities) == len(
        model.classifier.trainable_variables
    )
    ours = {v.path for v in model.classifier.trainable_variables}
    generators = model.adversary.generator.trainable_variables
    assert not ours & {v.path for v in generators}


def test_clipping_bounds_the_gradient(make, batch, monkeypatch, assert_close):
    gradients = []
    for bound in (None, 0.01):
        model = make(SHORT_TRADES, compiled={"clip_norm": bound})
        recorder = Recorder(model.optimizer, monkeypatch)
        model.train_step(batch)
        gradients.append(
            np.concatenate([g.ravel() for g in recorder.gradients])
        )
    free, clipped = gradients
    assert np.linalg.norm(free) > 0.01
    assert_close(np.linalg.norm(clipped), 0.01, rtol=1e-4)
    assert_close(clipped, 0.01 * free / np.linalg.norm(free), atol=1e-6)


def test_perturbation_without_a_step_leaves_no_trace(
    make, batch, snapshot, same
):
    model = make(SHORT_DAT, 0.0, weight_perturbation=WeightPerturbation(0.01))
    before = snapshot(model.classifier.trainable_variables)
    model.train_step(batch)
    assert same(before, snapshot(model.classifier.trainable_variables))


def test_perturbation_takes_the_gradient_uphill(make, batch, monkeypatch):
    losses, gradients = [], []
    for gamma in (0.0, 0.02):
        model = make(
            SHORT_TRADES, weight_perturbation=WeightPerturbation(gamma)
        )
        recorder = Recorder(model.optimizer, monkeypatch)
        losses.append(float(model.train_step(batch)["loss"]))
        gradients.append(recorder.gradients)
    assert losses[1] > losses[0]
    assert not np.allclose(gradients[0][0], gradients[1][0], rtol=1e-3)


def test_augmentation_reaches_the_base_view_not_the_raw_images(make, batch):
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Looking(Natural):
        def craft(self, step):
            seen.append(step)
            return super().craft(step)

    class Darker(Unchanged):
        def __call__(self, x, y, key):
            return 0.5 * x, y

    model = make(Looking(), augment=Darker())
    model.train_step(batch)
    (step,) = seen
    np.testing.assert_array_equal(step.x, 0.5 * batch[0])
    np.testing.assert_array_equal(step.x_raw, batch[0])
    assert step.y.dtype == tf.int32


def test_every_step_draws_its_own_numbers(make, batch):
    keys = []

    @dataclasses.dataclass(frozen=True)
    class Looking(Natural):
        def craft(self, step):
            keys.append(tuple(step.key.seed.numpy()))
            return super().craft(step)

    model = make(Looking(), seed=11)
    for _ in range(3):
        model.train_step(batch)
    assert keys == [(11, 0), (11, 1), (11, 2)]
    assert int(model.step) == 3


def test_progress_is_the_share_of_the_run(make, batch):
    model = make(Natural())
    model.total_steps.assign(4)
    shares = [float(model.progress)]
    for _ in range(5):
        model.train_step(batch)
        shares.append(float(model.progress))
    assert shares == [0, 0.25, 0.5, 0.75, 1, 1]


def test_same_seed_same_run_bit_by_bit(make, data, snapshot, same):
    model, twin = make(SHORT_DAT, seed=4), make(SHORT_DAT, seed=4)
    before = snapshot(whole(model))
    assert same(before, snapshot(whole(twin)))
    history = fit(model, data)
    after = snapshot(whole(model))
    assert not same(before, after)
    for variable, value in zip(whole(model), before, strict=True):
        variable.assign(value)
    assert fit(model, data) == history
    assert same(after, snapshot(whole(model)))


def test_another_seed_is_another_run(make, batch):
    losses = {
        float(make(SHORT_TRADES, seed=seed).train_step(batch)["loss"])
        for seed in (0, 0, 1)
    }
    assert len(losses) == 2


def test_one_trace_and_metrics_by_epoch(make, data):
    traces = []

    class Counting(AdversarialModel):
        def train_step(self, batch):
            traces.append("train")
            return super().train_step(batch)

        def test_step(self, batch):
            traces.append("test")
            return super().test_step(batch)

    built = make(SHORT_TRADES, rate=0.0)
    model = Counting(
        built.classifier,
        built.objective,
        eval_attack=CHECK,
        augment=Unchanged(),
    )
    model.compile(optimizer=SGD(0.0))
    history = fit(model, data, epochs=3, validation_data=data)
    assert sorted(traces) == ["test", "train"]
    assert set(history) == {
        "loss",
        "natural",
        "robust",
        "val_loss",
        "val_accuracy",
        "val_robust_accuracy",
    }
    # Each epoch's numbers are its own: at rate 0 accuracy can only repeat
    # what the moving statistics make of it, and never leaves [0, 1].
    for name in ("val_accuracy", "val_robust_accuracy"):
        assert all(0 <= value <= 1 for value in history[name])
    np.testing.assert_allclose(history["natural"], history["natural"][0], 1e-5)


@pytest.mark.thorough
def test_compiled_and_plain_first_steps_agree(make, batch):
    results = []
    for jit_compile in (False, True):
        model = make(DAT(dataclasses.replace(SHORT, steps=1)))
        run = tf.function(
            lambda x, y, m=model: m.train_step((x, y)),
            jit_compile=jit_compile,
            autograph=False,
        )
        terms = {name: float(value) for name, value in run(*batch).items()}
        generator = model.adversary.generator.trainable_variables
        results.append(terms | {"generator": float(tf.norm(generator[-1]))})
    for name, value in results[0].items():
        # The signs of gradients near zero are decided by rounding.
        assert results[1][name] == pytest.approx(value, rel=2e-3), name


@dataclasses.dataclass(frozen=True)
class Diverging(Natural):
    """Natural training whose loss is NaN once."""

    def loss(self, predict, views, y):
        terms = super().loss(predict, views, y)
        return {name: term * float("nan") for name, term in terms.items()}


@pytest.mark.parametrize("gamma", [0.0, 0.01])
def test_a_nan_loss_stops_before_anything_is_written(
    gamma, make, data, snapshot, same
):
    model = make(Diverging(), weight_perturbation=WeightPerturbation(gamma))
    before = snapshot(whole(model))
    with pytest.raises(TrainingDivergedError, match="not finite"):
        fit(model, data)
    assert same(before, snapshot(whole(model)))


def test_overflowing_activations_do_not_reach_the_statistics(
    make, data, snapshot, same
):
    model = make(Natural())
    kernel = model.classifier.get_layer("conv2").kernel
    kernel.assign(tf.fill(kernel.shape, 1e38))
    before = snapshot(whole(model))
    with pytest.raises(TrainingDivergedError, match="not finite"):
        fit(model, data)
    assert same(before, snapshot(whole(model)))


def test_validation_reads_the_average_and_changes_nothing(
    make, data, snapshot, same
):
    model = make(
        SHORT_TRADES, compiled={"averaging": Averaging(0.5, start=0.0)}
    )
    fit(model, data)
    for w, mean in zip(
        model.classifier.weights, model.average.average, strict=True
    ):
        mean.assign(w)
    reference = model.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    for w in model.classifier.trainable_variables:
        w.assign(0.0 * w)
    before = snapshot(model.classifier.variables)
    averaged = model.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    assert averaged == reference
    assert same(before, snapshot(model.classifier.variables))
    model.average = None
    model.make_test_function(force=True)
    zeroed = model.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    # Logits of zero choose class 0 everywhere.
    assert zeroed["accuracy"] == zeroed["robust_accuracy"] == 0.25


def test_average_never_feeds_back(make, batch, snapshot, same, assert_close):
    plain = make(SHORT_TRADES)
    kept = make(SHORT_TRADES, compiled={"averaging": Averaging(0.5, start=0.0)})
    expected = [w.numpy().astype(np.float64) for w in kept.classifier.weights]
    for _ in range(2):
        plain.train_step(batch)
        kept.train_step(batch)
        weights = kept.classifier.weights
        expected = [
            0.5 * e + 0.5 * w.numpy()
            for e, w in zip(expected, weights, strict=True)
        ]
    assert same(
        snapshot(plain.classifier.variables),
        snapshot(kept.classifier.variables),
    )
    for mean, e in zip(kept.average.average, expected, strict=True):
        assert_close(mean, e)


def test_robust_accuracy_of_a_linear_model_in_closed_form(linear_model):
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.8, (64, 8, 8, 3)).astype(np.float32)
    kernel, bias = (w.astype(np.float64) for w in linear_model.get_weights())
    z = x.reshape(64, -1) @ kernel + bias
    y = np.where(rng.random(64) < 0.8, z.argmax(-1), 1 - z.argmax(-1))
    margin = z[np.arange(64), y] - z[np.arange(64), 1 - y]
    reach = 0.01 * np.abs(kernel[:, 0] - kernel[:, 1]).sum()
    model = AdversarialModel(
        linear_model,
        Natural(),
        eval_attack=PGD(Linf(0.01), steps=8, step_size=0.0025),
    )
    model.compile(optimizer=SGD(0.1))
    report = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    assert report["accuracy"] == pytest.approx((margin > 0).mean())
    expected = (margin > reach).mean()
    assert 0.1 < expected < (margin > 0).mean()
    assert report["robust_accuracy"] == pytest.approx(expected)


def test_state_round_trip(make, batch, tmp_path, snapshot, same):
    settings = {"compiled": {"averaging": Averaging(0.5, start=0.0)}}
    model = make(SHORT_DAT, **settings)
    for _ in range(2):
        model.train_step(batch)
    path = tmp_path / "state.weights.h5"
    model.save_weights(path)
    restored = make(SHORT_DAT, **settings)
    restored.load_weights(path)

    def state(model):
        return snapshot(
            whole(model) + [model.total_steps] + model.average.average
        )

    assert int(restored.step) == 2
    assert np.abs(model.adversary.optimizer.velocities[0]).max() > 0
    assert same(state(model), state(restored))
    for each in (model, restored):
        each.train_step(batch)
    assert same(state(model), state(restored))


def test_images_of_bytes_are_refused(make, data):
    model = make(Natural())
    x, y = data
    with pytest.raises(ValueError, match="divide uint8 images by 255"):
        fit(model, ((x * 255).astype(np.uint8), y))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (255 * x, y), r"lie in \[0, 1\]"),
        (lambda x, y: (x, y + 1), "class ids"),
        (lambda x, y: (x, y - 1), "class ids"),
    ],
)
def test_bad_values_stop_before_anything_is_written(
    change, message, make, data, snapshot, same
):
    model = make(Natural())
    before = snapshot(whole(model))
    with pytest.raises(ValueError, match=message):
        fit(model, change(*data))
    assert same(before, snapshot(whole(model)))


def test_a_users_functional_model_trains(batch):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    logits = layers.Dense(4)(layers.Dropout(0.1)(layers.Flatten()(x)))
    model = AdversarialModel(keras.Model(image, logits), SHORT_TRADES)
    model.compile(optimizer="adam")
    before = model.classifier.get_weights()
    terms = model.train_step(batch)
    assert np.isfinite(terms["loss"])
    assert all(
        not np.array_equal(a, b)
        for a, b in zip(before, model.classifier.get_weights(), strict=True)
    )


def test_an_application_trains():
    keras.utils.set_random_seed(0)
    net = keras.applications.MobileNet(
        (32, 32, 3),
        alpha=0.25,
        weights=None,
        classes=4,
        classifier_activation=None,
    )
    model = AdversarialModel(
        net, PGDAT(dataclasses.replace(SHORT, steps=1)), eval_attack=CHECK
    )
    model.compile(optimizer=SGD(0.01))
    x = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    terms = model.train_step((tf.constant(x), tf.constant([0, 1, 2, 3])))
    assert np.isfinite(terms["loss"])


def test_two_branches_are_asked_for(tiny_model):
    with pytest.raises(ValueError) as error:
        AdversarialModel(tiny_model, DAT())
    message = str(error.value)
    assert "`DAT` trains 2 BatchNorm branches, the classifier has 1" in message
    assert "branches=2" in message and "split_bn=False" in message


def test_two_branches_serve_a_method_that_needs_one(
    make_tiny, batch, assert_close
):
    losses = []
    for branches in (1, 2):
        model = AdversarialModel(make_tiny(branches), SHORT_TRADES)
        model.compile(optimizer=SGD(0.1))
        losses.append(model.train_step(batch)["loss"])
    assert_close(*losses)


def test_replicas_do_what_one_does(batch, assert_close):
    x, y = batch
    devices = [d.name for d in tf.config.list_logical_devices("CPU")]
    weights = []
    for strategy in (
        tf.distribute.get_strategy(),
        tf.distribute.MirroredStrategy(devices),
    ):
        with strategy.scope():
            keras.utils.set_random_seed(0)
            net = keras.Sequential(
                [
                    keras.Input((8, 8, 3)),
                    layers.Conv2D(4, 3, activation="tanh"),
                    layers.Flatten(),
                    layers.Dense(4),
                ]
            )
            model = AdversarialModel(
                net,
                SHORT_TRADES,
                weight_perturbation=WeightPerturbation(0.05),
            )
            model.compile(optimizer=SGD(0.5), clip_norm=0.3)
        parts = strategy.num_replicas_in_sync
        each = tf.data.Dataset.from_tensors(batch).unbatch().batch(8 // parts)
        rows = (
            strategy.experimental_distribute_values_from_function(
                lambda c, rows=list(each): rows[c.replica_id_in_sync_group]
            )
            if parts > 1
            else batch
        )
        tf.function(
            lambda rows, s=strategy, m=model: s.run(m.train_step, (rows,)),
            autograph=False,
        )(rows)
        weights.append([w.numpy() for w in net.weights])
    for one, two in zip(*weights, strict=True):
        assert_close(two, one, rtol=1e-4, atol=1e-5)


def test_probabilities_are_refused(make_tiny):
    tiny = make_tiny()
    net = keras.Model(tiny.input, layers.Softmax()(tiny.output))
    with pytest.raises(ValueError, match="remove the softmax"):
        AdversarialModel(net, Natural())


def test_calling_the_model_gives_the_classifiers_logits(make, batch):
    model = make(SHORT_DAT)
    np.testing.assert_array_equal(
        model(batch[0]), model.classifier(batch[0], training=False)
    )


@pytest.mark.bfloat16
@pytest.mark.parametrize("objective", [SHORT_DAT, PGDAT(SHORT)])
def test_attacks_in_bfloat16_leave_the_training_in_float32(
    objective, make, batch, monkeypatch
):
    asked, losses = [], []
    frozen = Predictor.frozen

    def noting(self, dtype=None):
        asked.append(dtype)
        return frozen(self, dtype)

    monkeypatch.setattr(Predictor, "frozen", noting)
    for dtype in (None, "bfloat16"):
        model = make(objective, attack_dtype=dtype)
        losses.append(float(model.train_step(batch)["loss"]))
        assert {w.dtype for w in model.classifier.weights} == {"float32"}
    assert asked == [None, "bfloat16"]
    # The attacks found other images, hardly worse ones.
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_validation_attacks_in_the_layers_own_type(make, batch, monkeypatch):
    asked = []
    frozen = Predictor.frozen
    monkeypatch.setattr(
        Predictor,
        "frozen",
        lambda self, dtype=None: asked.append(dtype) or frozen(self, dtype),
    )
    make(SHORT_DAT, attack_dtype="bfloat16").test_step(batch)
    assert asked == [None]


LATE = Averaging(0.5, start=0.5)


def shares_of(model, *args, **kwargs):
    """The shares of the run that the steps of a call of `fit` saw."""
    shares = []

    class Looking(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            shares.append(float(self.model.progress))

    model.fit(*args, verbose=0, callbacks=[Looking()], **kwargs)
    return shares


def sized(x, y, size):
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    return batches.apply(tf.data.experimental.assert_cardinality(size))


@pytest.mark.parametrize("kind", ["arrays", "dataset", "pydataset", "steps"])
def test_fit_knows_the_length_of_the_run(make, data, kind):
    model = make(Natural(), compiled={"averaging": LATE})
    args, kwargs = data, {"batch_size": 8}
    if kind == "dataset":
        args, kwargs = (sized(*data, 3),), {}
    if kind == "pydataset":

        class Own(keras.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, i):
                return tuple(a[8 * i : 8 * i + 8] for a in data)

        args, kwargs = (Own(),), {}
    if kind == "steps":
        endless = sized(*data, 3).repeat()
        args, kwargs = (endless,), {"steps_per_epoch": 3}
    shares = shares_of(model, *args, epochs=2, **kwargs)
    assert shares == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    # Resumed by the number of its epoch, and by the length given.
    model.step.assign(3)
    shares = shares_of(model, *args, epochs=2, initial_epoch=1, **kwargs)
    assert shares == pytest.approx([3 / 6, 4 / 6, 5 / 6])
    model.step.assign(3)
    shares = shares_of(model, *args, total_steps=12, **kwargs)
    assert shares == pytest.approx([3 / 12, 4 / 12, 5 / 12])


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_an_unknown_length_is_refused_where_it_matters(make, data, batch):
    unknown = tf.data.Dataset.from_tensor_slices(data).batch(8)
    unknown = unknown.filter(lambda x, y: True)
    model = make(Natural(), compiled={"averaging": LATE})
    with pytest.raises(ValueError, match="pass `total_steps` to `fit`"):
        model.fit(unknown, verbose=0)
    with pytest.raises(ValueError, match="weight average with start=0.5"):
        model.train_on_batch(*batch)
    assert int(model.step) == 0
    model.fit(unknown, total_steps=3, verbose=0)
    make(Natural()).fit(unknown, verbose=0)


@pytest.mark.parametrize(
    "objective", [OBJECTIVES[n]() for n in ("dajat", "oa-at", "scarl")]
)
def test_methods_with_ramps_and_phases_need_the_length(
    make_tiny, objective, batch
):
    model = AdversarialModel(make_tiny(objective.branches), objective)
    model.compile(optimizer=SGD(0.1))
    with pytest.raises(ValueError, match="depends on the length of the run"):
        model.train_on_batch(*batch)
