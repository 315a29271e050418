"""Accuracies that do not fit each other."""

import pytest

from dat_keras.plausibility import implausible
from dat_keras.rows import Row


def row(name, broken):
    return Row(name, "", (True,) * broken + (False,) * (100 - broken))


@pytest.mark.parametrize(
    ("broken", "codes"),
    [
        ({"pgd20": 50, "autoattack": 57}, ["gap"]),
        ({"pgd20": 50, "autoattack": 56}, []),
        ({"pgd20": 57, "autoattack": 50}, []),
        ({"pgd20": 50, "pgd100": 48}, ["masking"]),
        ({"pgd20": 50, "pgd100": 52}, []),
        ({"autoattack": 90}, []),
        ({"pgd20": 50, "pgd100": 40, "autoattack": 60}, ["masking", "gap"]),
    ],
)
def test_what_does_not_fit_is_told(broken, codes):
    found = implausible([row(*each) for each in broken.items()])
    assert [caution.code for caution in found] == codes
