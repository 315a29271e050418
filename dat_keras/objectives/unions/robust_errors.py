"""Running robust error of each norm, by which E-AT draws the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import keras
import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.objectives.step import (
    Adversary,
    Ascent,
    NoAdversary,
    Step,
    Terms,
    View,
    Views,
)


@dataclass(frozen=True)
class DrawnView(View):
    """The first view of a base method, attacked in a norm that was drawn.

    Args:
        norm: Index of the norm, a scalar.
        error: Share of its adversarial images that are misclassified.
        view: The view as the base made it, with what the base keeps in it.
    """

    norm: tf.Tensor = field(kw_only=True)
    error: tf.Tensor = field(kw_only=True)
    view: View = field(kw_only=True)


def of_base(views: Views) -> Views:
    """Returns the views as the base made them.

    Args:
        views: What `EAT.craft` returned, or what the base's `attach` did.
    """
    first, *others = views
    if not isinstance(first, DrawnView):
        return views
    own = replace(first.view, x=first.x, x_adv=first.x_adv, branch=first.branch)
    return own, *others


class RobustErrors(Adversary):
    """A running mean of the robust error in each norm; it starts at 1.

    Args:
        count: Number of norms.
        decay: Share of the old mean that a batch leaves.
        own: The base's learned adversary, which plays as it does without.
            Default: none.
    """

    def __init__(
        self, count: int, decay: float, own: Adversary | None = None
    ) -> None:
        super().__init__(name="robust_errors")
        self.decay = decay
        self.player = own or NoAdversary(name="no_adversary")
        self.errors = self.add_weight(
            shape=(count,),
            initializer="ones",
            trainable=False,
            name="errors",
        )
        self.built = True

    def of_method(self) -> Adversary:
        """Returns the base's learned adversary."""
        return self.player

    @property
    def optimizer(self) -> Any:
        """Optimizer of the base's learned adversary, if it learns."""
        return self.player.optimizer

    def build_from(self, classifier: keras.Model) -> None:
        """Builds the base's learned adversary."""
        self.player.build_from(classifier)

    @property
    def cooperative_weights(self) -> list[keras.Variable]:
        """Those of the base's learned adversary."""
        return self.player.cooperative_weights

    @property
    def joint_weights(self) -> list[keras.Variable]:
        """Those of the base's learned adversary."""
        return self.player.joint_weights

    def joint_views(self, views: Views, attach: Callable[[], Views]) -> Views:
        """Returns the views that the base's learned adversary returns."""
        return self.player.joint_views(views, attach)

    def probabilities(self) -> tf.Tensor:
        """Returns the probability of each norm, equal where no error is."""
        errors = self.errors.value + 1e-12
        return errors / tf.reduce_sum(errors)

    def draw(self, key: Key) -> tf.Tensor:
        """Returns the index of a norm, the same on every replica.

        Args:
            key: Source of the draw.
        """
        below = tf.cumsum(self.probabilities())[:-1]
        return tf.reduce_sum(
            tf.cast(key.shared.uniform((1,)) >= below, tf.int32)
        )

    def ascend(self, ascent: Ascent) -> None:
        """Takes the error of the batch into the mean of its norm.

        The base's learned adversary takes its step.
        """
        view = cast(DrawnView, ascent.views[0])
        self.player.ascend(self._of_base(ascent))
        errors = self.errors.value
        drawn = tf.one_hot(view.norm, errors.shape[0])
        change = (1.0 - self.decay) * (view.error - errors)
        self.errors.assign(errors + drawn * change)

    def _of_base(self, ascent: Ascent) -> Ascent:
        """The update as the base's learned adversary sees it."""
        drawn = cast(DrawnView, ascent.views[0])
        inner = replace(ascent.step, adversary=self.player)
        views = of_base(ascent.views)

        def loss(step: Step = inner, views: Views = views) -> Terms:
            first, *others = views
            again = replace(
                drawn,
                x=first.x,
                x_adv=first.x_adv,
                branch=first.branch,
                view=first,
            )
            return ascent.loss(replace(step, adversary=self), (again, *others))

        return replace(ascent, step=inner, views=views, loss=loss)
