"""What validation measures: accuracies, and a loss for callbacks.

loss = 1/N sum_i w_i CE(f(x'_i), y_i),   x' attacked by `eval_attack`
"""

from __future__ import annotations

import keras

from dat_keras.attacks import Attack
from dat_keras.core.random import Key
from dat_keras.core.types import Logits, Predict
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import hard_labels
from dat_keras.training.batch import Batch
from dat_keras.training.metrics import Accuracy, RobustAccuracy, is_correct


class Validation:
    """The metrics of a model's validation.

    `loss` is the cross-entropy of the attacked images, whatever the objective
    is, so that runs of different objectives compare; it is weighted by sample
    weights, accuracies are not.
    """

    plain: list[RobustAccuracy]
    weighted: list[RobustAccuracy]

    def __init__(self) -> None:
        self.metrics: dict[str, keras.Metric] = {
            "loss": keras.metrics.Mean(name="loss"),
            "accuracy": Accuracy(name="accuracy"),
            "robust_accuracy": Accuracy(name="robust_accuracy"),
        }
        self.plain, self.weighted = [], []

    @property
    def all(self) -> list[keras.Metric]:
        """All metrics, those from `compile` last."""
        return [*self.metrics.values(), *self.plain, *self.weighted]

    def update(self, batch: Batch, logits: Logits, attacked: Logits) -> dict:
        """Takes a batch in and returns results by name.

        Args:
            batch: Images and labels.
            logits: Of the images.
            attacked: Of the images attacked by `eval_attack`.
        """
        loss = cross_entropy(attacked, batch.y)
        if batch.weight is not None:
            # Divided by the number of examples, as Keras divides.
            loss = batch.weight * loss
        self.metrics["loss"].update_state(loss)
        self.metrics["accuracy"].update_state(is_correct(logits, batch.y))
        self.metrics["robust_accuracy"].update_state(
            is_correct(attacked, batch.y)
        )
        return {name: m.result() for name, m in self.metrics.items()}

    def attack(self, predict: Predict, batch: Batch, key: Key) -> dict:
        """Attacks a batch for each `RobustAccuracy`; returns their results."""
        y = hard_labels(batch.y)
        for metrics, weight in (
            (self.plain, None),
            (self.weighted, batch.weight),
        ):
            for metric in metrics:
                attack: Attack = metric.attack
                logits = predict(attack(predict, batch.x, y, key))
                metric.update_state(batch.y, logits, weight)
        return {m.name: m.result() for m in (*self.plain, *self.weighted)}
