"""Recipes of three steps an epoch, for tests of whole runs."""

from dataclasses import replace

import keras

from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.recipes import RECIPES

# Three steps an epoch, on a net and a validation that cost next to nothing.
SMALL = {"limit": 24, "batch_size": 8, "epochs": 2, "width": 2}
BASE = RECIPES["dat-shapes-resnet8"]
ONE_STEP = replace(BASE.eval_attack, steps=1)
TINY = replace(
    BASE,
    **SMALL,
    objective=replace(
        BASE.objective, attack=replace(BASE.objective.attack, steps=1)
    ),
    eval_attack=ONE_STEP,
    weight_perturbation=WeightPerturbation(0.005),
    averaging=Averaging(decay=0.5, start=0.25),
)
# Enough where the method does not matter, and faster to trace.
NATURAL = replace(
    RECIPES["natural-shapes-resnet8"], **SMALL, eval_attack=ONE_STEP
)


class FailAt(keras.callbacks.Callback):
    """Ends a run before a step."""

    def __init__(self, step, error):
        super().__init__()
        self.step, self.error = step, error

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.step.numpy()) == self.step:
            raise self.error


def table(run):
    """The history without its last column, seconds."""
    rows = (run / "history.csv").read_text().splitlines()
    return [row.rpartition(",")[0] for row in rows]


def uneven(dataset):
    """Batches that two replicas cannot share evenly; no image is left out.

    The last one of the validation leaves a replica without an image.

    Args:
        dataset: The folder of the fixture `colours`.
    """
    size = {"limit": 33, "batch_size": 11, "epochs": 2}
    return replace(NATURAL, dataset=str(dataset), **size)
