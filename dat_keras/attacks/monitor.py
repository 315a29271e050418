"""A short APGD-CE and APGD-T, for validation during training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from dat_keras.attacks.auto_attack import CAVEAT, apgd
from dat_keras.attacks.base import Attack
from dat_keras.attacks.dlr import TargetedDLR
from dat_keras.attacks.stages import (
    EachTarget,
    Ensemble,
    Restarts,
    StagedAttack,
)
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.utils.ranges import Range


@dataclass(frozen=True)
class Monitor(Attack):
    """The first parts of AutoAttack with a fraction of their steps.

    It takes a fiftieth of the passes of `standard`, four times those of
    PGD-20. The accuracy is not AutoAttack's.

    Args:
        threat_model: The set that the parts search.
        steps: Steps of each run of APGD.
        targets: Classes that APGD-T tries, if there are so many.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> list(Monitor(Linf(8 / 255)).parts())
    ['apgd-ce', 'apgd-t']
    """

    caveat: ClassVar[str] = CAVEAT

    steps: Annotated[int, Range(1)] = 20
    targets: Annotated[int, Range(1)] = 3

    def parts(self) -> dict[str, StagedAttack]:
        """Returns the parts by name, in order."""
        short = replace(apgd(self.threat_model), steps=self.steps)
        targeted = replace(short, loss=TargetedDLR())
        return {
            "apgd-ce": Restarts(short),
            "apgd-t": EachTarget(targeted, self.targets),
        }

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns a broken image, or else the last part's, for each row."""
        whole = Ensemble(self.threat_model, tuple(self.parts().values()))
        return whole(predict, x, y, key)
