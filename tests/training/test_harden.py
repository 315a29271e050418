"""Hardening of pretrained nets: what is kept, what is trained, and how fast."""

import keras
import numpy as np
import pytest
from keras import layers
from pretrained_nets import APPLICATIONS, HUB, lived_in

from dat_keras import data
from dat_keras.architectures import ResNet8
from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.augment import Unchanged
from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.objectives import DAT, PGDAT, TRADES
from dat_keras.optimizers import SGD, OneCycleConfig, SGDConfig
from dat_keras.training.harden import harden, rate_factors
from dat_keras.training.model import AdversarialModel

WEAK = PGD(Linf(8 / 255), steps=1)
LIGHT = {
    "split_bn": True,
    "generator_resolution": 4,
    "attack": PGD(
        Linf(8 / 255), KLFromClean(), steps=1, start=NormalStart(clip=True)
    ),
}


def net(shape=(8, 8, 3)):
    return lived_in(
        keras.Sequential(
            [
                keras.Input(shape),
                layers.Conv2D(4, 3, name="conv"),
                layers.BatchNormalization(name="norm"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(5, name="dense"),
            ]
        )
    )


def batch(shape, count=4, classes=5):
    x = np.random.default_rng(3).random((count, *shape), np.float32)
    return x, np.arange(count) % classes


def values(model):
    """Weights by layer and name; a sequential model is no part of it."""
    return {
        w.path.removeprefix(f"{model.name}/"): w.numpy() for w in model.weights
    }


def stepped(model, optimizer, classes=5):
    """The classifier's weights before and after one step."""
    model.compile(optimizer)
    model.total_steps.assign(1)
    before = values(model.classifier)
    model.train_on_batch(*batch(model.image_shape, classes=classes))
    return before, values(model.classifier)


@pytest.mark.parametrize("method", ["trades", "dat"])
def test_weights_and_logits_are_those_of_the_net(method):
    original = net()
    model = harden(original, method, eval_attack=WEAK)
    x, _ = batch((8, 8, 3))
    np.testing.assert_array_equal(model(x), original(x))
    wanted = values(original)
    for path, value in values(model.classifier).items():
        source = path.replace("_branch1", "")
        np.testing.assert_array_equal(value, wanted[source])


def test_the_net_that_was_given_stays_as_it_is():
    original = net()
    before = values(original)
    stepped(harden(original, PGDAT(WEAK), trainable="head"), SGD(0.1))
    for path, value in values(original).items():
        np.testing.assert_array_equal(value, before[path])
    assert all(layer.trainable for layer in original.layers)


@pytest.mark.parametrize(
    ("trainable", "moved", "method"),
    [
        ("head", {"dense"}, PGDAT(WEAK)),
        ("last:2", {"norm", "dense"}, PGDAT(WEAK)),
        ("all", {"conv", "norm", "dense"}, PGDAT(WEAK)),
        ("last:2", {"norm", "dense"}, DAT(**LIGHT)),
    ],
)
def test_only_what_is_trainable_moves(method, trainable, moved):
    model = harden(net(), method, trainable=trainable, augment=Unchanged())
    before, after = stepped(model, SGD(0.1, weight_decay=0.1))
    found = {
        path.partition("/")[0].replace("_branch1", "")
        for path in before
        if not np.array_equal(before[path], after[path])
    }
    # With frozen statistics too: they are among a norm's weights.
    assert found == moved


def test_the_body_moves_by_its_share_of_the_rate():
    def moves(body):
        keras.utils.set_random_seed(0)
        model = harden(net(), PGDAT(WEAK), augment=Unchanged())
        factors = rate_factors(model, body)
        before, after = stepped(
            model, SGD(0.5, momentum=0.9, rate_factors=factors)
        )
        return {path: after[path] - before[path] for path in before}

    full, slow = moves(1.0), moves(0.25)
    for path, move in full.items():
        if "moving" in path:
            continue
        share = 1.0 if path.startswith("dense") else 0.25
        np.testing.assert_allclose(
            slow[path], share * move, rtol=1e-3, atol=1e-6
        )


def test_factors_must_be_as_many_as_variables():
    model = harden(net(), PGDAT(WEAK))
    with pytest.raises(ValueError, match="one for each of the 6 variables"):
        model.compile(SGD(0.1, rate_factors=(1.0,)))
    with pytest.raises(ValueError, match="at least 0"):
        SGD(0.1, rate_factors=(-1.0,))


def test_a_model_with_factors_and_an_adapter_is_saved(tmp_path):
    model = harden(
        net(),
        PGDAT(WEAK),
        adapter="caffe",
        num_classes=3,
        image_shape=(4, 4, 1),
    )
    stepped(model, SGD(0.1, rate_factors=rate_factors(model, 0.5)), classes=3)
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    x, y = batch((4, 4, 1), classes=3)
    np.testing.assert_array_equal(read(x), model(x))
    assert read.optimizer.rate_factors == model.optimizer.rate_factors
    read.train_on_batch(x, y)


def test_attacks_stay_in_pixels_behind_an_adapter():
    model = harden(net(), PGDAT(WEAK), adapter="caffe", image_shape=(4, 4, 1))
    x, y = batch((4, 4, 1))
    model.compile(SGD(0.1))
    report = evaluate(model.classifier, (x, y), "natural,pgd20")
    assert report.cautions is not None
    assert model.classifier.layers[1].settings["size"] == (8, 8)


def test_what_cannot_be_hardened_is_refused():
    with pytest.raises(ValueError, match="must be an `InputAdapter`"):
        harden(net(), adapter=255)
    with pytest.raises(ValueError, match="Unknown preprocessing"):
        harden(net(), adapter="imagenet")
    with pytest.raises(ValueError, match="must be a Keras model"):
        harden("trades", net())
    with pytest.raises(ValueError, match=r"image_shape=\(H, W, C\)"):
        harden(net((None, None, 3)))


def test_pixels_of_bytes_are_adapted_without_a_warning():
    scaled = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), *net().layers]
    )
    harden(scaled, adapter="0-255")
    with pytest.warns(UserWarning, match=r"adapter=\"0-255\""):
        harden(scaled)
    harden(scaled, adapter=InputAdapter(scale=255.0))


