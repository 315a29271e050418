"""Look-ups by name."""

import pytest

from dat_keras.utils.registry import MOST_LISTED, lookup

TABLE = {"dat": 1, "mart": 2, "trades": 3}


def test_known_name_gives_its_entry():
    assert lookup(TABLE, "mart", "objective") == 2


def test_unknown_name_gets_the_nearest_and_the_list():
    with pytest.raises(ValueError) as error:
        lookup(TABLE, "mrat", "objective")
    assert str(error.value) == (
        "Unknown objective 'mrat'. Did you mean 'mart'? "
        "Available: dat, mart, trades"
    )


def test_name_far_from_all_gets_the_list_only():
    with pytest.raises(ValueError) as error:
        lookup(TABLE, "zzzz", "objective")
    assert str(error.value) == (
        "Unknown objective 'zzzz'. Available: dat, mart, trades"
    )


def test_nearest_name_ignores_case_and_keeps_spelling():
    with pytest.raises(ValueError, match="Did you mean 'wrn-A'"):
        lookup({"wrn-A": 1, "dat": 2}, "WRN-a", "architecture")


def test_a_long_table_is_not_listed():
    table = dict.fromkeys(f"name-{i}" for i in range(MOST_LISTED + 1))
    message = r"Unknown entry 'name-0_'. Did you mean 'name-0'\? Available: 41"
    with pytest.raises(ValueError, match=message):
        lookup(table, "name-0_", "entry")
