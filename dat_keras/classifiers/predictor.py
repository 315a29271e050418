"""A classifier with its mode fixed: images to logits, by BatchNorm branch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial, singledispatch

import keras
import tensorflow as tf

from dat_keras.classifiers.inspection import branch_models, with_features
from dat_keras.classifiers.subclassed import check_convolutions
from dat_keras.core.keras_private import flat_layers
from dat_keras.core.replicas import unsynchronized
from dat_keras.core.types import Features, Images, Logits, Predict
from dat_keras.kernels.fold_batch_norm import folded
from dat_keras.kernels.functional_graph import Graph
from dat_keras.kernels.joint_forward import run_jointly


@dataclass(frozen=True)
class Predictor:
    """A `Network`: the classifier in one mode, its logits in float32.

    In training mode functional models run through `joint_forward.py`; others
    are called as they are.

    Args:
        classifier: Maps images to logits; called with `branch=` only where
            a branch other than the base branch is wanted.
        training: Whether BatchNorm reads batch statistics.
        scope: Opened around each call. `keras.StatelessScope` discards
            updates of statistics, or puts other weights in.
        plain: Whether training-mode passes are plain Keras calls, each in a
            scope of its own, for layers that add losses.
        alone: Whether BatchNorm reads the rows of this replica alone, as
            passes inside loops and branches must.

    Example:
    >>> flat = [keras.Input((2, 2, 1)), keras.layers.Flatten()]
    >>> Predictor(keras.Sequential(flat))(tf.ones((3, 2, 2, 1))).shape
    TensorShape([3, 4])
    """

    classifier: keras.Model
    training: bool = False
    scope: Callable[[], AbstractContextManager] = nullcontext
    plain: bool = False
    alone: bool = False

    def __call__(self, x: Images, branch: int = 0) -> Logits:
        """Returns the logits of `x` on a BatchNorm branch."""
        (logits,) = self.many([x], [branch])
        return logits

    def many(
        self, images: Sequence[Images], branches: Sequence[int]
    ) -> list[Logits]:
        """Returns the logits of several batches, each on its branch."""
        if self.plain and len(images) > 1:
            one = [([x], [b]) for x, b in zip(images, branches, strict=True)]
            return [z for x, b in one for z in self.many(x, b)]
        models = branch_models(self.classifier)
        graphs = [g for b in branches if (g := Graph.of(models[b]))]
        pairs = list(zip(images, branches, strict=True))
        with self.scope(), self._exchange():
            joint = self.training and not self.plain
            if joint and len(graphs) == len(pairs):
                logits = run_jointly(graphs, images)
            else:
                logits = [self._called(x, branch) for x, branch in pairs]
        return [tf.cast(z, tf.float32) for z in logits]

    def frozen(self, dtype: str | None = None) -> FrozenPredictor:
        """Returns the classifier in inference mode with the weights of now.

        BatchNorm is folded into convolutions once, here, and not at each
        call. The classifier's weights must not change before the last call.

        Args:
            dtype: Type of all convolutions but the first. Default: their own.

        Raises:
            ValueError: If a type is given and the classifier is not
                functional.
        """
        with self.scope():
            networks = tuple(
                self._frozen_branch(branch, model, dtype)
                for branch, model in enumerate(branch_models(self.classifier))
            )
        return FrozenPredictor(self, networks)

    @property
    def with_batch_statistics(self) -> Predictor:
        """The classifier on batch statistics, which leave no trace.

        Those of this replica's rows: attacks call it inside loops.
        """
        return replace(
            self,
            training=True,
            scope=keras.StatelessScope,
            plain=False,
            alone=True,
        )

    @property
    def with_moving_statistics(self) -> FrozenPredictor:
        """The classifier in inference mode, with the weights of now.

        Its gradients in the pixels can be differentiated in the weights;
        those in training mode cannot (`kernels/rematerialization.py`).
        """
        return Predictor(self.classifier).frozen()

    def features(self, x: Images, branch: int = 0) -> tuple[Features, Logits]:
        """Returns what the last layer reads, and the logits, of `x`."""
        model = with_features(branch_models(self.classifier)[branch])
        with self.scope():
            features, logits = model(x, training=self.training)
        return tf.cast(features, tf.float32), tf.cast(logits, tf.float32)

    def _exchange(self) -> AbstractContextManager:
        """Returns the scope of a forward pass."""
        if not self.alone:
            return nullcontext()
        return unsynchronized(flat_layers(self.classifier))

    def _called(self, x: Images, branch: int) -> tf.Tensor:
        # Models without branches do not know the word.
        options = {"branch": branch} if branch else {}
        return self.classifier(x, training=self.training, **options)

    def _frozen_branch(
        self, branch: int, model: keras.Model, dtype: str | None
    ) -> Callable[[Images], Logits]:
        graph = Graph.of(model)
        if graph is not None:
            if dtype is not None:
                check_convolutions(model, dtype)
            return partial(graph.run, swaps=folded(graph, dtype))
        if dtype is not None:
            raise ValueError(
                "Attacks in another precision need a functional classifier. "
                f"Received: {type(model).__name__}, dtype={dtype!r}"
            )
        return partial(replace(self, training=False), branch=branch)


@dataclass(frozen=True)
class FrozenPredictor:
    """A `Network` in inference mode over convolutions made beforehand.

    Made by `Predictor.frozen`. What needs batch statistics or features is
    asked of the classifier itself.

    Args:
        source: The classifier.
        networks: One function a branch, from images to logits.
    """

    source: Predictor
    networks: Sequence[Callable[[Images], Logits]]

    def __call__(self, x: Images, branch: int = 0) -> Logits:
        """Returns the logits of `x` on a BatchNorm branch."""
        # Layers without a swap still read their weights at each call.
        with self.source.scope():
            return tf.cast(self.networks[branch](x), tf.float32)

    @property
    def with_batch_statistics(self) -> Predictor:
        """The classifier on batch statistics, which leave no trace."""
        return self.source.with_batch_statistics

    @property
    def with_moving_statistics(self) -> FrozenPredictor:
        """This one."""
        return self

    def features(self, x: Images, branch: int = 0) -> tuple[Features, Logits]:
        """Returns what the last layer reads, and the logits, of `x`."""
        return self.source.features(x, branch)


@singledispatch
def logits_of_many(
    predict: Predict, images: Sequence[Images], branches: Sequence[int]
) -> list[Logits]:
    """Returns the logits of several batches, each on its BatchNorm branch.

    The same as one call for each batch. A `Predictor` of a functional model
    in training mode needs less time for it: see `kernels/joint_forward.py`.

    Args:
        predict: Any callable `predict(x, branch=0)`.
        images: Batches, shape `(B, H, W, C)` each.
        branches: One branch for each batch.

    Example:
    >>> [z.numpy().tolist() for z in logits_of_many(
    ...     lambda x, branch=0: x + branch, [tf.ones(1), tf.ones(1)], [0, 1]
    ... )]
    [[1.0], [2.0]]
    """
    return [
        predict(x, branch=branch)
        for x, branch in zip(images, branches, strict=True)
    ]


@logits_of_many.register
def _(
    predict: Predictor, images: Sequence[Images], branches: Sequence[int]
) -> list[Logits]:
    return predict.many(images, branches)


def with_batch_statistics(predict: Predict) -> Predict:
    """Returns the network on batch statistics, which leave no trace.

    A plain function has one mode, and is returned as it is.

    Args:
        predict: A `Network`, or any callable `predict(x, branch=0)`.

    Example:
    >>> with_batch_statistics(tf.identity) is tf.identity
    True
    """
    return getattr(predict, "with_batch_statistics", predict)


def with_moving_statistics(predict: Predict) -> Predict:
    """Returns the network in inference mode, differentiable twice.

    Args:
        predict: As for `with_batch_statistics`.

    Example:
    >>> norm = keras.layers.BatchNormalization(epsilon=0.0)
    >>> net = keras.Sequential([keras.Input((1, 1, 1)), norm])
    >>> frozen = with_moving_statistics(Predictor(net, training=True))
    >>> frozen(tf.fill((2, 1, 1, 1), 3.0)).numpy().ravel().tolist()
    [3.0, 3.0]
    """
    return getattr(predict, "with_moving_statistics", predict)


def features_of(
    predict: Predict, x: Images, branch: int = 0
) -> tuple[Features, Logits]:
    """Returns what the last layer reads, and the logits, of `x`.

    Args:
        predict: A `Network`.
        x: Images, shape `(B, H, W, C)`.
        branch: BatchNorm branch.

    Raises:
        TypeError: For a plain function: it returns logits alone.
    """
    features = getattr(predict, "features", None)
    if features is None:
        raise TypeError(
            "`predict` must be a `Predictor`: the loss reads features, and a "
            f"function returns logits alone. Received: predict={predict!r}"
        )
    return features(x, branch)
