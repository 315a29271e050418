"""OA-AT's oracle: an averaged classifier that measures perceptual distance.

LPIPS(x, x') = || phi(x) - phi(x') ||_2

`phi` holds the stage outputs of a classifier, each of unit length over its
channels and divided by the square root of its number of pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import layers

from dat_keras.attacks import AttackLoss
from dat_keras.classifiers.inspection import branch_models
from dat_keras.core.keras_private import functional_of, nodes_of
from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict
from dat_keras.objectives.step import Ascent, NoAdversary
from dat_keras.optimizers.weight_averaging import Averaging, WeightAverage

_ACTIVATIONS = (layers.ReLU, layers.Activation, layers.LeakyReLU, layers.ELU)


@dataclass(frozen=True)
class TrackedClassifier:
    """A classifier that a layer reads without owning its weights.

    Args:
        weights: All of its weights.
        stages: Maps images to its stage outputs.
    """

    weights: list[keras.Variable]
    stages: keras.Model


class Oracle(NoAdversary):
    """The weight average whose features measure perceptual distance.

    Distances are measured under the average at the beginning of the current
    stage of the run. It also counts the batches of a stage, which alternate.

    Args:
        stages: Number of equal parts of the run.
        decay: Share of the old average kept each step.
    """

    def __init__(self, stages: int, decay: float) -> None:
        super().__init__(name="oracle")
        self.stages = stages
        self.decay = decay
        self.stage, self.batches = (
            self.add_weight(
                shape=(),
                dtype="int32",
                initializer="zeros",
                trainable=False,
                name=name,
            )
            for name in ("stage", "batches")
        )

    def build_from(self, classifier: keras.Model) -> None:
        """Starts both averages at the classifier's weights."""
        weights = classifier.weights
        # As published, the average is the classifier itself for one stage.
        averaging = Averaging(self.decay, start=1.0 / self.stages)
        self.running = WeightAverage(weights, averaging)
        self.frozen = WeightAverage(weights, averaging)
        self.mirrored = TrackedClassifier(weights, stage_outputs(classifier))
        self.built = True

    def even(self, progress: tf.Tensor) -> tf.Tensor:
        """Whether the next batch is the first, third, ... of its stage."""
        begins = stage_of(progress, self.stages) != self.stage.value
        return tf.logical_or(begins, self.batches.value % 2 == 0)

    def features(self, x: Images) -> list[tf.Tensor]:
        """Returns the stage outputs, shape `(B, H, W, C)` each, float32."""
        with self.frozen.scope(self.mirrored.weights):
            maps = self.mirrored.stages(x, training=False)
        # Keras returns one output as it is, not in a list.
        return [tf.cast(m, tf.float32) for m in tf.nest.flatten(maps)]

    def ascend(self, ascent: Ascent) -> None:
        """Averages the classifier's weights; freezes them at a new stage."""
        stage = stage_of(ascent.step.progress, self.stages)
        # Not too late: the first batch of a stage measures no distance.
        begins = stage != self.stage.value
        for kept, mean in zip(
            self.frozen.average, self.running.average, strict=True
        ):
            kept.assign(tf.where(begins, mean.value, kept.value))
        self.running.update(self.mirrored.weights, ascent.step.progress)
        self.batches.assign(tf.where(begins, 1, self.batches.value + 1))
        self.stage.assign(stage)


@dataclass(frozen=True)
class PerceptualPenalty(AttackLoss):
    """A loss less the weighted distance, which the last logit holds.

    Args:
        loss: The loss of the true logits.
        weight: Weight of the distance.
    """

    loss: AttackLoss
    weight: float | tf.Tensor

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the difference."""

        def undisturbed(x: Images, branch: int = 0) -> Logits:
            return predict(x, branch)[:, :-1]

        loss = self.loss.bind(undisturbed, x, y)
        return lambda logits: loss(logits[:, :-1]) - self.weight * logits[:, -1]


def with_perceptual_distance(
    predict: Predict, oracle: Oracle, clean: Images
) -> Predict:
    """Returns a `Predict` whose last logit is the distance from `clean`."""
    reference = oracle.features(clean)

    def both(x: Images, branch: int = 0) -> Logits:
        distance = perceptual_distance(reference, oracle.features(x))
        return tf.concat([predict(x, branch), distance[:, None]], axis=-1)

    return both


def stage_of(progress: tf.Tensor, stages: int) -> tf.Tensor:
    """Number of the stage, from 1, at a share of the run.

    Example:
    >>> [int(stage_of(tf.constant(t), 4)) for t in (0.0, 0.25, 0.7, 1.0)]
    [1, 2, 3, 4]
    """
    # The share of a step that begins a stage may be rounded down.
    done = tf.cast(tf.floor(progress * stages + 1e-4), tf.int32)
    return tf.minimum(done + 1, stages)


def stage_outputs(classifier: keras.Model) -> keras.Model:
    """The last activation of each resolution, as a model.

    Args:
        classifier: A functional classifier; of several branches the base.

    Raises:
        ValueError: If the classifier does not show its feature maps.

    Example:
    >>> from dat_keras.architectures import ResNet8
    >>> [m.shape[1:] for m in stage_outputs(ResNet8(10, width=4)).outputs]
    [(32, 32, 4), (16, 16, 8), (8, 8, 16)]
    """
    base = branch_models(classifier)[0]
    found: dict[int, keras.KerasTensor] = {}
    functional = functional_of(base)
    nodes = [] if functional is None else nodes_of(functional)
    for node in nodes:
        output = node.outputs[0]
        if _is_activation(node.operation) and output.ndim == 4:
            found[output.shape[1]] = output
    if not found:
        raise ValueError(
            "`OAAT` compares the feature maps of images, but this classifier "
            "does not show any. Use a functional model with convolutions."
        )
    return keras.Model(base.inputs, list(found.values()))


def _is_activation(layer: keras.Operation) -> bool:
    """Whether a layer is an activation, or ends in one: `Conv2D("relu")`."""
    if isinstance(layer, _ACTIVATIONS):
        return True
    own = getattr(layer, "activation", None)
    return own is not None and own is not keras.activations.linear


def perceptual_distance(
    maps: Sequence[tf.Tensor], others: Sequence[tf.Tensor]
) -> PerExample:
    """LPIPS without learned weights, of two lists of feature maps.

    Its gradient where the maps agree is zero.

    Args:
        maps: Feature maps, shape `(B, H, W, C)` each.
        others: Feature maps of the same shapes.

    Returns:
        Distances, shape `(B,)`.

    Reference:
        [Laidlaw et al., 2021](https://arxiv.org/abs/2006.12655)

    Example:
    >>> a, b = tf.constant([[[[2.0, 0.0]]]]), tf.constant([[[[0.0, 5.0]]]])
    >>> round(float(perceptual_distance([a], [b])[0]), 4)
    1.4142
    """
    squares = tf.add_n(
        [
            tf.reduce_sum(tf.square(_unit(a) - _unit(b)), axis=[1, 2, 3])
            / float(a.shape[1] * a.shape[2])
            for a, b in zip(maps, others, strict=True)
        ]
    )
    apart = squares > 0
    return tf.where(apart, tf.sqrt(tf.where(apart, squares, 1.0)), 0.0)


def _unit(maps: tf.Tensor) -> tf.Tensor:
    # Rectified channels may all be zero.
    return maps / tf.sqrt(
        tf.reduce_sum(tf.square(maps), axis=-1, keepdims=True) + 1e-10
    )
