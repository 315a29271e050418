"""Natural training: no attack at all.

min_theta  CE(f(x), y)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dat_keras.core.types import Labels, Predict
from dat_keras.losses import cross_entropy
from dat_keras.objectives.base import Objective, mean_over_views
from dat_keras.objectives.step import Step, Terms, View, Views
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class Natural(Objective):
    """Cross-entropy on clean images, the contrast to every robust method.

    Args:
        label_smoothing: Share of the target spread over all classes.

    Example:
    >>> Natural().terms
    ('natural',)
    """

    label_smoothing: Share = 0.0
    terms: ClassVar[tuple[str, ...]] = ("natural",)
    weights_examples: ClassVar[bool] = True
    # Its robust accuracy is highest before it has learned anything.
    selects_by: ClassVar[tuple[str, ...]] = ("accuracy",)

    def craft(self, step: Step) -> Views:
        """Returns the augmented images as they are."""
        return (View(step.x, step.x),)

    def loss(self, predict: Predict, views: Views, y: Labels) -> Terms:
        """Returns the cross-entropy of the clean images."""
        (view,) = views
        logits = predict(view.x, view.branch)
        return {
            "natural": mean_over_views(
                [cross_entropy(logits, y, self.label_smoothing)]
            )
        }
