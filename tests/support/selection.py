"""Which cases of a long list stand for all of them in the default part."""

import pytest

CORE = ("natural", "pgd-at", "trades", "dat")


def first_of(cases, chosen=CORE):
    """All cases; those that are not chosen are marked `thorough`."""
    return [
        pytest.param(case, marks=() if case in chosen else pytest.mark.thorough)
        for case in cases
    ]
