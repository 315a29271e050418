"""EOT: logits and gradients that are expectations over random draws.

    z(x) = 1/n sum_i z_i(x),    g(x) = 1/n sum_i dL(z_i(x))/dx

An attack that queries `MeanOverDraws` in place of a classifier that draws
random numbers is that attack with expectation over transformations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.core.gradients import input_gradient
from dat_keras.core.types import Images, Logits, PerExample, Predict

_Seen = tuple[Logits, PerExample, Images]


@dataclass(frozen=True, eq=False)
class MeanOverDraws:
    """A `Predict` whose logits are means over several passes.

    `input_gradient` of it is the mean of the gradients of each pass' loss, as
    in the paper, not the gradient of the loss of the mean logits; they agree
    where the loss is linear in the logits, as margins are.

    Args:
        predict: A classifier that draws random numbers.
        draws: Number of passes.

    Example:
    >>> passes = tf.Variable(0.0)
    >>> def predict(x, branch=0):
    ...     return passes.assign_add(1.0) * x[:, 0, 0, :]
    >>> MeanOverDraws(predict, 3)(tf.ones((1, 1, 1, 2))).numpy().tolist()
    [[2.0, 2.0]]

    Reference:
        [Athalye et al., 2018](https://arxiv.org/abs/1707.07397)
    """

    predict: Predict
    draws: int

    def __call__(self, x: Images, branch: int = 0) -> Logits:
        """Returns the mean logits of `x`."""
        # No loop in the graph: it could not be differentiated where passes
        # are counted.
        passes = [self.predict(x, branch) for _ in range(self.draws)]
        return tf.add_n(passes) / self.draws


def mean_over_draws(predict: Predict, draws: int) -> Predict:
    """Returns the mean over several passes; of one pass, `predict` itself.

    Args:
        predict: A classifier that draws random numbers.
        draws: Number of passes.

    Example:
    >>> mean_over_draws(tf.identity, 1) is tf.identity
    True
    """
    return predict if draws == 1 else MeanOverDraws(predict, draws)


@input_gradient.register
def _mean_gradient(
    predict: MeanOverDraws,
    loss: Callable[[Logits], PerExample],
    x: Images,
) -> _Seen:
    """Returns the means of `input_gradient` over the passes."""

    def add(i: tf.Tensor, total: _Seen) -> tuple[tf.Tensor, _Seen]:
        seen = input_gradient(predict.predict, loss, x)
        return i + 1, tuple(map(tf.add, total, seen))

    _, total = tf.while_loop(
        lambda i, total: i < predict.draws,
        add,
        (tf.constant(1), input_gradient(predict.predict, loss, x)),
        parallel_iterations=1,
    )
    logits, values, grad = (each / predict.draws for each in total)
    return logits, values, grad
