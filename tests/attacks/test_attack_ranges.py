"""Settings of attacks outside their ranges are refused."""

import pytest
import tensorflow as tf

from dat_keras.attacks import (
    APGD,
    FAB,
    PGD,
    CarliniWagner,
    CarliniWagnerDAT,
    CrossEntropy,
    CrossEntropyPlusKL,
    EachTarget,
    Monitor,
    NormalStart,
    Restarts,
    Square,
    SurfaceStart,
    TargetedDLR,
    TargetedMargin,
)
from dat_keras.core.threat_models import L2, Linf

BALL = Linf(8 / 255)


@pytest.mark.parametrize(
    ("make", "field", "value"),
    [
        (Linf, "eps", -0.1),
        (Linf, "eps", 1.5),
        (L2, "eps", -1),
        (L2, "eps", float("nan")),
        (PGD, "steps", 0),
        (PGD, "steps", -2),
        (PGD, "step_size", -0.01),
        (PGD, "step_size", float("inf")),
        (APGD, "steps", 0),
        (APGD, "rho", 1.5),
        (APGD, "draws", 0),
        (FAB, "steps", 0),
        (FAB, "alpha_max", 1.1),
        (FAB, "eta", 0.9),
        (FAB, "beta", -0.1),
        (Square, "queries", 0),
        (Square, "chunk", 0),
        (Monitor, "steps", 0),
        (Monitor, "targets", 0),
        (Restarts, "times", 0),
        (EachTarget, "targets", 0),
        (SurfaceStart, "share", -1.0),
        (NormalStart, "stddev", -0.001),
        (CrossEntropy, "label_smoothing", 1.1),
        (CrossEntropyPlusKL, "beta", -1.0),
        (CrossEntropyPlusKL, "label_smoothing", -0.1),
        (CarliniWagner, "kappa", -1.0),
        (CarliniWagnerDAT, "kappa", -1.0),
        (TargetedDLR, "rank", 0),
        (TargetedMargin, "rank", 0),
    ],
)
def test_numbers_outside_are_refused(make, field, value):
    first = {
        **dict.fromkeys((PGD, APGD, FAB, Square, Monitor), (BALL,)),
        Restarts: (APGD(BALL),),
        EachTarget: (APGD(BALL, TargetedDLR()),),
    }.get(make, ())
    with pytest.raises(ValueError, match=rf"`{field}` must be .*{field}="):
        make(*first, **{field: value})


def test_tensors_pass():
    attack = PGD(Linf(tf.constant(0.1)), steps=tf.constant(0))
    assert int(attack.steps) == 0
    PGD(BALL, step_size=tf.constant(0.1))
