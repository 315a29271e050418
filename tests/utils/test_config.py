from dataclasses import dataclass, replace
from operator import attrgetter

import pytest

from dat_keras.attacks import PGD, CrossEntropy
from dat_keras.augment import Unchanged
from dat_keras.core.threat_models import L2, Linf
from dat_keras.objectives import DAT, TRADES
from dat_keras.optimizers.schedules import StepDropConfig
from dat_keras.recipes import CLASSES, RECIPES, SETTABLE, Recipe
from dat_keras.utils.config import decode, encode
from dat_keras.utils.overrides import number, override, paths


@dataclass(frozen=True)
class Secret:
    command: str


@dataclass(frozen=True)
class Choice:
    count: int | None = 3
    share: float | None = 0.5
    kind: str | None = "a"
    ball: Linf | None = Linf(0.1)
    name: str = "a"
    steps: int = 5


def test_decode_builds_listed_classes_only():
    data = encode(Secret("rm"))
    with pytest.raises(ValueError, match="Unknown class 'Secret'"):
        decode(data, CLASSES)


def test_decode_refuses_unknown_fields():
    with pytest.raises(ValueError, match="Did you mean 'eps'"):
        decode({"class": "Linf", "epss": 0.1}, CLASSES)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json(name):
    assert Recipe.from_json(RECIPES[name].to_json()) == RECIPES[name]


@pytest.mark.parametrize(
    ("text", "value"), [("8/255", 8 / 255), ("1e-3", 1e-3), ("2", 2.0)]
)
def test_numbers_may_be_fractions(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["8/0", "eight", "", "1/2/3", "nan", "inf", "1e999"]
)
def test_other_text_is_no_number(text):
    with pytest.raises(ValueError, match="Expected a number"):
        number(text)


def test_an_outer_field_hides_the_same_name_inside():
    dat = override(DAT(), "label_smoothing=0.25")
    assert dat.label_smoothing == 0.25
    assert dat.attack.loss == CrossEntropy(0.0)


def test_a_bare_name_reaches_down_where_it_is_alone():
    trades = override(TRADES(), "eps=4/255")
    assert trades.attack.threat_model == Linf(4 / 255)


def test_an_ambiguous_name_is_refused_with_its_paths():
    recipe = RECIPES["dat-cifar10-resnet18"]
    with pytest.raises(ValueError, match=r"objective\.attack\.steps.*eval_att"):
        override(recipe, "steps=7")
    assert override(recipe, "eval_attack.steps=7").eval_attack.steps == 7


def test_values_keep_their_type():
    dat = override(override(DAT(), "split_bn=false"), "update=fused")
    assert (dat.split_bn, dat.update) == (False, "fused")
    recipe = RECIPES["dat-cifar10-resnet18"]
    drops = override(recipe, "optimizer.schedule.epochs=10,20")
    assert drops.optimizer.schedule.epochs == (10, 20)
    assert override(recipe, "clip_norm=0.5").clip_norm == 0.5
    assert override(recipe, "limit=none").limit is None


@pytest.mark.parametrize("name", ["count", "share", "kind", "ball"])
def test_none_empties_what_may_be_empty(name):
    emptied = override(Choice(), f"{name}=None")
    assert emptied == replace(Choice(), **{name: None})
    assert override(emptied, f"{name}=none") == emptied


def test_none_is_a_value_like_any_other_elsewhere():
    assert override(Choice(), "name=none").name == "none"
    with pytest.raises(ValueError, match="`steps` holds 5"):
        override(Choice(), "steps=none")


@pytest.mark.parametrize("setting", ["limit", "width", "clip_norm"])
def test_a_recipes_number_can_be_set_and_taken_back(setting):
    recipe = RECIPES["dat-cifar10-resnet18"]
    assert getattr(recipe, setting) is None
    given = override(recipe, f"{setting}=2")
    assert getattr(given, setting) == 2
    assert override(given, f"{setting}=none") == recipe


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("bta=3", "Did you mean 'beta'"),
        ("beta", "Expected `key=value`"),
        ("beta=much", "`beta` holds 15.0"),
        ("split_bn=perhaps", "truth value"),
        ("steps=2.5", "`steps` holds 5"),
    ],
)
def test_unfit_settings_are_explained(setting, message):
    with pytest.raises(ValueError, match=message):
        override(DAT(), setting)


def test_paths_name_every_plain_field_once():
    found = list(paths(PGD(Linf(0.1))))
    assert len(found) == len(set(found))
    assert {"threat_model.eps", "loss.label_smoothing", "steps"} <= set(found)


@pytest.mark.parametrize(
    ("settings", "path", "value"),
    [
        (
            ["schedule=StepDropConfig", "schedule.epochs=5,8"],
            "optimizer.schedule",
            StepDropConfig((5, 8)),
        ),
        (
            ["eval_attack.threat_model=L2"],
            "eval_attack.threat_model",
            L2(8 / 255),
        ),
        (["augment=Unchanged"], "augment", Unchanged()),
    ],
)
def test_a_part_is_replaced_by_the_name_of_its_kind(settings, path, value):
    recipe = RECIPES["pgd-at-cifar10-resnet8"]
    for setting in settings:
        recipe = override(recipe, setting, SETTABLE)
    assert attrgetter(path)(recipe) == value


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("schedule=StepDrop", "Did you mean 'StepDropConfig'"),
        ("schedule=Linf", "Unknown schedule 'Linf'"),
        ("objective=TRADES", "Unknown objective"),
    ],
)
def test_a_part_of_another_kind_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        override(RECIPES["pgd-at-cifar10-resnet8"], setting, SETTABLE)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("schedule.epochs=abc", "`epochs` holds .*a number such as.*'abc'"),
        ("schedule.epochs=10,2.5", "must grow from drop to drop"),
        ("limit=many", "`limit` holds None; .*whole number"),
        ("clip_norm=much", "`clip_norm` holds None; .*Expected a number"),
    ],
)
def test_text_is_parsed_as_the_field_is_annotated(setting, message):
    with pytest.raises(ValueError, match=message):
        override(RECIPES["dat-cifar10-resnet18"], setting, SETTABLE)


@dataclass(frozen=True)
class Nested:
    pairs: tuple[tuple[float, ...], ...] = ()
    balls: tuple[Linf, ...] = ()
    shares: tuple[float, ...] = (1,)
    ball: Linf | None = None


@pytest.mark.parametrize("setting", ["pairs=1,2", "balls=Linf", "ball=Linf"])
def test_what_text_cannot_say_is_refused(setting):
    with pytest.raises(ValueError, match="cannot be set from text"):
        override(Nested(), setting)


def test_items_of_a_tuple_have_its_type():
    assert override(Nested(), "shares=1/4, 2").shares == (0.25, 2.0)
    assert override(Nested(), "shares=").shares == ()


def test_a_misspelt_path_is_answered_with_paths():
    recipe = RECIPES["dat-cifar10-resnet18"]
    with pytest.raises(ValueError, match="Did you mean 'objective.beta'"):
        override(recipe, "objective.betaa=6")
    with pytest.raises(ValueError, match="Did you mean 'beta'"):
        override(recipe, "betaa=6")
