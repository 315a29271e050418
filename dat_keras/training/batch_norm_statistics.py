"""BatchNorm statistics recomputed on training images, for averaged weights.

mean = 1/N sum_n mean(batch_n),   variance = 1/N sum_n variance(batch_n)

Each branch is measured on the clean images that the training method reads on
it: DAT's second one on recombined images, DAJAT's on strongly augmented ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import tensorflow as tf

from dat_keras.augment.base import augmented
from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.keras_private import flat_layers
from dat_keras.core.random import BatchKey
from dat_keras.core.types import Images, Labels
from dat_keras.data import Batches
from dat_keras.objectives.step import Step, View, Views

Value = tuple[keras.Variable, tf.Tensor]
"""A variable with a value for it."""


def as_they_are(x: Images) -> Views:
    """Returns images as a view on the base branch."""
    return (View(x, x),)


def measured(
    classifier: keras.Model,
    batches: Iterable[tuple[tf.Tensor, ...]],
    views: Callable[..., Views] = as_they_are,
    weights: Sequence[Value] = (),
) -> list[Value]:
    """Measures the statistics of the BatchNorm layers that read some view.

    One forward pass a view over the batches, each of which counts alike. No
    variable changes.

    Args:
        classifier: The classifier.
        batches: At least one batch, as arguments of `views`.
        views: Returns the views of a batch, whose clean images are read.
            Default: images on the base branch.
        weights: Values to use in place of the classifier's own.

    Returns:
        The moving statistics of the branches read, with measured values.

    Raises:
        ValueError: If there is no batch.

    Example:
    >>> layers = [keras.Input((1, 1, 1)), keras.layers.BatchNormalization()]
    >>> batches = [(tf.reshape(b, (2, 1, 1, 1)),) for b in ([1.0, 3.0], [4, 8])]
    >>> (_, mean), (_, variance) = measured(keras.Sequential(layers), batches)
    >>> float(mean[0].numpy().round(3)), float(variance[0].numpy().round(3))
    (4.0, 2.5)
    """
    layers = _norms(classifier)
    read: list[int] = []

    @tf.function(autograph=False)
    def of_batch(batch: tuple[tf.Tensor, ...]) -> list[tf.Tensor]:
        by_branch: dict[int, list[Images]] = {}
        for view in views(*batch):
            by_branch.setdefault(view.branch, []).append(view.x)
        read[:] = sorted(by_branch)
        return [
            tf.add_n(same) / len(same)
            for branch in read
            for same in zip(
                *(
                    _of_images(classifier, layers[branch], x, branch, weights)
                    for x in by_branch[branch]
                ),
                strict=True,
            )
        ]

    found = [of_batch(batch) for batch in batches]
    if not found:
        raise ValueError("`batches` must hold at least one batch.")
    means = [tf.add_n(f) / len(found) for f in zip(*found, strict=True)]
    variables = [v for branch in read for v in _statistics(layers[branch])]
    return list(zip(variables, means, strict=True))


class MeasureStatistics(keras.callbacks.Callback):
    """Measures the weight average's statistics before each validation.

    Also when training ends without one. Needs a model that keeps an average.

    Args:
        batches: The training batches, or a function that reads an epoch of
            images and labels; one epoch of them becomes the views of the
            training method, but for its attack, and is read.
    """

    def __init__(self, batches: Batches | Callable[[], Iterable]) -> None:
        super().__init__()
        self.batches = batches
        self._moved = False

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Notes that weights have moved."""
        self._moved = True

    def on_train_end(self, logs: dict | None = None) -> None:
        """Measures once more if weights have moved since."""
        if self._moved:
            self.on_test_begin()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Puts the measured statistics into the average."""
        self._moved = False
        classifier, average = self.model.classifier, self.model.average
        values = average.values(classifier.weights)
        found = measured(classifier, self._batches(), self._views, values)
        average.put(classifier.weights, found)

    def _batches(self) -> Iterator[tuple[tf.Tensor, ...]]:
        read = self.batches
        if callable(read):
            epoch = read()
        else:
            epoch = map(read.batch, range(read.steps_per_epoch))
        for step, batch in enumerate(epoch):
            yield tf.constant(step), *map(tf.convert_to_tensor, batch)

    def _views(self, step: tf.Tensor, x_raw: Images, y: Labels) -> Views:
        model = self.model
        key = BatchKey.of(model.seed, step).fold_in("statistics")
        own = key.fold_in("augment")
        x, y, mixed = augmented(model.augment, x_raw, y, own)
        predict = Predictor(model.classifier, scope=model.inference_scope)
        return model.objective.without_attack().craft(
            Step(
                predict,
                x,
                x_raw,
                y,
                model.progress,
                key,
                model.adversary,
                mixed,
            )
        )


def _norms(
    classifier: keras.Model,
) -> list[list[keras.layers.BatchNormalization]]:
    """For each branch its BatchNorm layers whose statistics training moves."""
    return [
        [
            layer
            for layer in flat_layers(model)
            if isinstance(layer, keras.layers.BatchNormalization)
            and layer.trainable
        ]
        for model in branch_models(classifier)
    ]


def _statistics(
    layers: Sequence[keras.layers.BatchNormalization],
) -> list[keras.Variable]:
    return [v for s in layers for v in (s.moving_mean, s.moving_variance)]


def _of_images(
    classifier: keras.Model,
    layers: Sequence[keras.layers.BatchNormalization],
    x: Images,
    branch: int,
    weights: Sequence[Value],
) -> list[tf.Tensor]:
    """Mean and variance of one batch on a branch, layer after layer."""
    # From zero, a layer moves by exactly `1 - momentum` of the statistic.
    zeros = [(v, tf.zeros(v.shape)) for v in _statistics(layers)]
    scope = keras.StatelessScope(state_mapping=[*weights, *zeros])
    Predictor(classifier, training=True, scope=lambda: scope)(x, branch)
    return [
        scope.get_current_value(v) / (1.0 - layer.momentum)
        for layer in layers
        for v in (layer.moving_mean, layer.moving_variance)
    ]
