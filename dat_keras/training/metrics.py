"""Metrics of validation: what `compile(metrics=...)` takes for robustness."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.core.types import Labels, Logits, PerExample
from dat_keras.objectives.base import hard_labels
from dat_keras.training.arguments import as_attack
from dat_keras.training.plain_settings import from_plain, to_plain


@keras.saving.register_keras_serializable("dat_keras")
class RobustAccuracy(keras.metrics.Mean):
    """Accuracy on images attacked in validation, for `compile(metrics=...)`.

    One more beside `robust_accuracy`, which is that under `eval_attack`. It
    is measured in validation alone; a training step has its own attack.

    Args:
        attack: An attack, its name in `ATTACKS`, or `pgdN` for N steps of
            PGD, at eps 8/255 (Linf).
        name: Name in the logs. Default: `"robust_accuracy_"` and the name of
            the attack, or of its class; two metrics of one class need names.

    Raises:
        ValueError: If the name is unknown, or `attack` is something else.

    Example:
    >>> metric = RobustAccuracy("pgd100")
    >>> metric.name, int(metric.attack.steps)
    ('robust_accuracy_pgd100', 100)
    >>> metric.update_state([0, 1], [[2.0, 0.0], [3.0, 1.0]])
    >>> float(metric.result())
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        attack: Attack | str,
        name: str | None = None,
        **options: Any,
    ) -> None:
        found = as_attack(attack, "attack")
        named = attack if isinstance(attack, str) else type(found).__name__
        name = name or f"robust_accuracy_{named.lower()}"
        super().__init__(name=name, **options)
        self.attack = found

    def update_state(
        self,
        y_true: Labels,
        y_pred: Logits,
        sample_weight: PerExample | None = None,
    ) -> None:
        """Takes in labels and the logits of attacked images.

        Args:
            y_true: Class ids, shape `(B,)`, or distributions, `(B, K)`.
            y_pred: Logits, shape `(B, K)`.
            sample_weight: Shape `(B,)`.
        """
        correct = is_correct(tf.convert_to_tensor(y_pred), y_true)
        super().update_state(correct, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, the attack as plain data."""
        attack = to_plain(self.attack, "attack")
        return {**super().get_config(), "attack": attack}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RobustAccuracy:
        """Returns the metric of a configuration."""
        return cls(**{**config, "attack": from_plain(config["attack"])})


class Accuracy(keras.metrics.Mean):
    """A mean of which more is better, so that `mode="auto"` knows it."""

    _direction = "up"


def is_correct(logits: Logits, y: Labels) -> tf.Tensor:
    """Whether the largest logit is that of the label, shape `(B,)`.

    Args:
        logits: Shape `(B, K)`.
        y: Class ids, `(B,)`, or distributions, whose largest share counts.
    """
    y = hard_labels(tf.convert_to_tensor(y))
    return tf.argmax(logits, -1, output_type=y.dtype) == y
