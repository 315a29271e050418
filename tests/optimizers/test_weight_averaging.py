"""The weight average by hand."""

import keras
import numpy as np
import pytest

from dat_keras.optimizers.weight_averaging import Averaging, WeightAverage


@pytest.fixture
def weights():
    return [
        keras.Variable([2.0, -1.0], name="kernel"),
        keras.Variable([[8.0]], name="mean", trainable=False),
    ]


def values(variables):
    return [np.array(v).ravel().tolist() for v in variables]


def test_two_steps_by_hand(weights):
    average = WeightAverage(weights, Averaging(decay=0.75, start=0.5))
    weights[0].assign([6.0, 3.0])
    average.update(weights, progress=0.6)
    assert values(average.average) == [[3.0, 0.0], [8.0]]
    weights[1].assign([[0.0]])
    average.update(weights, progress=0.7)
    assert values(average.average) == [[3.75, 0.75], [6.0]]


def test_before_the_start_it_is_the_weights(weights):
    average = WeightAverage(weights, Averaging(decay=0.9, start=0.5))
    for step in range(3):
        weights[0].assign([float(step), 0.1])
        average.update(weights, progress=0.49)
        np.testing.assert_array_equal(average.average[0], weights[0])


@pytest.mark.parametrize(
    ("decay", "expected"), [(0.0, [5.0, 5.0]), (1.0, [2.0, -1.0])]
)
def test_extreme_decays(decay, expected, weights):
    average = WeightAverage(weights, Averaging(decay=decay, start=0.0))
    weights[0].assign([5.0, 5.0])
    average.update(weights, progress=1.0)
    assert values(average.average)[0] == expected


def test_scope_reads_the_average_and_leaves_the_weights(weights):
    average = WeightAverage(weights, Averaging())
    weights[0].assign([7.0, 7.0])
    with average.scope(weights):
        inside = np.array(weights[0].value).tolist()
    assert inside == [2.0, -1.0]
    assert values(weights)[0] == [7.0, 7.0]


def test_scope_reaches_a_models_layers(tiny_model, batch):
    average = WeightAverage(tiny_model.weights, Averaging())
    x, _ = batch
    before = tiny_model(x, training=False)
    for w in tiny_model.weights:
        w.assign(w + 1.0)
    assert not np.allclose(tiny_model(x, training=False), before)
    with average.scope(tiny_model.weights):
        averaged = tiny_model(x, training=False)
    np.testing.assert_array_equal(averaged, before)


def test_average_is_no_trainable_weight(weights):
    average = WeightAverage(weights, Averaging())
    assert average.trainable_variables == []
    assert len(average.weights) == 2


@pytest.mark.parametrize("settings", [{"decay": 1.5}, {"start": -0.1}])
def test_shares_outside_the_unit_interval_are_refused(settings):
    name, value = next(iter(settings.items()))
    with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
        Averaging(**settings)


def test_of_an_integer_it_holds_the_last_value():
    count = keras.Variable(3, dtype="int64", trainable=False)
    average = WeightAverage([count], Averaging(decay=0.75, start=0.0))
    count.assign(8)
    average.update([count], progress=1.0)
    assert values(average.average) == [[8]]
