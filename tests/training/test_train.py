import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from small_runs import NATURAL, TINY, FailAt, table

from dat_keras.core.weights import fingerprint
from dat_keras.optimizers.schedules import ConstantConfig, CosineConfig
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.recipes.additions import extended
from dat_keras.training import checkpoint
from dat_keras.training.build import build
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.resume import check_same
from dat_keras.training.run_info import RunInfo, load_classifier
from dat_keras.training.train import train
from dat_keras.utils.errors import (
    DamagedFileError,
    RunFolderError,
    TrainingDivergedError,
)
from dat_keras.utils.files import contents
from dat_keras.utils.locks import locked
from dat_keras.utils.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("small_shapes")

KILLED = """
import sys
from pathlib import Path
from benchmarks.kill_and_resume import MOMENTS
from dat_keras import data
from dat_keras.recipes import Recipe
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train

sizes = {"train": 24, "validation": 64}
data.load = lambda name, names, *, batch_size, limit, seed, data_dir: tuple(
    data.Batches(
        data.load_split(name, n).take(sizes[n]),
        batch_size,
        shuffle=n == "train",
        seed=seed,
    )
    for n in names
)
recipe = Recipe.read(Path(sys.argv[1]))
moment, step, share = sys.argv[3], *map(float, sys.argv[4:])
callbacks = MOMENTS[moment](int(step), share)
options = RunOptions(resume=True, callbacks=callbacks, checkpoint_seconds=0.0)
train(recipe, Path(sys.argv[2]), options=options)
"""


class VariablesMade(keras.callbacks.Callback):
    """Notes how many variables were made before each epoch and in all."""

    def __init__(self):
        super().__init__()
        self.count, self.counts = 0, []

    def counted(self, make, **settings):
        self.count += 1
        return make(**settings)

    def on_epoch_begin(self, epoch, logs=None):
        self.counts.append(self.count)

    def on_train_end(self, logs=None):
        self.counts.append(self.count)


@pytest.fixture(scope="module")
def variables():
    return VariablesMade()


@pytest.fixture(scope="module")
def finished(tmp_path_factory, small_shapes, variables):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with tf.variable_creator_scope(variables.counted):
        train(TINY, folder, options=RunOptions(callbacks=[variables]))
    return folder


def test_an_epoch_after_the_first_makes_no_variables(finished, variables):
    """TensorFlow keeps memory for each until the process ends."""
    before, first, second = variables.counts
    assert 0 < before <= first == second


def test_a_run_leaves_its_files(finished):
    run = RunFolder(finished)
    assert RunInfo.read(run.recipe).recipe == TINY
    assert len(table(finished)) == 1 + TINY.epochs
    # Its attack has one step.
    assert "train_accuracy_step,train_accuracy_pgd" in table(finished)[0]
    assert [p.name for p in checkpoint.steps(run.checkpoints)] == [
        "step-00000003",
        "step-00000006",
    ]
    assert load_classifier(finished, "last").info.class_names


