"""Run folders as a training leaves them, and who may do what on the Hub."""

import os
from dataclasses import replace

import keras

from dat_keras.core.weights import save_weights
from dat_keras.recipes import RECIPES
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.run_folder import RunFolder

TOKENS = {
    "hf_aliceWRITEaliceWRITE": ("alice", "write"),
    "hf_aliceREADaliceREADxx": ("alice", "read"),
    "hf_malloryWRITEmallory1": ("mallory", "write"),
}
WRITE, READ, OTHER = TOKENS
CLASSES = ("cat", "dog", "owl")


def make_run(folder, seed=1, **changes):
    """A run folder as a training leaves it, with two BatchNorm branches."""
    changes = {"width": 4, **changes}
    recipe = replace(RECIPES["dat-shapes-resnet8"], **changes)
    run = RunFolder(folder)
    run.path.mkdir(parents=True, exist_ok=True)
    RunInfo(recipe, (8, 8, 3), CLASSES).write(run.recipe)
    keras.utils.set_random_seed(seed)
    model = recipe.classifier((8, 8, 3), len(CLASSES))
    for variable in model.weights:
        if "moving_mean" in variable.path:
            variable.assign(keras.random.normal(variable.shape))
    save_weights(model, run.weights("best"))
    os.utime(run.weights("best"), (1e9, 1e9))
    return folder
