"""Square: a black-box attack by random search, on logits alone.

    propose x_new from x_adv;  keep it if its margin z_y - max z_j is smaller

The square windows that are changed shrink with the number of queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.attacks.square_moves import MOVES, uniform
from dat_keras.attacks.square_pattern import check_sides
from dat_keras.attacks.stages import Before, StagedAttack
from dat_keras.attacks.xla import xla_compiled
from dat_keras.core.random import Key
from dat_keras.core.threat_models import Linf, ThreatModel
from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict
from dat_keras.losses import margin
from dat_keras.utils.ranges import Range, RangeChecked


@dataclass(frozen=True)
class Square(RangeChecked, StagedAttack):
    """Random search without gradients.

    Args:
        threat_model: The set that the search stays in; for L2, images need
            five pixels a side.
        queries: Number of proposals; the start is one query more. Default:
            AutoAttack.
        chunk: Queries between two regroupings of the unbroken images. The
            draws depend on it.

    Reference:
        [Andriushchenko et al., 2020](https://arxiv.org/abs/1912.00049)
    """

    threat_model: ThreatModel
    queries: Annotated[int, Range(1)] = 5000
    chunk: Annotated[int, Range(1)] = 250

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses images that are too small for the first pattern."""
        if not isinstance(self.threat_model, Linf):
            check_sides(*shape[:2])

    def stages(self, classes: int) -> int:
        """Returns the number of chunks."""
        return math.ceil(self.queries / self.chunk)

    def passes(self, classes: int) -> tuple[int, int]:
        """Returns queries and start, and one more pass for each chunk."""
        return self.queries + self.stages(classes), 0

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key, before: Before
    ) -> Images:
        """Returns the best images after one more chunk of queries."""
        stage, x_adv = before
        moves = MOVES[type(self.threat_model)](
            self.threat_model, self.queries, tuple(x.shape[1:])
        )
        first = stage * self.chunk
        x_adv = tf.cond(
            stage == 0,
            lambda: moves.start(x, key.fold_in("start")),
            lambda: x_adv,
        )
        own = key.fold_in("queries").fold_in(stage)
        draws = uniform(own, x, self.chunk, moves.numbers)
        propose = xla_compiled(moves.propose)
        settle = xla_compiled(_settle)

        def ask(
            query: tf.Tensor, x_adv: Images, least: tf.Tensor
        ) -> tuple[tf.Tensor, Images, tf.Tensor]:
            asked = propose(x, x_adv, query, draws[:, query - first])
            return query + 1, *settle(asked, predict(asked), y, x_adv, least)

        last = tf.minimum(first + self.chunk, self.queries)
        _, x_adv, _ = tf.while_loop(
            lambda query, x_adv, least: (
                (query < last) & tf.reduce_any(least > 0)
            ),
            ask,
            (first, x_adv, margin(predict(x_adv), y)),
            parallel_iterations=1,
        )
        return tf.stop_gradient(x_adv)


def _settle(
    asked: Images,
    logits: Logits,
    y: Labels,
    x_adv: Images,
    least: PerExample,
) -> tuple[Images, PerExample]:
    """Accepts proposals that lower a margin, if it was positive."""
    value = margin(logits, y)
    # Written so that NaN counts as better: it is returned and noticed.
    better = (least > 0) & ~(value >= least)
    x_adv = tf.where(better[:, None, None, None], asked, x_adv)
    return x_adv, tf.where(better, value, least)
