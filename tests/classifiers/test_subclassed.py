"""Subclassed classifiers train, slower, and say so."""

import keras
import numpy as np
import pytest
from keras import layers

from dat_keras.classifiers.validation import image_shape_of
from dat_keras.objectives import Natural
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel


@keras.saving.register_keras_serializable(package="tests")
class Own(keras.Model):
    """A convolutional net with a `call` of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv2D(2, 3)
        self.norm = layers.BatchNormalization()
        self.dense = layers.Dense(4)

    def call(self, x, training=None):
        x = self.norm(self.convolution(x), training=training)
        return self.dense(keras.ops.mean(x, (1, 2)))


def called():
    net = Own()
    net(np.zeros((1, 8, 8, 3), "f"))
    return net


def inside():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, Own()(image))


@pytest.mark.parametrize("make", [called, inside])
def test_it_trains_and_says_that_it_is_slower(make, batch):
    keras.utils.set_random_seed(0)
    net = make()
    assert image_shape_of(net) == (8, 8, 3)
    with pytest.warns(UserWarning, match="Own has a `call` of its own.*slower"):
        model = AdversarialModel(net, "pgd-at")
    model.compile(optimizer=SGD(0.1))
    before = [np.array(w) for w in net.trainable_weights]
    model.fit(*batch, batch_size=4, verbose=0)
    after = net.trainable_weights
    assert not any(map(np.array_equal, before, after))


def test_one_that_was_never_called_is_refused():
    with pytest.raises(ValueError, match="does not say its image size"):
        AdversarialModel(Own(), Natural())


def test_convolutions_inside_take_no_other_type(batch):
    with pytest.warns(UserWarning, match="slower"):
        model = AdversarialModel(inside(), "pgd-at", attack_dtype="bfloat16")
    model.compile(optimizer=SGD(0.1))
    with pytest.raises(ValueError, match="need a functional classifier.*Own"):
        model.fit(*batch, batch_size=4, verbose=0)
