"""The generator of a run folder, as `analyze` finds it."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import NATURAL

from dat_keras.analysis import subject as subject_module
from dat_keras.analysis.subject import subject_of_run
from dat_keras.core.weights import save_weights
from dat_keras.objectives import DAT, PGDAT, RecombinedAT
from dat_keras.objectives.dat.generator import (
    AmplitudeAdversary,
    BorrowedAmplitude,
)
from dat_keras.training import checkpoint
from dat_keras.training.build import build
from dat_keras.training.run_info import RunInfo, load_classifier
from dat_keras.utils.run_folder import RunFolder

SHAPE, CLASSES = (8, 8, 3), ("cat", "dog", "owl")


def folder_of(objective, path, saved=True):
    """A run folder whose last checkpoint holds a moved adversary."""
    recipe = replace(NATURAL, objective=objective)
    run = RunFolder(path)
    run.path.mkdir()
    RunInfo(recipe, SHAPE, CLASSES).write(run.recipe)
    model = build(recipe, SHAPE, len(CLASSES), 1)
    for variable in model.adversary.weights:
        variable.assign(variable + 0.25)
    model.step.assign(7)
    save_weights(model.classifier, run.weights("best"))
    if saved:
        checkpoint.save(model, run.checkpoints)
    return model, subject_of_run(load_classifier(path).model, path)


def test_recombined_training_has_the_generator_of_its_checkpoint(tmp_path):
    model, subject = folder_of(RecombinedAT(PGDAT()), tmp_path / "run")
    assert isinstance(subject.adversary, AmplitudeAdversary)
    assert subject.generator == "of the run's last checkpoint, step 7"
    pairs = list(
        zip(subject.adversary.weights, model.adversary.weights, strict=True)
    )
    assert len(pairs) > 10
    for found, wanted in pairs:
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_images_of_a_log_come_with_it(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        subject_module, "along_training", lambda f: asked.append(f) or "logged"
    )
    _, subject = folder_of(DAT(), tmp_path / "run", saved=False)
    assert subject.along == "logged"
    assert asked == [tmp_path / "run" / "logs" / "images"]


def test_borrowed_amplitudes_have_no_weights_to_find(tmp_path):
    dat = DAT(learned_amplitude=False)
    _, subject = folder_of(dat, tmp_path / "run")
    assert isinstance(subject.adversary, BorrowedAmplitude)


@pytest.mark.parametrize(
    ("objective", "saved", "why"),
    [
        (RecombinedAT(), False, "none: the run folder holds no checkpoint"),
        (PGDAT(), True, "none: PGDAT generates no amplitudes"),
    ],
)
def test_without_a_generator_it_says_why(objective, saved, why, tmp_path):
    _, subject = folder_of(objective, tmp_path / "run", saved)
    assert subject.adversary is None and subject.generator == why
