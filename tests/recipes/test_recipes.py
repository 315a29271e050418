import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from short_methods import shortened
from teachers import linear_teacher

from dat_keras.augment import (
    ApplyToShare,
    AutoAugment,
    Chain,
    CropFlip,
    CutMix,
    CutOut,
    KerasCV,
    Unchanged,
)
from dat_keras.comparison.grid import grid_of
from dat_keras.comparison.row_spec import RowSpec
from dat_keras.objectives import (
    DAT,
    FGSMRS,
    OBJECTIVES,
    TRADES,
    UNIONS,
    GradAlign,
)
from dat_keras.objectives.distillation import Distillation
from dat_keras.recipes import ADDITIONS, RECIPES, Recipe, choose, resolve
from dat_keras.recipes.ablations import ABLATIONS
from dat_keras.recipes.added_augmentation import all_or_no_augmentation
from dat_keras.recipes.own import SETTINGS
from dat_keras.training.build import build

# Nobody else published settings for them: DAT's own are the common ones.
# IBP's are of Adam and of another kind of net.
COMMON_ONLY = ("natural", "ibp", "dat")


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
    assert recipe.objective.augment.pad == recipe.augment.pad == 2
    assert not recipe.objective.attack.start.clip
    assert (recipe.epochs, recipe.clip_norm) == (100, 0.5)


def test_paper_recipes_update_the_generator_in_the_published_order():
    for name, recipe in RECIPES.items():
        if isinstance(recipe.objective, DAT):
            small = recipe.architecture == "resnet8"
            expected = "fused" if small else "sequential"
            assert recipe.objective.update == expected, name


@pytest.mark.parametrize("architecture", ["wrn-28-10", "preactresnet18"])
def test_settings_come_from_the_data_set_not_from_the_network(architecture):
    recipe = choose("tiny_imagenet", "dat", architecture)
    of_resnet = RECIPES["dat-tiny_imagenet-resnet18"]
    assert recipe == dataclasses.replace(
        of_resnet, name=recipe.name, architecture=architecture
    )
    assert recipe.name == f"dat-tiny_imagenet-{architecture}"


def test_wide_networks_share_their_settings():
    narrow = RECIPES["oa-at-cifar100-wrn-28-10"].objective
    assert narrow == RECIPES["oa-at-cifar100-wrn-34-10"].objective
    assert narrow != RECIPES["oa-at-cifar100-resnet18"].objective


@pytest.mark.parametrize(
    ("name", "gamma", "start"),
    [
        ("dat+awp+swa-cifar10-resnet18", 0.005, 9 / 200),
        ("trades+awp+swa-cifar100-wrn-34-10", 0.005, 9 / 200),
        ("idbh+awp+swa-cifar10-resnet18", 0.01, 0.0),
        ("las-at+awp-tiny_imagenet-resnet18", 0.01, 0.0),
        ("dat+awp-tiny_imagenet-wrn-28-10", 0.005, 9 / 200),
    ],
)
def test_runs_with_awp_take_200_epochs(name, gamma, start):
    recipe = RECIPES[name]
    assert recipe.epochs == 200
    assert recipe.optimizer.schedule.epochs == (100, 150)
    awp = recipe.weight_perturbation
    assert (awp.gamma, awp.start) == (gamma, start)
    method, _, place = name.partition("-" + recipe.dataset)
    assert choose(recipe.dataset, method, place[1:]) == recipe


def test_the_average_of_idbh_is_its_own():
    averaging = RECIPES["idbh+awp+swa-cifar10-resnet18"].averaging
    assert (averaging.decay, averaging.start) == (0.999, 0.0)
    assert averaging.measured
    averaging = RECIPES["dat+awp+swa-cifar10-resnet18"].averaging
    assert (averaging.decay, averaging.start) == (0.9996, 0.75)


def test_awp_leaves_the_schedule_of_a_small_recipe_alone():
    plain = choose("shapes", "trades")
    awp = choose("shapes", "trades+awp")
    assert (awp.epochs, awp.optimizer) == (plain.epochs, plain.optimizer)


