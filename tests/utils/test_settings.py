"""Fields of a configuration with kind, range and meaning."""

import re

import pytest

from dat_keras.recipes import RECIPES, SETTABLE
from dat_keras.utils.overrides import override, paths
from dat_keras.utils.settings import meanings, settings_of, text_of

METHODS = "[a-z-]+-cifar10-resnet18|oa-at-own-.*"
NOT_TEXT = ("averaging", "init", "objective.augment.parts", "augment.parts")
"""Plain fields whose values cannot be written as text."""


@pytest.mark.parametrize(
    "name", [name for name in RECIPES if re.fullmatch(METHODS, name)]
)
def test_each_plain_field_can_be_set_to_its_text_and_has_a_meaning(name):
    recipe = RECIPES[name]
    found = {each.path: each for each in settings_of(recipe, SETTABLE)}
    assert not [each.path for each in found.values() if not each.meaning]
    plain = set(paths(recipe)) - set(NOT_TEXT)
    assert plain <= {each.path for each in found.values() if each.settable}
    for each in found.values():
        if each.settable:
            text = f"{each.path}={each.value}"
            assert override(recipe, text, SETTABLE) == recipe


def test_a_printed_method_names_each_setting_once_by_its_text():
    recipe = RECIPES["dat-cifar10-resnet18"]
    first, *lines = str(recipe.objective).splitlines()
    settings = list(settings_of(recipe.objective, SETTABLE))
    assert first == "DAT"
    assert [line.strip() for line in lines] == [
        f"{each.path.rpartition('.')[2]} = {each.value}" for each in settings
    ]
    assert "  beta = 15" in lines and "      eps = 8/255" in lines
    assert f"  {lines[0]}" in str(recipe).splitlines()


def test_kinds_and_ranges_are_those_of_the_fields():
    recipe = RECIPES["dat-cifar10-resnet18"]
    kinds = {each.path: each.kind for each in settings_of(recipe, SETTABLE)}
    assert kinds["objective.beta"] == "number, at least 0"
    assert kinds["objective.attack.steps"] == "whole number, at least 1"
    assert kinds["objective.split_bn"] == "true or false"
    assert kinds["width"] == "whole number or none, at least 1"
    assert kinds["objective.attack.threat_model"] == "one of L1, L2, Linf"


def test_a_field_that_only_additions_change_is_not_settable():
    settings = settings_of(RECIPES["dat-cifar10-resnet18"], SETTABLE)
    closed = [each.path for each in settings if not each.settable]
    assert closed == [
        *("objective", "objective.mix", "optimizer"),
        *("weight_perturbation", "averaging", "init", "extra"),
    ]


@pytest.mark.parametrize("value", [1 / 3, 8 / 255, 0.1, 1e-7, 255.0, 2.0])
def test_a_number_as_text_is_the_same_number(value):
    above, _, below = text_of(value).partition("/")
    assert float(above) / float(below or 1) == value


def test_a_subclass_says_what_its_base_does_not():
    class Base:
        """One.

        Args:
            a: First,
                in two lines.
            b: Second.
        """

    class Derived(Base):
        """Two.

        Args:
            b: Another.

        Raises:
            ValueError: Never.
        """

    assert meanings(Derived) == {"a": "First, in two lines.", "b": "Another."}
