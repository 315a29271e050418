"""LAS-AT's strategy network: it sets the strength of every attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, cast

import keras
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import (
    FrozenPredictor,
    with_batch_statistics,
)
from dat_keras.core.keras_private import flat_layers
from dat_keras.core.random import Key
from dat_keras.core.replicas import count_here, gathered, unsynchronized
from dat_keras.core.types import Images, PerExample
from dat_keras.core.undo import undone_unless
from dat_keras.objectives.base import hard_labels
from dat_keras.objectives.example_weights import given_weights, weighted_by
from dat_keras.objectives.step import (
    Ascent,
    NoAdversary,
    Step,
    Terms,
    View,
)
from dat_keras.utils.ranges import Range, RangeChecked, Weight

Grids = tuple[tuple[float, ...], ...]
"""The values that each head of a strategy chooses from."""


@dataclass(frozen=True)
class Reward(RangeChecked):
    """Weights of the strategy's reward, and the interval of its updates.

    Args:
        loss: Weight of the loss of the batch's adversarial images, which
            counts up to `loss_cap`.
        robust: Weight of the accuracy under attack.
        natural: Weight of the accuracy.
        loss_cap: Largest loss that counts.
        interval: Steps between two updates. Defaults: published for CIFAR.
    """

    loss: Weight = 1.0
    robust: Weight = 4.0
    natural: Weight = 2.0
    loss_cap: Annotated[float, Range(0.0, above=True)] = 10.0
    interval: Annotated[int, Range(1)] = 20


@dataclass(frozen=True)
class ChosenView(View):
    """A view with the strengths that were chosen for its images.

    Args:
        choices: Places in the grids of radius, steps and step size.
    """

    choices: tuple[tf.Tensor, ...] = field(kw_only=True)


class Strategy(NoAdversary):
    """A policy over attack strengths, moved by REINFORCE without baseline.

    `loss = sum over heads of mean(-log p(choice)) * R`, with one reward `R`
    a batch. The reward is measured on the classifier after its step, on batch
    statistics; the published code takes it on a copy after a step without
    momentum. The network reads batch statistics too. In distributed training
    every replica measures the reward on the images of all.

    Args:
        network: Maps images to one logit for each value of each grid.
        optimizer: Moves the network; built here.
        grids: The values of each head.
        attack: Measures robust accuracy, twice.
        reward: Weights of the reward, and the interval of updates.

    Reference:
        [Jia et al., 2022](https://arxiv.org/abs/2203.06616)
    """

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        grids: Grids,
        attack: Attack,
        reward: Reward,
    ) -> None:
        super().__init__(name="strategy")
        self.network = network
        self.values = [tf.constant(grid, tf.float32) for grid in grids]
        self.attack = attack
        self.reward = reward
        self.optimizer = optimizer
        self.optimizer.build(network.trainable_variables)
        self.updates_due = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="updates_due",
        )
        self.built = True

    def log_probabilities(self, x: Images) -> list[tf.Tensor]:
        """Returns `log p` over the values of each head, `(B, values)` each."""
        # Only batch statistics are ever used, so moving ones need no update.
        with keras.StatelessScope():
            logits = tf.cast(self.network(x, training=True), tf.float32)
        heads = tf.split(logits, [v.shape[0] for v in self.values], axis=-1)
        return [tf.nn.log_softmax(head) for head in heads]

    def choose(self, x: Images, key: Key) -> list[tf.Tensor]:
        """Draws the place of a value for each head and image, `(B,)` each."""
        choices = []
        for i, log_p in enumerate(self.log_probabilities(x)):
            noise = key.fold_in(i).uniform(tf.shape(log_p), 1e-7, 1.0)
            gumbel = -tf.math.log(-tf.math.log(noise))
            choices.append(tf.argmax(log_p + gumbel, -1, output_type=tf.int32))
        return choices

    def strengths(self, choices: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the values chosen, `(B,)` for each head."""
        return [
            tf.gather(values, choice)
            for values, choice in zip(self.values, choices, strict=True)
        ]

    def ascend(self, ascent: Ascent) -> None:
        """Moves the policy towards rewarded choices, every few steps."""
        weights = self.network.trainable_variables
        ascent = self.of_all_replicas(ascent)
        due = self.updates_due.value % self.reward.interval == 0
        gradients = tf.cond(
            due,
            lambda: self._gradients(ascent),
            lambda: [tf.zeros(w.shape, w.dtype) for w in weights],
        )
        replica = tf.distribute.get_replica_context()
        gradients = replica.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        # Weight decay and momentum move weights without a gradient too.
        with undone_unless(due, [*weights, *self.optimizer.variables]):
            # The optimizer sums over replicas once more.
            self.optimizer.apply(
                [g / replica.num_replicas_in_sync for g in gradients], weights
            )
        self.updates_due.assign_add(1)

    def of_all_replicas(self, ascent: Ascent) -> Ascent:
        """Returns the update on the global batch, which nobody has to share.

        Replicas can exchange nothing inside the branch that it runs in.
        """
        if count_here() == 1:
            return ascent
        step, views = ascent.step, tuple(map(_gathered, ascent.views))
        x, y = gathered((step.x, step.y))
        whole = replace(step, x=x, y=y, key=step.key.shared)
        weights = gathered(given_weights())
        source = cast(FrozenPredictor, step.predict).source
        layers = flat_layers(source.classifier)

        def loss() -> Terms:
            with unsynchronized(layers), weighted_by(weights):
                return ascent.loss(whole, views)

        return replace(ascent, step=whole, views=views, loss=loss)

    def _gradients(self, ascent: Ascent) -> list[tf.Tensor]:
        step = ascent.step
        # Of several views of an image, each has the same choices.
        view = cast(ChosenView, ascent.views[0])
        reward = self.measure(step, tf.add_n(list(ascent.loss().values())))
        variables = [w.value for w in self.network.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            with unsynchronized(flat_layers(self.network)):
                log_p = self.log_probabilities(step.x)
            score = reinforce(log_p, view.choices, reward)
        return tape.gradient(
            score, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def measure(self, step: Step, loss: tf.Tensor) -> tf.Tensor:
        """Returns the reward of images with a certain loss, a scalar."""
        predict, key = (
            with_batch_statistics(step.predict),
            step.key.fold_in("reward"),
        )

        def correct(x: Images) -> PerExample:
            chosen = tf.argmax(predict(x), -1, output_type=tf.int32)
            return tf.cast(chosen == hard_labels(step.y), tf.float32)

        robust = tf.ones(tf.shape(step.x)[:1], tf.float32)
        for i in range(2):
            attacked = self.attack(predict, step.x, step.y, key.fold_in(i))
            robust *= correct(attacked)
        return (
            self.reward.loss * tf.minimum(loss, self.reward.loss_cap)
            + self.reward.robust * tf.reduce_mean(robust)
            + self.reward.natural * tf.reduce_mean(correct(step.x))
        )


def _gathered(view: View) -> View:
    """The view of the images of all replicas."""
    tensors = {
        f.name: gathered(getattr(view, f.name))
        for f in fields(view)
        if f.name != "branch"
    }
    return replace(view, **tensors)


def reinforce(
    log_probabilities: Sequence[tf.Tensor],
    choices: Sequence[tf.Tensor],
    reward: tf.Tensor,
) -> tf.Tensor:
    """`sum over heads of mean(-log p(choice)) * reward`.

    Args:
        log_probabilities: One `(B, values)` for each head.
        choices: What was chosen, one `(B,)` for each head.
        reward: A scalar.

    Example:
    >>> log_p = tf.math.log([[0.5, 0.5]])
    >>> round(float(reinforce([log_p], [tf.constant([1])], 2.0)), 4)
    1.3863
    """
    chosen = [
        tf.reduce_mean(tf.gather(log_p, choice, batch_dims=1))
        for log_p, choice in zip(log_probabilities, choices, strict=True)
    ]
    return -tf.add_n(chosen) * reward
