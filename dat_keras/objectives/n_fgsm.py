"""N-FGSM: single-step training from strong noise (de Jorge et al., 2022).

min_theta  CE(f(x'), y),   x' = clip(x_0 + eps sign(grad CE(f(x_0), y)), 0, 1)
x_0 = clip(x + U(-2 eps, 2 eps), 0, 1)
"""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.attacks import Attack, NoisyFGSM
from dat_keras.core.threat_models import Linf
from dat_keras.objectives.pgd_at import PGDAT


@dataclass(frozen=True)
class NFGSM(PGDAT):
    """Cross-entropy on images after one step from strong noise.

    Costs two forward and two backward passes, a fifth of PGD-AT. The noise
    and the missing projection prevent catastrophic overfitting at eps 8/255.

    Args:
        attack: Inner maximisation. Default: the paper's, noise of 16/255 and
            a step of 8/255.
        label_smoothing: Share of the target spread over all classes.

    Example:
    >>> NFGSM().attack.noise
    2.0

    Reference:
        [de Jorge et al., 2022](https://arxiv.org/abs/2202.01181)
    """

    attack: Attack = NoisyFGSM(Linf(8 / 255))
