"""What the constructor takes: names the command takes, or the right kind."""

import keras
import pytest
from keras import layers

from dat_keras.attacks import PGD, fgsm
from dat_keras.augment import (
    AUGMENTS,
    ApplyToShare,
    Chain,
    CutMix,
    CutOut,
    MixUp,
)
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.objectives import DAT, PGDAT, TRADES, Natural
from dat_keras.training.model import AdversarialModel


def test_names_are_looked_up(tiny_branched):
    model = AdversarialModel(
        tiny_branched, "dat", augment="cutout", eval_attack="fgsm"
    )
    assert model.objective == DAT()
    assert model.augment == CutOut()
    assert model.eval_attack == fgsm(Linf(8 / 255))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dta",), "Unknown objective 'dta'. Did you mean 'dat'"),
        ((DAT,), r"Received: objective=the class DAT \(write `DAT\(...\)`\)"),
        ((None,), "`objective` must be an instance .* objective=None"),
        ((PGD(Linf(0.1)),), "Received: objective=a PGD"),
    ],
)
def test_other_objectives(tiny_branched, arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        AdversarialModel(tiny_branched, *arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"augment": None}, "`augment` must be an instance of `Augment` or"),
        ({"augment": CutOut}, r"the class CutOut \(write `CutOut\(...\)`\)"),
        ({"augment": "flip"}, "Unknown augment 'flip'"),
        ({"eval_attack": "pgd-20"}, "Unknown eval attack .* mean 'pgd20'"),
        ({"eval_attack": fgsm}, "Received: eval_attack=a function"),
        ({"weight_perturbation": 0.005}, "must be a `WeightPerturbation`"),
        ({"seed": "0"}, "`seed` must be a whole number"),
        ({"seed": None}, "`seed` must be a whole number"),
        ({"attack_dtype": "float8"}, "Unknown attack_dtype 'float8'"),
    ],
)
def test_other_settings(tiny_model, setting, message):
    with pytest.raises(ValueError, match=message) as error:
        AdversarialModel(tiny_model, Natural(), **setting)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("method", "fields", "message"),
    [
        (TRADES, {"beta": "6"}, "`beta` must be a number. Received: beta='6'"),
        (PGDAT, {"attack": "pgd20"}, "`attack` must be an instance of"),
        (PGDAT, {"attack": PGD}, r"class PGD \(write `PGD\(...\)`\)"),
        (DAT, {"augment": None}, "`augment` must be an instance of `Augment`"),
        (DAT, {"split_bn": "no"}, "`split_bn` must be"),
        (DAT, {"beta": None}, "`beta` must be a number. Received: beta=None"),
        (PGD, {"threat_model": 8 / 255}, "`threat_model` must be"),
        (PGD, {"threat_model": Linf(0.1), "steps": 2.5}, "a whole number"),
    ],
)
def test_other_fields(method, fields, message):
    with pytest.raises(ValueError, match=message):
        method(**fields)


def two_heads():
    image = keras.Input((8, 8, 3))
    x = layers.Flatten()(image)
    return keras.Model(image, [layers.Dense(3)(x), layers.Dense(2)(x)])


def two_inputs():
    images = [keras.Input((8, 8, 3)) for _ in range(2)]
    x = layers.Flatten()(layers.Add()(images))
    return keras.Model(images, layers.Dense(3)(x))


def channels_first():
    image = keras.Input((3, 8, 8))
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(image)
    return keras.Model(image, layers.Dense(4)(x))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (lambda: DAT(), "comes first. Received: a DAT"),
        (lambda: "resnet8", "comes first. Received: 'resnet8'"),
        (lambda: keras.Model, "comes first. Received: the class Model"),
        (two_heads, "Received: a model with 2 outputs"),
        (two_inputs, "Received: a model with 2 inputs"),
        (channels_first, r"channels last.*\(3, 8, 8\), channels-first layer"),
    ],
)
def test_other_classifiers(net, message):
    with pytest.raises(ValueError, match=message) as error:
        AdversarialModel(net(), Natural())
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=message):
        evaluate(net(), ([], []))


def test_a_net_that_turns_its_images_around_is_fine():
    image = keras.Input((8, 8, 3))
    x = layers.Permute((3, 1, 2))(image)
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    net = keras.Model(image, layers.Dense(4)(x))
    assert AdversarialModel(net, Natural()).image_shape == (8, 8, 3)


@pytest.mark.parametrize("name", ["cutmix", "mixup"])
def test_names_of_label_mixing_take_the_models_classes(tiny_model, name):
    model = AdversarialModel(tiny_model, Natural(), augment=name)
    assert model.augment == AUGMENTS[name](num_classes=4)


@pytest.mark.parametrize(
    "augment", [MixUp(), Chain((CutOut(), ApplyToShare(CutMix(3))))]
)
def test_label_mixing_for_other_classes_is_refused(tiny_model, augment):
    with pytest.raises(ValueError, match=r"\(num_classes=4\)`. Rec") as error:
        AdversarialModel(tiny_model, Natural(), augment=augment)
    assert "\n" not in str(error.value)
