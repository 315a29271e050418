"""ImageNet: the published settings, and a run on images of that format."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from dat_keras.augment import RandomResizedCrop
from dat_keras.cli import _recipe_names, main
from dat_keras.data import DATASETS
from dat_keras.data.central_crop import CentralCrop
from dat_keras.objectives import DAT, PGDAT
from dat_keras.recipes import RECIPES, choose, resolve
from dat_keras.recipes.imagenet import IMAGENET


def test_pgd_at_is_as_published():
    recipe = RECIPES["pgd-at-imagenet2012-resnet50"]
    attack = recipe.objective.attack
    assert isinstance(recipe.objective, PGDAT)
    assert attack.threat_model.eps == 4 / 255
    assert (attack.steps, attack.step_size) == (3, pytest.approx(8 / 3 / 255))
    assert (recipe.epochs, recipe.batch_size) == (90, 512)
    schedule = recipe.optimizer.schedule.build(0.1, 90, steps_per_epoch=2)
    rates = [float(schedule(2 * epoch)) for epoch in (0, 29, 30, 59, 60, 89)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3])
    assert recipe.optimizer.weight_decay == 1e-4
    assert recipe.augment == RandomResizedCrop()


@pytest.mark.parametrize("recipe", IMAGENET.values(), ids=lambda r: r.name)
def test_every_attack_is_within_four_of_255(recipe):
    assert recipe.eval_attack.threat_model.eps == 4 / 255
    if hasattr(recipe.objective, "attack"):
        assert recipe.objective.attack.threat_model.eps == 4 / 255
    if isinstance(recipe.objective, DAT):
        assert recipe.objective.generator_resolution == 32


def test_they_are_found_by_data_set_and_by_name():
    assert tuple(IMAGENET) == tuple(
        f"{method}-imagenet2012-resnet50" for method in _recipe_names.IMAGENET
    )
    recipe = choose("imagenet2012", "trades")
    assert recipe == RECIPES["trades-imagenet2012-resnet50"]
    mixed = resolve({"dataset": "imagenet2012", "method": "natural+cutmix"})
    assert mixed.augment.parts[1].num_classes == 1000
    for line in (
        ["train", "--dataset", "imagenet2012", "--method", "pgd-at", "--show"],
        ["list", "--recipes", "imagenet2012"],
    ):
        shown = CliRunner().invoke(main, line)
        assert shown.exit_code == 0, shown.output
        assert "pgd-at-imagenet2012-resnet50" in shown.output


@pytest.mark.thorough
def test_two_steps_on_a_set_of_that_format(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds
    from tfds_folder import prepare

    from dat_keras.data.tfds_source import TFDSImages
    from dat_keras.training.train import train

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(num_classes=1000),
            "file_name": tfds.features.Text(),
        }
    )
    prepare("imagenet2012", "5.1.0", tmp_path, features, "array_record")
    monkeypatch.setitem(
        DATASETS,
        "imagenet2012",
        TFDSImages("imagenet2012", crop=CentralCrop(32, 36), in_memory=False),
    )
    recipe = RECIPES["pgd-at-imagenet2012-resnet50"]
    recipe = replace(
        recipe,
        # Four plain images a batch bear no rate of 0.1 for 512.
        optimizer=replace(recipe.optimizer, learning_rate=1e-4),
        epochs=1,
        batch_size=4,
        limit=8,
        validation_images=4,
    )
    model = train(recipe, tmp_path / "run", data_dir=tmp_path)
    assert int(model.step.numpy()) == 2
    assert model.classifier.output_shape == (None, 1000)
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(history) == 2 and "nan" not in history[1]
