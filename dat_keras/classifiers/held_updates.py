"""Training passes whose BatchNorm updates are written later, or never."""

from __future__ import annotations

import keras

from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.regularization import Pass


class HeldUpdates:
    """A classifier in training mode, and the statistics that it has updated.

    Nothing is written to the classifier before `write`, so that a step whose
    loss is not finite can leave it as it was.

    Args:
        classifier: Maps images to logits.
        adds_losses: Whether its layers add losses in a pass, which `passes`
            then holds.

    Example:
    >>> layer = keras.layers.BatchNormalization(momentum=0.0)
    >>> model = keras.Sequential([keras.Input((1,)), layer])
    >>> updates = HeldUpdates(model)
    >>> _ = updates.predict(keras.ops.convert_to_tensor([[1.0], [3.0]]))
    >>> layer.moving_mean.numpy().tolist()
    [0.0]
    >>> updates.write()
    >>> layer.moving_mean.numpy().tolist()
    [2.0]
    """

    def __init__(
        self, classifier: keras.Model, adds_losses: bool = False
    ) -> None:
        self.passes = Pass()
        self._variables = classifier.non_trainable_variables
        self.predict = Predictor(
            classifier, training=True, scope=self.passes, plain=adds_losses
        )

    def write(self) -> None:
        """Assigns the updated statistics."""
        for variable in self._variables:
            value = self.passes.scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)


def discarding_updates(classifier: keras.Model) -> Predictor:
    """Returns the classifier in training mode; it updates no statistics."""
    return Predictor(classifier, training=True, scope=keras.StatelessScope)