def kill(run, moment, step, share):
    """Trains in another process until it kills itself.

    Returns:
        The step of the newest checkpoint, None if there is none.
    """
    recipe = run.with_name("recipe.json")
    recipe.write_text(TINY.to_json())
    killed = subprocess.run(
        [
            *(sys.executable, "-c", KILLED, recipe, run),
            *(moment, str(step), str(share)),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    kept = checkpoint.steps(run / "checkpoints")
    return int(kept[-1].name[5:]) if kept else None


def assert_ends_with_the_same_bits(run, finished):
    train(TINY, run, options=RunOptions(resume=True))
    for name in ("best.safetensors", "last.safetensors"):
        assert (run / name).read_bytes() == (finished / name).read_bytes()
    assert table(run) == table(finished)


def test_killed_and_resumed_ends_with_the_same_bits(finished, tmp_path):
    run = tmp_path / "run"
    # With the second checkpoint half written;
    assert kill(run, "checkpoint", 2, 0.0) == 1
    # and at the end of the epoch, with the history written already.
    assert kill(run, "epochs", 3, 0.4) == 2
    assert len(table(run)) == 2
    assert_ends_with_the_same_bits(run, finished)


@pytest.mark.thorough
def test_killed_in_the_first_update_it_begins_again(finished, tmp_path):
    run = tmp_path / "run"
    assert kill(run, "update", 0, 0.5) is None
    assert_ends_with_the_same_bits(run, finished)


def test_resuming_a_finished_run_changes_nothing(finished):
    before = (finished / "last.safetensors").read_bytes()
    model = train(TINY, finished, options=RunOptions(resume=True))
    assert int(model.step.numpy()) == 6
    assert (finished / "last.safetensors").read_bytes() == before


def test_a_taken_folder_is_refused(finished, tmp_path):
    with pytest.raises(RunFolderError, match="--resume or --overwrite"):
        train(TINY, finished)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(RunFolderError, match="other files"):
        train(TINY, tmp_path)
    with pytest.raises(RunFolderError, match="other files"):
        train(TINY, tmp_path, options=RunOptions(resume=True))
    with pytest.raises(ValueError, match="give either"):
        RunOptions(resume=True, overwrite=True)


class Intruder(keras.callbacks.Callback):
    """Starts a second training in the folder of the first."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.refused = []

    def on_train_begin(self, logs=None):
        for options in (
            RunOptions(),
            RunOptions(resume=True),
            RunOptions(overwrite=True),
        ):
            with pytest.raises(RunFolderError, match="another process"):
                train(NATURAL, self.folder, options=options)
            self.refused.append(options)


def test_one_training_at_a_time_works_in_a_folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").touch()
    intruder = Intruder(tmp_path / "run")
    train(
        replace(NATURAL, epochs=1),
        tmp_path / "run",
        options=RunOptions(overwrite=True, callbacks=(intruder,)),
    )
    assert len(intruder.refused) == 3
    assert load_classifier(tmp_path / "run", "last").info.recipe.epochs == 1
    with locked(tmp_path / "run"):
        pass


def test_bad_settings_leave_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="batch"):
        train(replace(TINY, batch_size=1000), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("step", first_of([0, 2], (2,)))
def test_a_run_cut_off_in_its_first_epoch_can_be_resumed(step, tmp_path):
    cut = FailAt(step, KeyboardInterrupt())
    whole, run = tmp_path / "whole", tmp_path / "run"
    recipe = replace(NATURAL, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, run, options=RunOptions(callbacks=(cut,)))
    assert not checkpoint.steps(run / "checkpoints")
    train(recipe, run, options=RunOptions(resume=True))
    # So does a run that was never begun: the same line restarts a job.
    train(recipe, whole, options=RunOptions(resume=True))
    for name in ("best.safetensors", "last.safetensors"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


def test_nothing_is_left_of_a_run_that_trained_nothing(tmp_path):
    for made, run in enumerate((tmp_path / "new", tmp_path / "there")):
        if made:
            run.mkdir()
        options = RunOptions(callbacks=(FailAt(0, ValueError("bad")),))
        with pytest.raises(ValueError, match="bad"):
            train(NATURAL, run, options=options)
        assert run.exists() == bool(made)
        assert not made or not contents(run)


def test_a_run_is_resumed_as_itself_or_longer(tmp_path):
    run, whole, said = tmp_path / "run", tmp_path / "whole", []
    resume = RunOptions(resume=True, say=said.append)
    constant = replace(NATURAL.optimizer, schedule=ConstantConfig())
    short = replace(NATURAL, epochs=1, optimizer=constant)
    longer = replace(short, epochs=2)
    train(short, run)
    for other, message in [
        (replace(short, seed=5), "seed=5 where the run has 0"),
        (replace(longer, batch_size=4), "batch_size=4 where the run has 8"),
    ]:
        with pytest.raises(ValueError, match=message):
            train(other, run, options=resume)
    train(longer, run, options=resume)
    train(longer, whole)
    for file in ("best.safetensors", "last.safetensors"):
        assert (run / file).read_bytes() == (whole / file).read_bytes()
    assert table(run) == table(whole)
    assert RunInfo.read(run / "recipe.json").recipe == longer
    said.clear()
    train(longer, run, options=resume)
    assert "the run is finished: 2 epochs are done" in said
    with pytest.raises(ValueError, match="only be made longer"):
        train(short, run, options=resume)


def test_what_depends_on_the_length_is_not_made_longer():
    for change in (
        {"averaging": Averaging()},
        {"optimizer": replace(NATURAL.optimizer, schedule=CosineConfig())},
    ):
        recipe = replace(NATURAL, **change)
        with pytest.raises(ValueError, match="length of the run"):
            check_same(recipe, replace(recipe, epochs=9))


def test_a_full_disk_keeps_the_previous_checkpoint(
    finished, tmp_path, monkeypatch
):
    model = train(replace(NATURAL, epochs=1), tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    model.step.assign(9)

    def full(*args, **kwargs):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(model, folder)
    assert [p.name for p in folder.iterdir()] == ["step-00000003"]
    checkpoint.restore(model, folder)
    assert int(model.step.numpy()) == 3


def test_a_diverging_run_says_where_and_keeps_good_weights(tmp_path):
    recipe = replace(
        NATURAL,
        epochs=3,
        optimizer=replace(NATURAL.optimizer, learning_rate=1e30),
    )
    with pytest.raises(TrainingDivergedError, match=r"not finite at step \d"):
        train(
            recipe, tmp_path / "run", options=RunOptions(checkpoint_seconds=0.0)
        )
    kept = checkpoint.steps(tmp_path / "run" / "checkpoints")
    model = build(recipe, (32, 32, 3), 10, steps_per_epoch=3)
    checkpoint.restore(model, kept[-1].parent)
    assert all(np.isfinite(w.numpy()).all() for w in model.classifier.weights)


@pytest.mark.thorough
def test_another_seed_is_another_run(tmp_path):
    for seed in (0, 1):
        train(replace(NATURAL, seed=seed, epochs=1), tmp_path / str(seed))
    first, second = (load_classifier(tmp_path / s, "last") for s in "01")
    assert first.fingerprint != second.fingerprint


def test_keras_files_load_too(finished, tmp_path):
    model = load_classifier(finished).model.base
    model.save(tmp_path / "net.keras")
    loaded = load_classifier(tmp_path / "net.keras")
    assert loaded.fingerprint == fingerprint(model)
    assert loaded.info is None


def test_other_paths_are_no_classifier(finished, tmp_path):
    with pytest.raises(RunFolderError, match="neither a run folder nor"):
        load_classifier(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_bytes((finished / "recipe.json").read_bytes())
    with pytest.raises(RunFolderError, match="Did you mean '.*/run'"):
        load_classifier(tmp_path / "rum")
    with pytest.raises(DamagedFileError, match="no best weights yet"):
        load_classifier(run)
    (run / "best.safetensors").touch()
    (run / "recipe.json").write_text("{")
    with pytest.raises(DamagedFileError, match=r"cannot read .*recipe\.json"):
        load_classifier(run)


def test_every_term_is_logged(finished):
    with (finished / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1]
    for row in rows:
        total = sum(float(row[term]) for term in TINY.objective.terms)
        assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
        assert 0.0 <= float(row["val_robust_accuracy"]) <= 1.0


@pytest.mark.thorough
def test_a_run_can_measure_the_statistics_of_its_average(tmp_path):
    weights = {}
    for measured in (False, True):
        averaging = Averaging(decay=0.5, start=0.0, measured=measured)
        model = train(
            replace(NATURAL, epochs=1, averaging=averaging),
            tmp_path / str(measured),
        )
        weights[measured] = model.average.values(model.classifier.weights)
    for (w, averaged), (_, found) in zip(*weights.values(), strict=True):
        same = np.array_equal(averaged, found)
        assert same != w.path.endswith(("moving_mean", "moving_variance"))


def test_the_type_of_attacks_is_the_recipes():
    small = replace(NATURAL, attack_dtype="bfloat16")
    assert build(small, (8, 8, 3), 4, 3).attack_dtype == "bfloat16"
    with pytest.raises(ValueError, match="Did you mean 'bfloat16'"):
        replace(NATURAL, attack_dtype="bfloat")


@pytest.mark.thorough
def test_layers_of_keras_cv_resume_with_the_same_bits(tmp_path):
    added = replace(extended(NATURAL, ("gridmask", "augmix")), epochs=1)
    train(added, tmp_path / "whole")
    options = RunOptions(
        callbacks=[FailAt(2, KeyboardInterrupt())], checkpoint_seconds=0.0
    )
    with pytest.raises(KeyboardInterrupt):
        train(added, tmp_path / "cut", options=options)
    train(added, tmp_path / "cut", options=RunOptions(resume=True))
    whole, cut = (tmp_path / name for name in ("whole", "cut"))
    assert table(cut) == table(whole)
    last = [(run / "last.safetensors").read_bytes() for run in (whole, cut)]
    assert last[0] == last[1]


def test_a_run_is_not_resumed_on_other_images(tmp_path):
    run = tmp_path / "run"
    recipe = replace(NATURAL, epochs=1)
    train(recipe, run)
    info = RunInfo.read(run / "recipe.json")
    assert info.train.images == 24
    others = ("zebra", *info.class_names[1:])
    replace(info, class_names=others).write(run / "recipe.json")
    with pytest.raises(ValueError, match="where the run has the class 'zebra'"):
        train(recipe, run, options=RunOptions(resume=True))
