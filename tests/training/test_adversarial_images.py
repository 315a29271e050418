"""Images for TensorBoard: read back from the log, and without a trace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import (  # noqa: E402
    EventAccumulator,
)

from dat_keras.analysis.along_training import along_training  # noqa: E402
from dat_keras.attacks import PGD  # noqa: E402
from dat_keras.augment import Unchanged  # noqa: E402
from dat_keras.core.threat_models import Linf  # noqa: E402
from dat_keras.objectives import DAT, PGDAT  # noqa: E402
from dat_keras.optimizers import SGD  # noqa: E402
from dat_keras.training.callbacks import AdversarialImages  # noqa: E402
from dat_keras.training.model import AdversarialModel  # noqa: E402

EPS = 32 / 255
ONE_STEP = PGD(Linf(EPS), steps=1)


def logged(folder):
    """Images by name and epoch, as they are read from the log."""
    events = EventAccumulator(str(folder), {"tensors": 0}).Reload()
    found = {}
    for name in events.Tags()["tensors"]:
        for event in events.Tensors(name):
            _, _, *pngs = event.tensor_proto.string_val
            images = [tf.io.decode_png(png).numpy() for png in pngs]
            found[name, event.step] = np.stack(images).astype(int)
    return found


def trainer(objective, make_tiny):
    model = AdversarialModel(
        make_tiny(objective.branches),
        objective,
        augment=Unchanged(),
        eval_attack=ONE_STEP,
    )
    model.compile(optimizer=SGD(0.1))
    return model


def written(model, batch, folder, **options):
    """What is logged of a model after the first two of four epochs."""
    images = AdversarialImages(folder, *batch, every=2, **options)
    images.set_model(model)
    images.set_params({"epochs": 4})
    images.on_train_begin()
    for epoch in range(2):
        images.on_epoch_end(epoch)
    images.on_train_end()
    return logged(folder)


@pytest.mark.parametrize(
    "objective",
    [DAT(ONE_STEP), DAT(ONE_STEP, learned_amplitude=False), PGDAT(ONE_STEP)],
    ids=["generated", "borrowed", "none"],
)
def test_images_come_back_from_the_log(objective, make_tiny, batch, tmp_path):
    model = trainer(objective, make_tiny)
    found = written(model, batch, tmp_path)
    names = ["x", "x_adv", "difference"]
    along = along_training(tmp_path)
    if isinstance(objective, DAT):
        ratios = (0.25, 0.5, 0.75, 1.0)
        recombined = [f"recombined/{ratio:g}" for ratio in ratios]
        names += [*recombined, "amplitude"]
        distances = [
            abs(found[name, 0] - found["x", 0]).mean() for name in recombined
        ]
        assert distances == sorted(distances) and distances[0] > 0
        # The largest value of each spectrum is white.
        assert (found["amplitude", 0].max((1, 2, 3)) == 255).all()
        # The analysis reads the first image of each.
        assert along.epochs == (0,) and along.ratios == (0.0, *ratios)
        for i, name in enumerate(["x", *recombined]):
            assert (along.images[0, i] == found[name, 0][0]).all()
        assert (along.amplitudes[0] == found["amplitude", 0][0]).all()
    else:
        assert along is None
    assert found.keys() == {(name, 0) for name in names}
    clean = found["x", 0]
    assert abs(clean - 255 * batch[0].numpy()).max() <= 1
    change = found["x_adv", 0] - clean
    assert 30 <= abs(change).max() <= 33
    assert ((found["difference", 0] > 128) >= (change > 2)).all()


def test_at_ratio_zero_the_image_comes_back(make_tiny, batch, tmp_path):
    model = trainer(DAT(ONE_STEP), make_tiny)
    found = written(model, batch, tmp_path, ratios=[0.0])
    assert abs(found["recombined/0", 0] - found["x", 0]).max() <= 1


@pytest.mark.thorough
def test_training_has_the_same_bits_with_and_without(
    make_tiny, batch, snapshot, same, tmp_path
):
    x, y = (part.numpy() for part in batch)
    results = []
    for callbacks in ([], [AdversarialImages(tmp_path, x, y, every=2)]):
        model = trainer(DAT(ONE_STEP), make_tiny)
        options = {"epochs": 2, "shuffle": False, "verbose": 0}
        model.fit(x, y, callbacks=callbacks, **options)
        weights = model.classifier.variables + model.adversary.variables
        results.append(snapshot(weights))
    assert same(*results)
    assert {epoch for _, epoch in logged(tmp_path)} == {0, 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": 0}, "`every` must be at least 1"),
        ({"ratios": (0.5, 1.5)}, r"`ratios` must be .* in \[0, 1\]"),
        ({"ratios": ()}, r"`ratios` must be one or more"),
        ({"y": [0]}, "one label for each"),
    ],
)
def test_bad_arguments_are_refused(options, words, tmp_path):
    given = {"x": np.zeros((2, 8, 8, 1)), "y": [0, 1]} | options
    with pytest.raises(ValueError, match=words):
        AdversarialImages(tmp_path, **given)


def test_other_models_are_refused(tmp_path):
    images = AdversarialImages(tmp_path, np.zeros((1, 8, 8, 1)), [0])
    images.set_model(keras.Sequential([keras.Input((1,))]))
    with pytest.raises(ValueError, match="needs an `AdversarialModel`"):
        images.on_train_begin()
