"""PGD-AT or TRADES that also trains on DAT's recombined images.

    min_theta max_psi  1/2 (L_base(x) + L_base(x_hat))
    x_hat = x recombined with the generator's amplitude (amplitude_mixup.py)

`x` is read on BatchNorm branch 0, `x_hat` on branch 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import tensorflow as tf

from dat_keras.attacks import PGD, Attack
from dat_keras.augment import Augment, CropFlip
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.types import Labels, Network
from dat_keras.objectives.base import Objective
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.dat.dat import DAT
from dat_keras.objectives.grad_align import GradAlign
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.step import Adversary, Step, Terms, View, Views
from dat_keras.objectives.trades import TRADES
from dat_keras.utils.ranges import Weight


@dataclass(frozen=True)
class RecombinedAT(Objective):
    """PGD-AT or TRADES on images and on their recombinations by DAT.

    Two rows of DAT's table of ablations, "PGD-AT + AAG" and "TRADES + AAG".
    The paper gives no loss for them. Chosen here: the mean of the base
    method's loss over both views, without a Jensen-Shannon term; the base
    method's attack on both; a BatchNorm branch for each; the generator
    ascends the same loss. As in DAT's code, `x_hat'` follows `x_hat` where the
    last projection was active: through these pixels alone does PGD-AT's loss,
    which reads no clean image, reach the generator. In L2 the projection is
    differentiated; L1 is refused.

    Args:
        base: `PGDAT` or `TRADES`: loss and attack. Default: `TRADES()`.
        mix: How amplitudes are mixed. Default: DAT's.
        augment: Applied to the recombined image. Default: DAT's.
        update: `"fused"` or `"sequential"`, as in DAT.
        generator_learning_rate: Constant. Default: DAT's.
        amplitude_scale: `"reference"` or `"match_mean"`, as in DAT.
        split_bn: Whether `x_hat` has a BatchNorm branch of its own.

    Raises:
        ValueError: If the base is another method, its attack is not PGD, or
            the generator's gradient is not known in its threat model.

    Example:
    >>> RecombinedAT(PGDAT()).terms
    ('robust',)

    Reference:
        [Li et al., 2024](https://arxiv.org/abs/2410.12307)
    """

    base: Objective = TRADES()
    mix: AmplitudeMixup = AmplitudeMixup()
    augment: Augment = CropFlip(pad=3)
    update: str = "fused"
    generator_learning_rate: Weight = 0.1
    amplitude_scale: str = "reference"
    split_bn: bool = True
    weights_examples: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses other methods, and unknown names."""
        super().__post_init__()
        # GradAlign's loss reads a point more than the recombined view has.
        if (
            not isinstance(self.base, PGDAT | TRADES)
            or isinstance(self.base, GradAlign)
            or not isinstance(self.base.attack, PGD)
        ):
            raise ValueError(
                "`base` must be `PGDAT` or `TRADES`, with PGD as its attack. "
                f"Received: base={self.base!r}"
            )
        # Names are checked where they are used.
        _ = self._source

    @property
    def terms(self) -> tuple[str, ...]:  # type: ignore[override]
        """The terms of the base method."""
        return self.base.terms

    @property
    def branches(self) -> int:
        """Two with split BatchNorm, else one."""
        return self._source.branches

    @cached_property
    def _source(self) -> DAT:
        """What makes recombined images; its own loss is not used."""
        return DAT(
            attack=self.base.attack,  # type: ignore[attr-defined]
            mix=self.mix,
            augment=self.augment,
            update=self.update,
            generator_learning_rate=self.generator_learning_rate,
            amplitude_scale=self.amplitude_scale,
            split_bn=self.split_bn,
        )

    @property
    def measures(self) -> tuple[str, ...]:
        """The spread of the generated amplitude."""
        return self._source.measures

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns the standard deviation of the generator's numbers."""
        return self._source.measure(step, views)

    def without_attack(self) -> Objective:
        """Returns the method whose base has an attack of no steps."""
        return replace(self, base=self.base.without_attack())

    @property
    def single_step(self) -> Attack | None:
        """The base method's attack, if it has a single step."""
        return self.base.single_step

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns DAT's generator with its optimizer."""
        return self._source.build_adversary(spec)

    def craft(self, step: Step) -> Views:
        """Attacks the images and their recombinations as the base does."""
        source = self._source
        second = source.recombination.attacked(
            step, source.attack, source.generator_adv_grad
        )
        return *self.base.craft(step), second

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as functions of the generator."""
        return self._source.attach(step, views)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the base's terms, averaged over both views."""
        return self._mean(predict, views, y)

    def ascent_loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns what the generator moves: the recombined view's half."""
        return self._mean(predict, views[1:], y)

    def _mean(
        self, predict: Network, views: Sequence[View], y: Labels
    ) -> Terms:
        terms = [self.base.loss(predict, (view,), y) for view in views]
        return {
            name: tf.add_n([one[name] for one in terms]) / 2.0
            for name in self.terms
        }
