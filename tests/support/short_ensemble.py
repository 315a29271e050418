"""AutoAttack's parts with few steps, for tests of what is around them."""

from dataclasses import replace

from dat_keras.attacks import (
    APGD,
    FAB,
    EachTarget,
    Square,
    TargetedDLR,
    standard,
)


def quick(ball, steps=30, queries=120):
    """The parts of `standard`, shorter."""
    parts = standard(ball)
    return {
        "apgd-ce": replace(parts["apgd-ce"], attack=APGD(ball, steps=steps)),
        "apgd-t": EachTarget(APGD(ball, TargetedDLR(), steps=steps)),
        "fab-t": EachTarget(FAB(ball, steps=steps)),
        "square": Square(ball, queries=queries, chunk=50),
    }
