"""What training must know of a classifier, asked once."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dat_keras.architectures import branches_of
from dat_keras.classifiers.inspection import feature_size
from dat_keras.classifiers.validation import (
    check_classifier,
    check_kind,
    image_shape_of,
)


@dataclass(frozen=True)
class ClassifierSpec:
    """Shapes of a classifier's input and output, and its BatchNorm branches.

    Args:
        image_shape: `(H, W, C)`.
        num_classes: Number of logits, `K`.
        num_features: Length of what the last dense layer reads; `None` for a
            classifier that does not show that layer.
        branches: Number of BatchNorm branches.

    Example:
    >>> layers = [keras.Input((2, 2, 1)), keras.layers.Flatten()]
    >>> model = keras.Sequential([*layers, keras.layers.Dense(3)])
    >>> ClassifierSpec.of(model).num_features
    4
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    num_features: int | None = None
    branches: int = 1

    @classmethod
    def of(cls, classifier: keras.Model) -> ClassifierSpec:
        """Validates a classifier by running it once, and describes it.

        Raises:
            ValueError: If it is no Keras model, does not fix its image size,
                or does not return logits.
        """
        check_kind(classifier)
        image_shape = image_shape_of(classifier)
        return cls(
            image_shape,
            check_classifier(classifier, image_shape),
            feature_size(classifier),
            branches_of(classifier),
        )
