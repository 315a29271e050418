"""Every number of an augmentation or optimizer config has a range."""

import dataclasses
import re
import typing

import pytest

from dat_keras.augment import AUGMENTS, ApplyToShare, Chain, CropFlip
from dat_keras.optimizers import (
    Averaging,
    ConstantConfig,
    CosineConfig,
    OneCycleConfig,
    SGDConfig,
    StepDropConfig,
)
from dat_keras.utils.ranges import ranges_of

CONFIGS = [
    *AUGMENTS.values(),
    Chain,
    ApplyToShare,
    SGDConfig,
    Averaging,
    ConstantConfig,
    CosineConfig,
    OneCycleConfig,
    StepDropConfig,
]
# The strengths of ColorShape may be negative: they shift its intervals.
EXCEPTIONS = {"low", "high"}


def numeric(cls):
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        found = set(re.findall(r"\w+", str(hints[field.name])))
        if found & {"int", "float"} and field.name not in EXCEPTIONS:
            yield field.name


@pytest.mark.parametrize("cls", CONFIGS)
def test_every_number_has_a_range(cls):
    assert set(numeric(cls)) <= ranges_of(cls).keys()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CropFlip(pad=-1), "`pad` must be at least 0"),
        (lambda: CropFlip(flip=7), r"`flip` must be in \[0, 1\]"),
        (lambda: SGDConfig(-0.1), "`learning_rate` must be at least 0"),
        (lambda: StepDropConfig((100, 80)), "`epochs` must grow"),
        (lambda: StepDropConfig((100, 100)), "`epochs` must grow"),
        (lambda: OneCycleConfig(1.0), r"`warmup_share` must be in \(0, 1\)"),
        (lambda: Averaging(decay=1.5), r"`decay` must be in \[0, 1\]"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
