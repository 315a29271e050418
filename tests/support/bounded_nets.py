"""Small nets that use every layer with certified bounds, and their margins."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from toy_nets import lived_in

from dat_keras.certification.computation import computation_of
from dat_keras.certification.crown_ibp import crown_ibp_margins, crown_margins
from dat_keras.certification.ibp import box_of, ibp_margins, intervals_of

BOUNDS = ("ibp", "crown-ibp", "crown")

SHAPE = (8, 8, 3)


def chain(*inner, classes=4):
    return keras.Sequential([keras.Input(SHAPE), *inner, layers.Dense(classes)])


def residual():
    image = keras.Input(SHAPE)
    x = layers.Rescaling(2.0, -1.0)(image)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    y = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    z = layers.Conv2D(4, 1)(layers.MaxPooling2D(1, strides=1)(x))
    x = layers.Dropout(0.5)(layers.Add()([x, y, z]))
    x = layers.ReLU()(x)
    logits = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, logits)


def nested():
    body = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Normalization(mean=[0.4] * 3, variance=[0.04] * 3),
            layers.Conv2D(4, 3, activation="relu"),
            layers.AveragePooling2D(2, padding="same"),
        ]
    )
    image = keras.Input(SHAPE)
    x = layers.Flatten()(body(image))
    hidden = layers.Dense(6, activation="relu")(x)
    return keras.Model(image, layers.Dense(4)(hidden))


NETS = {
    "linear": lambda: chain(layers.Flatten()),
    "one hidden layer": lambda: chain(
        layers.Flatten(), layers.Dense(12, activation="relu")
    ),
    "pooled": lambda: chain(
        layers.Conv2D(4, 3, padding="same", strides=2, activation="relu"),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.Conv2D(5, 2, activation="relu"),
        layers.GlobalAveragePooling2D(),
    ),
    "residual": residual,
    "nested": nested,
    "no last affine layer": lambda: keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(5),
            layers.ReLU(),
        ]
    ),
}


def net(name):
    """The net of a name, with weights of a known seed."""
    keras.utils.set_random_seed(3)
    return lived_in(NETS[name]())


def images(count=6):
    draw = np.random.default_rng(2)
    return draw.random((count, *SHAPE), np.float32), np.arange(count) % 4


def bounds_of(model):
    """Returns a function of eps, images and labels: margins by bound.

    One graph computes them all.
    """

    @tf.function(autograph=False)
    def traced(x, y, eps):
        computation = computation_of(model, tf.float64)
        box = box_of(x, eps, tf.float64)
        intervals = intervals_of(computation, box)
        return {
            "ibp": ibp_margins(computation, box, y),
            "crown-ibp": crown_ibp_margins(computation, box, y),
            "crown": crown_margins(computation, intervals, y),
        }

    def margins(eps, x, y):
        found = traced(
            tf.constant(x), tf.constant(y), tf.constant(eps, tf.float64)
        )
        return {name: each.numpy() for name, each in found.items()}

    return margins


def margins_at(logits, y):
    """`z_y - z_j`, shape `(B, K)`."""
    return logits[np.arange(len(y)), y][:, None] - logits
