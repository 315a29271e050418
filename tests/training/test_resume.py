"""What a run is not resumed with: other images, another length."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from dat_keras.data import Split, load_split
from dat_keras.optimizers.schedules import ConstantConfig
from dat_keras.recipes import RECIPES
from dat_keras.training.resume import check_same, check_same_images
from dat_keras.training.run_info import RunInfo

RECIPE = RECIPES["trades-shapes-resnet8"]
CLASSES = "apple", "pear", "zebra"


def split(labels=(0, 1, 2, 0), classes=CLASSES, side=2):
    images = np.zeros((len(labels), side, side, 3), np.uint8)
    return Split(images, np.array(labels), classes, "fruit/train")


def info(train=split(), validation=split((0, 1))):  # noqa: B008
    return RunInfo.of(RECIPE, train, validation)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            info(split(classes=("apple", "pear", "plum"))),
            "the class 'plum' where the run has the class 'zebra'",
        ),
        (
            info(split(classes=(*CLASSES, "plum"))),
            "with 4 classes where the run has 3 classes",
        ),
        (info(split(side=3)), r"images of shape \(3, 3, 3\) where the run has"),
        (
            info(split((0, 1, 2))),
            "'shapes' with 3 training images where the run has 4 training",
        ),
        (
            info(split((0, 1, 2, 1))),
            "with training labels or file names of sha256 [0-9a-f]{12} where",
        ),
        (info(validation=split((0,))), "with 1 validation images where"),
    ],
)
def test_other_images_are_refused_by_what_differs(found, message):
    with pytest.raises(ValueError, match=message) as error:
        check_same_images(info(), found)
    assert "\n" not in str(error.value)


def test_the_same_images_and_those_of_an_older_run_are_taken(tmp_path):
    info().write(tmp_path / "recipe.json")
    stored = RunInfo.read(tmp_path / "recipe.json")
    assert stored == info()
    check_same_images(stored, info())
    older = replace(stored, train=None, validation=None)
    check_same_images(older, info(split((0, 1, 2))))


def test_files_of_a_folder_are_known_by_their_names(tmp_path):
    def put(name):
        path = tmp_path / "train" / "apple" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(path, np.zeros((2, 2, 3)), scale=False)
        return path

    for name in "abc":
        put(name)
    before = load_split(str(tmp_path)).outline()
    assert load_split(str(tmp_path), in_memory=False).outline() == before
    put("b").rename(tmp_path / "train" / "apple" / "d.png")
    assert load_split(str(tmp_path)).outline() != before


def test_a_warmup_of_the_attack_fixes_the_length_of_a_run():
    schedule = replace(RECIPE.optimizer, schedule=ConstantConfig())
    plain = replace(RECIPE, optimizer=schedule, averaging=None)
    check_same(plain, replace(plain, epochs=plain.epochs + 1))
    warm = replace(plain, attack_warmup=0.2)
    with pytest.raises(ValueError, match=r"attack_warmup=0\.2 depends"):
        check_same(warm, replace(warm, epochs=warm.epochs + 1))
