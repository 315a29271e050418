"""At the end of `fit` the classifier holds the average that was validated."""

import keras
import numpy as np
import pytest
from short_methods import everything, short

import dat_keras as dk
from dat_keras.attacks import PGD
from dat_keras.augment import CropFlip
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import Natural
from dat_keras.optimizers import SGD, Averaging
from dat_keras.training.model import AdversarialModel

WEAK = PGD(Linf(8 / 255), steps=1)
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(16, 8, 8, 3)).astype(np.float32)
Y = np.arange(16) % 4


@pytest.fixture
def make(make_tiny):
    def build(averaging=Averaging(0.5, start=0.0), method="natural"):  # noqa: B008
        keras.utils.set_random_seed(0)
        model = AdversarialModel(
            make_tiny(),
            short(method, 1),
            augment=CropFlip(pad=1),
            eval_attack=WEAK,
        )
        model.compile(SGD(0.1, momentum=0.9), averaging=averaging)
        return model

    return build


def fit(model, epochs=1, **options):
    return model.fit(
        X, Y, batch_size=8, epochs=epochs, verbose=0, total_steps=8, **options
    )


def test_everything_that_reads_the_classifier_agrees(make, tmp_path, same):
    model = make()
    history = fit(model, validation_data=(X, Y)).history
    averages = [w.numpy() for w in model.average.average]
    assert same(averages, [w.numpy() for w in model.classifier.weights])
    found = model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    assert found["accuracy"] == history["val_accuracy"][0]
    assert found["loss"] == history["val_loss"][0]
    logits = model.predict(X, verbose=0)
    with model.inference_scope():
        expected = model.classifier(X, training=False).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    model.classifier.save(tmp_path / "net.keras")
    stored = keras.models.load_model(tmp_path / "net.keras")
    assert same(averages, [w.numpy() for w in stored.weights])
    report = dk.evaluate(model.classifier, (X, Y), ("natural",))
    assert report["natural"].accuracy == pytest.approx(found["accuracy"])


def test_a_second_fit_goes_on_as_if_there_had_been_one(make, snapshot, same):
    once, twice = make(), make()
    fit(once, 2)
    fit(twice)
    held = snapshot(twice.classifier.variables)
    fit(twice)
    assert not same(held, snapshot(twice.classifier.variables))
    assert int(twice.step) == 4
    assert same(*(snapshot(everything(m)) for m in (once, twice)))


@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
def test_a_file_saved_after_fit_goes_on_likewise(
    make, tmp_path, snapshot, same, suffix
):
    once, first = make(), make()
    fit(once, 2)
    fit(first)
    path = tmp_path / f"m.{suffix}"
    if suffix == "keras":
        first.save(path)
        second = keras.models.load_model(path, safe_mode=True)
    else:
        first.save_weights(path)
        second = make()
        second.load_weights(path)
    assert same(*(snapshot(m.classifier.variables) for m in (first, second)))
    fit(second)
    assert same(*(snapshot(everything(m)) for m in (once, second)))


def test_a_batch_trains_the_weights_that_train(make, snapshot, same):
    once, twice = make(), make()
    for model in once, twice:
        model.total_steps.assign(8)
        model.train_on_batch(X[:8], Y[:8])
    twice.hold_average()
    twice.hold_average()
    for model in once, twice:
        model.train_on_batch(X[:8], Y[:8])
    assert same(*(snapshot(everything(m)) for m in (once, twice)))


def test_weights_from_outside_are_trained_on(make, snapshot, same):
    model = make()
    fit(model)
    given = [np.full(w.shape, 0.01, w.dtype) for w in model.classifier.weights]
    model.classifier.set_weights(given)
    model.hold_training_weights()
    assert same(given, snapshot(model.classifier.variables))
    model.hold_training_weights()
    assert same(given, snapshot(model.classifier.variables))


class Fails(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupted_fit_ends_alike(make, snapshot, same):
    model = make()
    with pytest.raises(KeyboardInterrupt):
        fit(model, callbacks=[Fails()])
    net, average = model.classifier, model.average
    assert same(*(snapshot(v) for v in (net.variables, average.average)))


def test_compiled_again_for_another_metric_it_keeps_average_and_training(
    make, snapshot, same
):
    once, twice = make(), make()
    for model in once, twice:
        fit(model)
    averaged = snapshot(twice.classifier.variables)
    twice.compile(
        twice.optimizer,
        averaging=Averaging(0.5, start=0.0),
        metrics=["accuracy"],
    )
    assert same(averaged, snapshot(twice.classifier.variables))
    assert same(averaged, snapshot(twice.average.average))
    for model in once, twice:
        fit(model)
    assert same(*(snapshot(everything(m)) for m in (once, twice)))


@pytest.mark.parametrize("averaging", [None, Averaging(0.9, start=0.0)])
def test_compiled_without_that_average_the_net_keeps_its_weights(
    make, snapshot, same, averaging
):
    model = make()
    fit(model)
    averaged = snapshot(model.average.average)
    model.compile(SGD(0.1), averaging=averaging)
    assert same(averaged, snapshot(model.classifier.variables))
    model.hold_training_weights()
    assert same(averaged, snapshot(model.classifier.variables))
    if averaging:
        assert same(averaged, snapshot(model.average.average))


def test_without_an_average_nothing_is_exchanged(make_tiny, snapshot, same):
    model = AdversarialModel(make_tiny(), Natural(), eval_attack=WEAK)
    model.compile(SGD(0.1))
    before = snapshot(model.classifier.variables)
    model.hold_average()
    model.hold_training_weights()
    assert same(before, snapshot(model.classifier.variables))


def test_compile_replaces_an_average_or_ends_it(make, snapshot, same, tmp_path):
    model = make()
    fit(model)
    averages = [w.path for w in model.weights if "weight_average" in w.path]
    model.compile(SGD(0.1), averaging=Averaging(0.25, start=0.0))
    assert averages == [
        w.path for w in model.weights if "weight_average" in w.path
    ]
    fit(model)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert same(*(snapshot(m.average.average) for m in (model, loaded)))
    model.compile(SGD(0.1))
    assert model.average is None
    assert not [w for w in model.weights if "weight_average" in w.path]


def test_a_file_saved_during_fit_predicts_as_validated_and_goes_on(
    make, tmp_path, snapshot, same
):
    once, first = make(), make()
    fit(once, 2)
    fit(
        first, callbacks=[keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")]
    )
    # It is not moved by being saved.
    fit(first)
    assert same(*(snapshot(everything(m)) for m in (once, first)))
    second = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    averages = snapshot(second.average.average)
    assert same(averages, snapshot(second.classifier.variables))
    logs = second.evaluate(X, Y, verbose=0, return_dict=True)
    found = second.predict(X, verbose=0).argmax(-1) == Y
    assert logs["accuracy"] == pytest.approx(found.mean())
    fit(second)
    assert same(*(snapshot(everything(m)) for m in (once, second)))


def test_early_stopping_puts_back_the_count_of_steps_not_the_optimizer(
    make, snapshot, same
):
    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["worse"] = float(epoch)

    once, model = make(), make()
    fit(once)
    stopping = keras.callbacks.EarlyStopping(
        "worse", mode="min", patience=1, restore_best_weights=True
    )
    fit(model, 3, callbacks=[Worse(), stopping])
    assert int(model.step) == int(once.step) == 2
    assert same(*(snapshot(m.classifier.variables) for m in (once, model)))
    assert int(model.optimizer.iterations) == 4
