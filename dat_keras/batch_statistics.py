"""BatchNorm statistics measured anew, for weights that were averaged.

mean = 1/N sum_n mean(batch_n),   variance = 1/N sum_n variance(batch_n)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import keras
import tensorflow as tf

from dat_keras.architectures import branches_of
from dat_keras.data import Batches
from dat_keras.keys import BatchKey
from dat_keras.predict import Predictor, branch_models
from dat_keras.types import Images

Value = tuple[keras.Variable, tf.Tensor]
"""A variable with a value for it."""


def measured(
    classifier: keras.Model,
    batches: Iterable[Images],
    weights: Sequence[Value] = (),
) -> list[Value]:
    """Measures the statistics of every BatchNorm layer of every branch.

    One forward pass a branch over the batches, each of which counts alike.
    No variable changes.

    Args:
        classifier: The classifier.
        batches: Images, shape `(B, H, W, C)`; of at least one batch.
        weights: Values to use in place of the classifier's own.

    Returns:
        The moving statistics with their measured values.

    Raises:
        ValueError: If there is no batch.

    Example:
    >>> layers = [keras.Input((1, 1, 1)), keras.layers.BatchNormalization()]
    >>> batches = [tf.reshape(b, (2, 1, 1, 1)) for b in ([1.0, 3.0], [4, 8])]
    >>> (_, mean), (_, variance) = measured(keras.Sequential(layers), batches)
    >>> float(mean[0].numpy().round(3)), float(variance[0].numpy().round(3))
    (4.0, 2.5)
    """
    layers = list(_norms(classifier))
    statistics = [v for s in layers for v in (s.moving_mean, s.moving_variance)]
    totals = [tf.zeros(v.shape) for v in statistics]

    @tf.function(autograph=False)
    def add(x: Images, totals: list[tf.Tensor]) -> list[tf.Tensor]:
        found = _of_batch(classifier, layers, x, weights)
        return [t + f for t, f in zip(totals, found, strict=True)]

    count = 0
    for x in batches:
        totals, count = add(x, totals), count + 1
    if count == 0:
        raise ValueError("`batches` must hold at least one batch.")
    return [(v, t / count) for v, t in zip(statistics, totals, strict=True)]


class MeasureStatistics(keras.callbacks.Callback):
    """Measures the weight average's statistics before each validation.

    Needs a model that keeps an average.

    Args:
        batches: The training batches; one epoch of them is augmented as in
            training and read.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Puts the measured statistics into the average."""
        classifier, average = self.model.classifier, self.model.average
        values = average.values(classifier.weights)
        found = measured(classifier, self._images(), values)
        average.put(classifier.weights, found)

    def _images(self) -> Iterator[Images]:
        for step in range(self.batches.steps_per_epoch):
            x, y = map(tf.constant, self.batches.batch(step))
            key = BatchKey.of(self.model.seed, step).fold_in("statistics")
            yield self.model.augment(x, y, key)[0]


def _norms(
    classifier: keras.Model,
) -> Iterator[keras.layers.BatchNormalization]:
    """The BatchNorm layers whose statistics training moves, each once."""
    seen = set()
    for model in branch_models(classifier):
        for layer in model._flatten_layers(include_self=False):
            if isinstance(layer, keras.layers.BatchNormalization) and (
                layer.trainable and id(layer) not in seen
            ):
                seen.add(id(layer))
                yield layer


def _of_batch(
    classifier: keras.Model,
    layers: Sequence[keras.layers.BatchNormalization],
    x: Images,
    weights: Sequence[Value],
) -> list[tf.Tensor]:
    """Mean and variance of one batch, layer after layer."""
    # From zero, a layer moves by exactly `1 - momentum` of the statistic.
    zeros = [
        (v, tf.zeros(v.shape))
        for layer in layers
        for v in (layer.moving_mean, layer.moving_variance)
    ]
    scope = keras.StatelessScope(state_mapping=[*weights, *zeros])
    predict = Predictor(classifier, training=True, scope=lambda: scope)
    for branch in range(branches_of(classifier)):
        predict(x, branch)
    return [
        scope.get_current_value(v) / (1.0 - layer.momentum)
        for layer in layers
        for v in (layer.moving_mean, layer.moving_variance)
    ]
