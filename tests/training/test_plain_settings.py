"""Settings survive JSON; a file names known classes alone."""

import json

import keras
import pytest

from dat_keras.attacks import ATTACKS, PARTS, plus, rand
from dat_keras.augment import AUGMENTS, Chain, CropFlip, KerasCV
from dat_keras.core.threat_models import L2, Linf
from dat_keras.objectives import OBJECTIVES
from dat_keras.optimizers import Averaging
from dat_keras.training.plain_settings import from_plain, to_plain

SETTINGS = [
    *(cls() for cls in OBJECTIVES.values()),
    *(make(Linf(8 / 255)) for make in ATTACKS.values()),
    *(make(L2(0.5)) for make in PARTS.values()),
    *(attack for suite in (plus, rand) for attack in suite(Linf(0.1)).values()),
    *(cls() for cls in AUGMENTS.values()),
    Chain((CropFlip(pad=2), KerasCV("GridMask", (("ratio_factor", 0.5),)))),
    Averaging(0.25),
    None,
]


@pytest.mark.parametrize("value", SETTINGS, ids=str)
def test_every_setting_comes_back(value):
    text = json.dumps(to_plain(value, "setting"))
    assert from_plain(json.loads(text)) == value


def test_a_layer_inside_an_augmentation_is_refused():
    with pytest.raises(ValueError, match=r"augment\.layer.*a ReLU"):
        to_plain(KerasCV(keras.layers.ReLU()), "augment")


@pytest.mark.parametrize("name", ["Popen", "keras>Dense", "Dense", "None"])
def test_other_classes_are_never_built(name):
    with pytest.raises(ValueError, match="Unknown class"):
        from_plain({"class": name, "args": "true"})


def test_only_settings_of_those_known_to_keras_are_built():
    # Registered, but no frozen settings: an optimizer.
    with pytest.raises(ValueError, match="Unknown class"):
        from_plain({"class": "dat_keras>SGD"})