def test_epochs_that_the_code_numbers_from_1_drop_one_earlier():
    for place in ("cifar10-resnet18", "cifar10-wrn-34-10"):
        recipe = RECIPES[f"trades+awp-own-{place}"]
        assert recipe.optimizer.schedule.epochs == (99, 149)
    recipe = RECIPES["pgd-at+awp-own-cifar10-resnet18"]
    assert recipe.optimizer.schedule.epochs == (100, 150)


def test_las_trades_follows_the_arguments_of_each_data_set():
    for place, eps, reward, momentum, epochs, clip in (
        ("cifar10-wrn-34-10", 9, 4.0, 0.9, 100, None),
        ("cifar100-wrn-34-10", 10, 2.0, 0.9, 100, None),
        ("tiny_imagenet-resnet18", 10, 2.0, 0.0, 110, 10.0),
    ):
        recipe = RECIPES[f"las-trades-own-{place}"]
        policy = recipe.objective.policy
        assert policy.eps_grid == tuple(range(5, eps + 1))
        assert (policy.reward.robust, policy.reward.natural) == (8.0, reward)
        assert policy.policy_momentum == momentum
        assert policy.policy_weight_decay == (5e-4 if momentum else 0.0)
        assert (recipe.epochs, recipe.clip_norm) == (epochs, clip)


def test_las_trades_on_tiny_imagenet_drops_within_an_epoch():
    recipe = RECIPES["las-trades-own-tiny_imagenet-resnet18"]
    assert Recipe.from_json(recipe.to_json()) == recipe
    for steps in (782, 781):
        built = recipe.optimizer.schedule.build(0.1, recipe.epochs, steps)
        # As published: shares of all steps, rounded down.
        run = 110 * steps
        assert built.boundaries == (run * 75 // 100, run * 90 // 100)


ARMS = {
    "dat": {},
    "base-only": {"method": "dat+base-only"},
    "smoothed": {
        "method": "pgd-at",
        "settings": ("objective.label_smoothing=0.5",),
    },
    "still": {"settings": ("objective.generator_learning_rate=0",)},
    "no-aag": {"method": "dat+no-aag"},
    "matched": {"settings": ("objective.amplitude_scale=match_mean",)},
    "matched-6": {
        "settings": (
            "objective.amplitude_scale=match_mean",
            "objective.beta=6",
            "objective.label_smoothing=0",
        )
    },
}
"""Arms of the study: label and choice; DAT where no method is named."""


@pytest.mark.parametrize("augment", ["", "+no-augment"])
@pytest.mark.parametrize("label", ARMS)
def test_every_arm_of_the_study_is_a_row(label, augment):
    choice = {"method": "dat", **ARMS[label]}
    method = choice["method"] + augment
    settings = choice.get("settings", ())
    row = RowSpec.parse(" ".join((f"{label}: {method}", *settings)))
    grid = grid_of([row], {"dataset": "cifar10", "architecture": "resnet8"})
    trained = resolve(
        {
            "dataset": "cifar10",
            "architecture": "resnet8",
            "method": method,
            "settings": settings,
        }
    )
    assert grid.recipes == (trained,)
    assert all_or_no_augmentation(trained) is None
    objective, host = trained.objective, choice["method"].partition("+")[0]
    plain = choose("cifar10", host + augment, "resnet8").objective
    assert label == "dat" or objective != plain
    for setting in settings:
        name, _, value = setting.removeprefix("objective.").partition("=")
        found = getattr(objective, name)
        assert found == type(found)(value)


def test_half_an_augmentation_is_named():
    half = resolve({"dataset": "cifar10", "settings": ("augment=Unchanged",)})
    other = resolve(
        {"dataset": "cifar10", "settings": ("objective.augment=Unchanged",)}
    )
    for recipe in (half, other):
        assert "+no-augment" in all_or_no_augmentation(recipe)
    for method in ("dat", "dat+no-augment", "trades", "idbh", "dajat"):
        assert all_or_no_augmentation(choose("cifar10", method)) is None


def test_las_awp_follows_the_arguments_of_each_data_set():
    for place, robust, momentum, start, clip in (
        ("cifar100-resnet18", 4.0, 0.9, 0.0, None),
        ("tiny_imagenet-resnet18", 8.0, 0.0, 0.05, 10.0),
    ):
        recipe = RECIPES[f"las-awp-own-{place}"]
        policy = recipe.objective.policy
        assert policy.eps_grid == tuple(range(7, 15))
        assert policy.steps_grid == tuple(range(8, 15))
        assert policy.step_size_grid == (2, 3, 4)
        reward = policy.reward
        assert (reward.robust, reward.natural) == (robust, 2.0)
        assert reward.interval == 10
        assert policy.policy_momentum == momentum
        awp = recipe.weight_perturbation
        assert (awp.gamma, awp.start) == (0.01, start)
        assert (recipe.epochs, recipe.clip_norm) == (200, clip)


def test_at_awp_pads_with_zeros_on_cifar100():
    recipe = RECIPES["pgd-at+awp-own-cifar100-resnet18"]
    assert recipe.augment == CropFlip()
    recipe = RECIPES["pgd-at+awp-own-cifar10-resnet18"]
    assert recipe.augment == CropFlip(mode="REFLECT")


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


def single_step(recipe):
    """Whether a method is one of cheap training, with its short schedules."""
    return recipe.objective.single_step is not None


@pytest.mark.parametrize("architecture", ["resnet18", "wrn-34-10"])
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "tiny_imagenet"])
@pytest.mark.parametrize("method", OBJECTIVES)
def test_every_method_has_common_and_own_settings(
    method, dataset, architecture
):
    place = f"{dataset}-{architecture}"
    common = RECIPES[f"{method}-{place}"]
    shared = RECIPES[f"dat-{place}"]
    assert (common.epochs, common.optimizer) == (
        shared.epochs,
        shared.optimizer,
    )
    if method not in COMMON_ONLY:
        own = RECIPES[f"{method}-own-{place}"]
        assert isinstance(own.objective, OBJECTIVES[method])
        assert own.epochs >= (15 if single_step(own) else 76)


