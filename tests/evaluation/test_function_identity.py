"""What a classifier computes has an identity beside its weights' hash."""

import keras
import numpy as np
import pytest

from dat_keras.evaluation.function_identity import (
    function_identity,
    same_function,
)

X = np.random.default_rng(0).uniform(size=(4, 6, 6, 3)).astype("f")


def net(scale=1.0, activation="relu", skip=True, seed=0):
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((6, 6, 3))
    x = keras.layers.Rescaling(scale)(x)
    x = keras.layers.Conv2D(3, 3, padding="same", activation=activation)(x)
    x = keras.layers.Add()([x, inputs if skip else x])
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def test_names_and_weights_do_not_count_and_layers_do(make_tiny):
    one = function_identity(net(), X)
    assert isinstance(one, str)
    assert function_identity(net(seed=1), X) == one
    changed = net(scale=2.0), net(activation="elu"), net(skip=False)
    assert len({one, *(function_identity(each, X) for each in changed)}) == 4
    tiny = [function_identity(make_tiny(), X) for _ in range(2)]
    assert isinstance(tiny[0], str) and tiny[0] == tiny[1] != one


class Scaled(keras.Model):
    """A subclassed model, of which no config tells anything."""

    def __init__(self, by, noise=0.0):
        super().__init__()
        self.by, self.noise = by, noise

    def call(self, x):
        x = x + self.noise * keras.random.normal(keras.ops.shape(x))
        return keras.ops.mean(self.by * x, axis=(1, 2))


def lambda_net(by):
    layers = keras.layers.Lambda(lambda x: by * x), keras.layers.Flatten()
    return keras.Sequential([keras.Input((6, 6, 3)), *layers])


@pytest.mark.parametrize("make", [Scaled, lambda_net])
def test_code_of_the_users_is_known_by_its_logits(make):
    one, same, other = (function_identity(make(b), X) for b in (2, 2, 2.2))
    assert same_function(one, same) and not same_function(one, other)
    nearly = (np.array(one) * (1 + 1e-4)).tolist()
    assert same_function(one, nearly)
    functional = function_identity(net(), X)
    assert not same_function(one, functional)


def test_a_randomised_net_of_the_users_is_the_same_as_itself():
    one, again = (function_identity(Scaled(2, 1.0), X) for _ in range(2))
    assert one == [] and same_function(one, again)


@pytest.mark.parametrize("odd", [None, 3, [[1], [2, 3]], {"a": 1}, [["x"]]])
def test_damaged_identities_are_others(odd):
    assert not same_function(odd, [[0.0, 1.0]])
    assert not same_function(odd, "0" * 64)
