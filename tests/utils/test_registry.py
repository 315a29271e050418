"""Look-ups by name."""

import pytest

from dat_keras.utils.registry import MOST_LISTED, NEAREST, lookup

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


def test_of_a_long_table_the_nearest_names_are_listed():
    names = [c * 8 for c in "abcdefghijklm"]
    assert len(names) > MOST_LISTED
    near = ["trades", "trades+awp", "trades+swa", "trades+ema", "tradesman"]
    table = dict.fromkeys([*names, *near])
    with pytest.raises(ValueError) as error:
        lookup(table, "Tradse", "recipe")
    told, _, listed = str(error.value).partition(": ")
    assert told == (
        "Unknown recipe 'Tradse'. Did you mean 'trades'? Nearest of 18"
    )
    assert len(near) == NEAREST
    assert sorted(listed.split(", ")) == sorted(near)


def test_a_name_like_none_of_a_long_table_still_gets_five():
    table = dict.fromkeys(f"name-{i}" for i in range(MOST_LISTED + 1))
    with pytest.raises(ValueError, match="'zz'. Nearest of 13: ") as error:
        lookup(table, "zz", "entry")
    assert str(error.value).count("name-") == NEAREST