def test_settings_that_nobody_published_are_those_of_the_nearest_place():
    def own(method, place):
        return dataclasses.replace(RECIPES[f"{method}-own-{place}"], name="")

    def moved(method, place, **where):
        return dataclasses.replace(own(method, place), **where)

    assert own("las-at", "cifar100-resnet18") == moved(
        "las-at", "cifar100-wrn-34-10", architecture="resnet18"
    )
    assert own("mart", "tiny_imagenet-wrn-34-10") == moved(
        "mart", "cifar10-wrn-34-10", dataset="tiny_imagenet"
    )
    assert own("st", "tiny_imagenet-wrn-34-10") == moved(
        "st",
        "cifar10-resnet18",
        dataset="tiny_imagenet",
        architecture="wrn-34-10",
    )


def test_oa_at_starts_its_last_quarter_without_momentum():
    for place, epochs in (
        ("cifar10-resnet18", 110),
        ("cifar100-resnet18", 200),
    ):
        recipe = RECIPES[f"oa-at-own-{place}"]
        assert recipe.epochs == recipe.objective.stages == epochs
        (restart,) = recipe.optimizer.restarts
        before, after = (
            recipe.objective.settings(
                tf.constant((restart + share) / epochs), tf.constant(True)
            )
            for share in (-0.5, 0.5)
        )
        # Radii beyond 12/255 begin there.
        assert float(before.eps) <= 12 / 255 + 1e-6 < float(after.eps)


def test_oa_at_on_cifar100_augments_half_and_warms_up():
    for architecture, mix, weight, final in (
        ("resnet18", 0.25, 3.0, 3.0),
        ("wrn-34-10", 0.2, 2.0, 4.0),
    ):
        recipe = RECIPES[f"oa-at-own-cifar100-{architecture}"]
        objective = recipe.objective
        assert (objective.mix, objective.perceptual) == (mix, weight)
        assert (objective.beta, objective.final_beta) == (2.0, final)
        assert objective.label_smoothing == pytest.approx(10 / 99)
        assert recipe.optimizer.weight_decay == 3e-4
        assert recipe.optimizer.schedule.warmup == 10
        assert recipe.optimizer.schedule.after_warmup
        assert recipe.augment.parts[1] == ApplyToShare(AutoAugment(), 0.5)


