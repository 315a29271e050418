"""The gain of a learned amplitude: zero if constant, and without a trace."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAT, TRADES
from dat_keras.optimizers import SGD
from dat_keras.training.callbacks import GeneratorGain
from dat_keras.training.model import AdversarialModel

SHORT = PGD(Linf(8 / 255), steps=1)


def trainer(objective, make_tiny):
    model = AdversarialModel(
        make_tiny(objective.branches), objective, augment=Unchanged()
    )
    model.compile(optimizer=SGD(0.1))
    return model


@pytest.mark.thorough
def test_training_has_the_same_bits_with_and_without(
    make_tiny, batch, snapshot, same
):
    results = []
    for callbacks in ([], [GeneratorGain(*batch)]):
        model = trainer(DAT(SHORT, amplitude_scale="match_mean"), make_tiny)
        x, y = (part.numpy() for part in batch)
        history = model.fit(
            x, y, epochs=2, shuffle=False, verbose=0, callbacks=callbacks
        ).history
        results.append(
            snapshot(model.classifier.variables + model.adversary.variables)
        )
    assert same(*results)
    gains = history["generator_gain"]
    assert len(gains) == 2 and np.isfinite(gains).all() and any(gains)


def test_a_constant_generator_gains_nothing(make_tiny, batch):
    model = trainer(DAT(SHORT), make_tiny)
    for weight in model.adversary.generator.trainable_variables[-2:]:
        weight.assign(tf.zeros_like(weight))
    gain, logs = GeneratorGain(*batch), {}
    gain.set_model(model)
    gain.on_train_begin()
    gain.on_epoch_end(0, logs)
    assert logs["generator_gain"] == pytest.approx(0.0, abs=1e-6)


def test_methods_without_a_generator_are_refused(make_tiny, batch):
    for objective in (TRADES(), DAT(learned_amplitude=False)):
        gain = GeneratorGain(*batch)
        gain.set_model(trainer(objective, make_tiny))
        with pytest.raises(ValueError, match="needs a method with a learned"):
            gain.on_train_begin()
