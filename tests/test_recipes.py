import pytest

from dat_keras.objectives import DAT
from dat_keras.recipes import RECIPES, Recipe, choose, resolve


@pytest.mark.parametrize("name", RECIPES)
def test_names_say_method_dataset_and_architecture(name):
    recipe = RECIPES[name]
    assert recipe.name == name
    assert name.endswith(f"-{recipe.dataset}-{recipe.architecture}")


def test_dat_has_the_settings_of_its_paper():
    recipe = RECIPES["dat-cifar10-resnet18"]
    dat = recipe.objective
    assert (dat.beta, dat.omega, dat.attack.steps) == (15.0, 2.0, 5)
    assert dat.attack.step_size == 2 / 255
    assert dat.attack.threat_model.eps == 8 / 255
    assert recipe.epochs == 150
    assert recipe.optimizer.schedule.epochs == (100, 110)
    assert recipe.optimizer.weight_decay == 5e-4


def test_tiny_imagenet_differs_as_its_code_does():
    recipe = RECIPES["dat-tiny_imagenet-resnet18"]
    assert recipe.objective.attack_label_smoothing == 0.0
    assert recipe.objective.augment.pad == 2
    assert (recipe.epochs, recipe.clip_norm) == (100, 0.5)


def test_own_settings_follow_data_set_and_network():
    mart = RECIPES["mart-own-cifar10-wrn-34-10"]
    assert (mart.objective.beta, mart.epochs) == (6.0, 90)
    assert mart.optimizer.learning_rate == 0.1
    assert mart.optimizer.weight_decay == 7e-4
    oaat = RECIPES["oa-at-own-cifar10-wrn-34-10"]
    assert oaat.objective.stages == oaat.epochs == 200
    assert (oaat.objective.mix, oaat.objective.beta) == (0.45, 2.0)
    assert oaat.objective.mix_eps == 16 / 255
    tiny = RECIPES["las-at-own-tiny_imagenet-resnet18"]
    assert (tiny.objective.true_class, tiny.clip_norm) == (0.8, 10.0)
    policy = RECIPES["las-at-own-cifar100-wrn-34-10"].objective.policy
    assert (policy.steps_grid[-1], policy.policy_momentum) == (12, 0.9)


def test_the_defaults_are_small():
    recipe = choose()
    assert (recipe.dataset, recipe.architecture) == ("shapes", "resnet8")
    assert isinstance(recipe.objective, DAT)


def test_an_untabled_dataset_takes_the_recipe_of_cifar10():
    recipe = choose("svhn_cropped", "trades", "resnet8")
    assert recipe.name == "trades-svhn_cropped-resnet8"
    assert recipe.objective == RECIPES["trades-cifar10-resnet8"].objective
    assert recipe.limit is None


def test_options_replace_fields():
    recipe = resolve(
        {
            "dataset": "cifar10",
            "architecture": "resnet8",
            "epochs": 7,
            "limit": None,
            "settings": ("beta=3", "objective.attack.steps=2"),
        }
    )
    assert (recipe.epochs, recipe.objective.beta) == (7, 3.0)
    assert recipe.objective.attack.steps == 2


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"method": "dta"}, "Did you mean 'dat'"),
        ({"architecture": "resnet9"}, "Did you mean 'resnet8'"),
        ({"recipe": "dat-cifar10"}, "Unknown recipe"),
        ({"recipe": "dat-cifar10-resnet8", "method": "dat"}, "give either"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
    ],
)
def test_unfit_choices_are_explained(choice, message):
    with pytest.raises(ValueError, match=message):
        resolve(choice)


def test_from_json_wants_a_recipe():
    with pytest.raises(ValueError, match="Expected a recipe"):
        Recipe.from_json('{"class": "Linf", "eps": 0.1}')
