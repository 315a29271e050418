"""FGSM-RS: single-step training from a random start (Wong et al., ICLR 2020).

min_theta  CE(f(x'), y),   x' = project(x_0 + 1.25 eps sign(grad CE(f(x_0), y)))
x_0 = x + U(-eps, eps)
"""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.attacks import PGD, Attack
from dat_keras.core.threat_models import Linf
from dat_keras.objectives.pgd_at import PGDAT


@dataclass(frozen=True)
class FGSMRS(PGDAT):
    """Cross-entropy on images after one long step from a random start.

    Costs two forward and two backward passes. Long runs at eps 8/255 may
    overfit catastrophically: robust to the single step, broken by PGD.

    Args:
        attack: Inner maximisation. Default: the paper's, one step of 10/255
            at eps 8/255.
        label_smoothing: Share of the target spread over all classes.

    Example:
    >>> FGSMRS().attack.steps
    1

    Reference:
        [Wong et al., 2020](https://arxiv.org/abs/2001.03994)
    """

    attack: Attack = PGD(Linf(8 / 255), steps=1, step_size=10 / 255)
