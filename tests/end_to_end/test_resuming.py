"""A run of any method that is cut off goes on with the same bits."""

import dataclasses

import keras
import pytest
from selection import first_of
from short_methods import everything, short

from dat_keras.architectures import ARCHITECTURES
from dat_keras.objectives import OBJECTIVES, Objective
from dat_keras.objectives.distillation import Distillation
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.recipes import RECIPES
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train


class CutOff(keras.callbacks.Callback):
    """Ends a run in the middle of its second epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.step.numpy()) == 6:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def quick(make_tiny, monkeypatch):
    """The tiny net in place of ResNet-8, as classifier and as policy."""

    def tiny(num_classes, input_shape, branches=1, width=None):
        return make_tiny(branches, num_classes)

    monkeypatch.setitem(ARCHITECTURES, "resnet8", tiny)


KEEPING = [
    name
    for name, method in OBJECTIVES.items()
    if method.build_adversary is not Objective.build_adversary
    and not issubclass(method, Distillation)
]


@pytest.mark.parametrize("name", first_of(KEEPING, ()))
def test_own_state_of_a_method_survives(
    name, colours, tmp_path, snapshot, same
):
    """Policy, memory, generator, averages: all that a method keeps."""
    base = RECIPES[f"{name}-shapes-resnet8"]
    recipe = dataclasses.replace(
        base,
        dataset=str(colours),
        objective=short(name, steps=1),
        **{"epochs": 2, "batch_size": 8, "width": 2, "limit": None},
        averaging=Averaging(decay=0.5, start=0.25),
        weight_perturbation=WeightPerturbation(0.005, start=0.25),
        eval_attack=dataclasses.replace(base.eval_attack, steps=1),
    )
    whole = train(recipe, tmp_path / "whole")
    options = RunOptions(callbacks=(CutOff(),), checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", options=options)
    saved = sorted(p.name for p in (tmp_path / "cut" / "checkpoints").iterdir())
    assert saved[-1] == "step-00000006"
    resumed = train(recipe, tmp_path / "cut", options=RunOptions(resume=True))
    assert int(resumed.step) == 8
    assert same(*(snapshot(everything(m)) for m in (whole, resumed)))
    for file in ("best.safetensors", "last.safetensors"):
        runs = (tmp_path / run / file for run in ("whole", "cut"))
        assert len({path.read_bytes() for path in runs}) == 1