def takes_a_step(net, shape, method=None, adapter="none"):
    model = harden(
        net,
        method or DAT(**LIGHT),
        adapter=adapter,
        image_shape=shape,
        eval_attack=WEAK,
    )
    model.compile(SGD(0.01), jit_compile=False)
    model.total_steps.assign(1)
    before = values(model.classifier)
    logs = model.train_on_batch(*batch(shape, 2), return_dict=True)
    assert np.isfinite(logs["loss"])
    changed = values(model.classifier)
    moved = {p for p in before if not np.array_equal(before[p], changed[p])}
    second = {p for p in before if "_branch1" in p}
    assert {p for p in second if p.endswith("moving_mean")} <= moved
    assert bool(second) == any(p.endswith("gamma") for p in second & moved)
    return bool(second)


FAST = "resnet"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.thorough] * (name != FAST))
        for name in HUB
    ],
)
def test_keras_hub_takes_a_step_of_dat_with_split_norms(name):
    pytest.importorskip("keras_hub")
    shape = (32, 32, 3) if name == "mobilenet" else (16, 16, 3)
    assert takes_a_step(HUB[name](), shape) == (name != "vit")


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_applications_take_a_step_of_dat_with_split_norms(name):
    adapter = "0-255" if name == "EfficientNetB0" else "caffe"
    net = APPLICATIONS[name]()
    assert takes_a_step(net, (32, 32, 3), adapter=adapter)


@pytest.mark.thorough
def test_images_of_224_pixels_take_a_step():
    net = keras.applications.MobileNetV2(
        alpha=0.35, weights=None, classes=5, classifier_activation=None
    )
    method = PGDAT(WEAK)
    assert not takes_a_step(net, (224, 224, 3), method, adapter="tf")


@pytest.mark.slow
def test_one_epoch_of_trades_makes_a_natural_net_robust():
    """Settings were chosen on validation images: 98.2 / 3.4 % before
    (natural / PGD-20), 89.4 / 71.4 % after, on 500 of them."""
    train, validation = data.load(
        "shapes", ("train", "validation"), batch_size=32, limit=5000
    )

    def trained(model, epochs):
        config = SGDConfig(0.1, schedule=OneCycleConfig())
        model.compile(config.build(epochs, len(train)))
        model.fit(train, epochs=epochs, verbose=0)
        report = evaluate(
            model.classifier,
            validation.split,
            "natural,pgd20",
            n_examples=200,
        )
        return [report[name].accuracy for name in ("natural", "pgd20")]

    keras.utils.set_random_seed(0)
    natural = AdversarialModel(ResNet8(10, width=8), "natural")
    clean, broken = trained(natural, 2)
    hardened = harden(natural.classifier, TRADES(beta=3.0))
    still_clean, robust = trained(hardened, 1)
    assert robust > broken + 0.3
    assert still_clean > clean - 0.15