def test_the_defaults_are_small():
    recipe = choose()
    assert (recipe.dataset, recipe.architecture) == ("shapes", "resnet8")
    assert isinstance(recipe.objective, DAT)


def test_an_untabled_dataset_takes_the_recipe_of_cifar10():
    recipe = choose("svhn_cropped", "trades", "resnet8")
    assert recipe.name == "trades-svhn_cropped-resnet8"
    assert recipe.objective == RECIPES["trades-cifar10-resnet8"].objective
    assert recipe.limit is None


def test_additions_change_the_recipe_of_a_method():
    plain = choose("cifar10", "trades")
    awp = choose("cifar10", "trades+awp")
    assert awp.name == "trades+awp-cifar10-resnet18"
    assert awp.weight_perturbation.gamma == 0.005
    assert awp.weight_perturbation.start == 9 / 200
    assert dataclasses.replace(
        awp,
        name=plain.name,
        weight_perturbation=plain.weight_perturbation,
        epochs=plain.epochs,
        optimizer=plain.optimizer,
    ) == (plain)
    host = choose("cifar10", "pgd-at+awp").weight_perturbation
    assert (host.gamma, host.start) == (0.01, 0.0)
    both = choose("cifar100", "dat+awp+swa")
    assert both.averaging.decay == 0.9996
    assert both.weight_perturbation == awp.weight_perturbation


HOSTS = {
    "aag": "trades",
    "grad-align": "fgsm-rs",
    **dict.fromkeys(UNIONS, "trades"),
}
"""Methods for additions that are not for `dat`."""


@pytest.mark.parametrize("name", ADDITIONS)
def test_every_addition_changes_its_host_and_survives_json(name):
    host = HOSTS.get(name, "dat")
    plain = choose("cifar10", host)
    recipe = choose("cifar10", f"{host}+{name}")
    assert dataclasses.replace(recipe, name=plain.name) != plain
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_augmentations_of_dats_table_stand_on_its_base_branch():
    cut = choose("cifar100", "dat+base-only+cutout")
    assert cut.augment == Chain((CropFlip(), CutOut(8)))
    mixed = choose("cifar100", "dat+base-only+cutmix")
    assert mixed.augment == Chain((CropFlip(), CutMix(100)))
    auto = choose("cifar10", "dat+base-only+autoaugment")
    assert auto.augment == Chain((AutoAugment(), CropFlip()))
    assert auto.epochs == 150
    host, dat = auto.objective, choose("cifar10", "dat").objective
    assert isinstance(host, TRADES)
    assert (host.beta, host.label_smoothing) == (15.0, 0.5)
    assert host.attack == dat.ae_attack


def test_ablations_leave_out_what_they_say():
    def objective(name):
        return choose("shapes", f"dat+{name}").objective

    assert objective("no-js").omega == 0.0
    assert not objective("no-mixup").mix.mixup
    assert objective("no-split-bn").branches == 1
    assert not objective("no-aag").learned_amplitude
    assert objective("z-only").generator_input == "noise"
    assert objective("z-onehot").generator_input == "labels"
    assert objective("single-ae").single_ae


def test_no_augment_is_one_act():
    dat = choose("cifar10", "dat+no-augment")
    assert dat.augment == dat.objective.augment == Unchanged()
    added = choose("cifar10", "trades+aag+no-augment")
    assert added.augment == added.objective.augment == Unchanged()
    assert choose("shapes", "pgd-at+no-augment").augment == Unchanged()
    with pytest.raises(ValueError, match="Received: a recipe of IDBH"):
        choose("cifar10", "idbh+no-augment")


@pytest.mark.parametrize("host", ["pgd-at", "trades"])
def test_the_generator_is_added_to_a_host(host):
    recipe = RECIPES[f"{host}+aag-tiny_imagenet-resnet18"]
    plain = RECIPES[f"{host}-tiny_imagenet-resnet18"]
    assert recipe.objective.base == plain.objective
    assert recipe.objective.augment == CropFlip(pad=2)
    assert recipe.objective.update == "sequential"
    assert (recipe.epochs, recipe.augment) == (plain.epochs, plain.augment)
    assert choose("tiny_imagenet", f"{host}+aag") == recipe
    with pytest.raises(ValueError, match="Received: a recipe of MART"):
        choose("cifar10", "mart+aag")


def test_gradients_are_aligned_around_the_attack_of_the_host():
    host = choose("cifar10", "n-fgsm").objective
    aligned = choose("cifar10", "n-fgsm+grad-align").objective
    assert aligned == GradAlign(host.attack)


def test_a_single_step_of_dat_is_that_of_fgsm_rs():
    dat = choose("cifar10", "dat").objective
    single = choose("cifar10", "dat+single-step").objective
    assert single.attack == FGSMRS().attack
    assert single.single_step == single.attack
    assert dataclasses.replace(single, attack=dat.attack) == dat


def one_step(recipe, batch):
    """The loss terms of a first step, on a small net and short attacks."""
    small = dataclasses.replace(
        recipe,
        **{"architecture": "resnet8", "width": 2, "batch_size": len(batch[0])},
        objective=shortened(recipe.objective, steps=1),
    )
    if isinstance(small.objective, Distillation):
        named = dataclasses.replace(small.objective, teacher="linear")
        small = dataclasses.replace(small, objective=named)
    model = build(
        small,
        (8, 8, 3),
        10,
        steps_per_epoch=1,
        load_teacher=lambda name: linear_teacher(num_classes=10),
    )
    return model.train_step(batch)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ADDITIONS)
def test_every_addition_trains(name, batch):
    of_dat = (*ABLATIONS, "single-step")
    host = HOSTS.get(name, "dat" if name in of_dat else "trades")
    terms = one_step(choose("cifar10", f"{host}+{name}"), batch)
    assert all(np.isfinite(float(value)) for value in terms.values())


@pytest.mark.thorough
@pytest.mark.parametrize("place", SETTINGS, ids="-".join)
def test_all_published_settings_train(place, batch):
    method, dataset, architecture = place
    recipe = RECIPES[f"{method}-own-{dataset}-{architecture}"]
    terms = one_step(recipe, batch)
    assert all(np.isfinite(float(value)) for value in terms.values())


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
        ({"method": "dat+apw"}, "Unknown addition 'apw'. Did you mean 'awp'"),
        ({"method": "trades+no-js"}, "Received: a recipe of TRADES"),
        ({"method": "trades+grad-align"}, "Received: a recipe of TRADES"),
        ({"method": "pgd-at+grad-align"}, "Received: a recipe of PGDAT"),
        (
            {"method": "trades+cutmix", "dataset": "photos"},
            "Received: dataset='photos'",
        ),
        ({"architecture": "resnet9"}, "Did you mean 'resnet8'"),
        ({"recipe": "dat-cifar10"}, "Unknown recipe"),
        ({"recipe": "dat-cifar10-resnet8", "method": "dat"}, "give either"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"limit": 0}, "`limit` must be at least 1"),
        ({"settings": ("width=0",)}, "`width` must be at least 1"),
        ({"settings": ("clip_norm=0",)}, "`clip_norm` must be greater than 0"),
    ],
)
def test_unfit_choices_are_explained(choice, message):
    with pytest.raises(ValueError, match=message):
        resolve(choice)


def test_from_json_wants_a_recipe():
    with pytest.raises(ValueError, match="Expected a recipe"):
        Recipe.from_json('{"class": "Linf", "eps": 0.1}')


def test_a_recipe_names_its_layers():
    layer = keras.layers.ReLU()
    recipe = dataclasses.replace(choose(), augment=KerasCV(layer))
    with pytest.raises(ValueError, match="by its name. Received: .*ReLU"):
        recipe.to_json()
