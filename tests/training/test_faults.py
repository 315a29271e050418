"""What a run does when something happens to it."""

import csv
import errno
import os
import pickle
import resource
import shutil
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest
from small_runs import NATURAL, FailAt, table

from dat_keras.architectures import ARCHITECTURES
from dat_keras.optimizers.schedules import ConstantConfig
from dat_keras.training import checkpoint
from dat_keras.training.build import build
from dat_keras.training.end_at_signal import EndAtSignal
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.rollback import FACTOR, MOST, slowed, state_before
from dat_keras.training.run_callbacks import RunCheckpoint
from dat_keras.training.train import train
from dat_keras.utils.errors import (
    DamagedFileError,
    RunFolderError,
    RunInterruptedError,
    TrainingDivergedError,
)
from dat_keras.utils.files import temporary_path
from dat_keras.utils.run_folder import RunFolder
from dat_keras.utils.stop_children import STOP

FILES = ("best.safetensors", "last.safetensors")


@pytest.fixture(scope="module")
def natural(colours, make_tiny):
    """Two epochs of three steps on the tiny net; quick to trace."""

    def tiny(num_classes, input_shape, branches=1, width=None):
        return make_tiny(branches, num_classes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "resnet8", tiny)
        yield replace(NATURAL, dataset=str(colours), limit=None, batch_size=12)


def test_a_sentence_begins_a_line_below_the_bar(natural, tmp_path, capsys):
    options = RunOptions(verbose=1, say=print)
    train(replace(natural, epochs=1), tmp_path / "run", options=options)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("projected time:") for line in lines) == 1


class At(keras.callbacks.Callback):
    """Calls a function at a moment of a run, once."""

    def __init__(self, moment, step, function):
        super().__init__()
        self.step, self.function, self.done = step, function, False
        setattr(self, moment, self.act)

    def act(self, *args, **kwargs):
        if int(self.model.step.numpy()) == self.step and not self.done:
            self.done = True
            self.function()


@pytest.fixture(scope="module")
def whole(natural, tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(natural, folder)
    return folder


def resumed(recipe, run):
    said = []
    train(recipe, run, options=RunOptions(resume=True, say=said.append))
    return said


def same_files(run, other):
    return table(run) == table(other) and all(
        (run / name).read_bytes() == (other / name).read_bytes()
        for name in FILES
    )


def send(number):
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_signal_saves_the_step_under_way(
    number, code, natural, whole, tmp_path
):
    run, before = tmp_path / "run", signal.getsignal(number)
    # The second step is under way when it comes.
    comes = At("on_train_batch_begin", 1, send(number))
    with pytest.raises(RunInterruptedError) as caught:
        train(natural, run, options=RunOptions(callbacks=(comes,)))
    assert caught.value.exit_code == code
    (line,) = str(caught.value).splitlines()
    assert f"{signal.Signals(number).name} after step 2" in line
    assert "saved in" in line and "goes on from step 2" in line
    assert [p.name for p in checkpoint.steps(run / "checkpoints")] == [
        "step-00000002"
    ]
    assert signal.getsignal(number) is before
    resumed(natural, run)
    assert same_files(run, whole)


@pytest.mark.parametrize(
    ("moment", "step", "at"),
    [
        ("on_train_batch_begin", 0, "nothing was saved.*goes on from 0"),
        ("on_test_begin", 3, "goes on from step 2"),
        ("on_epoch_begin", 3, "goes on from step 3"),
    ],
)
def test_a_signal_where_nothing_can_be_saved_ends_at_once(
    moment, step, at, natural, whole, tmp_path
):
    """The last step of an epoch, above all, is not taken for its end."""
    run = tmp_path / "run"
    comes = At(moment, step, send(signal.SIGTERM))
    options = RunOptions(callbacks=(comes,), checkpoint_seconds=0.0)
    with pytest.raises(RunInterruptedError, match=at):
        train(natural, run, options=options)
    resumed(natural, run)
    assert same_files(run, whole)


def test_a_second_signal_does_not_wait(tmp_path):
    saving = RunCheckpoint(tmp_path, tmp_path / "w", 1.0, 3)
    ending, saving.unsaved = EndAtSignal(saving), True
    ending.receive(signal.SIGTERM)
    with pytest.raises(RunInterruptedError, match="SIGINT.*nothing was saved"):
        ending.receive(signal.SIGINT)


@pytest.mark.parametrize(
    "numbers", [(signal.SIGTERM, STOP, STOP), (STOP, STOP, signal.SIGTERM)]
)
def test_a_request_to_stop_beside_a_signal_changes_nothing(numbers, tmp_path):
    """In either order: a scheduler may signal this process too."""
    saving = RunCheckpoint(tmp_path, tmp_path / "w", 1.0, 3)
    ending, saving.unsaved = EndAtSignal(saving), True
    for number in numbers:
        ending.receive(number)
    with pytest.raises(RunInterruptedError):
        ending.receive(signal.SIGTERM)


def test_a_request_to_stop_saves_the_step_under_way(natural, tmp_path):
    comes = At("on_train_batch_begin", 1, send(STOP))
    with pytest.raises(RunInterruptedError, match="goes on from step 2"):
        train(natural, tmp_path, options=RunOptions(callbacks=(comes,)))


def test_what_cpp_makes_of_an_interruption_is_one_again(tmp_path):
    saving = RunCheckpoint(tmp_path, tmp_path / "w", 1.0, 3)
    ending = EndAtSignal(saving)
    with (
        pytest.raises(RunInterruptedError, match="--resume goes on from 0"),
        ending.installed(),
    ):
        try:
            signal.raise_signal(signal.SIGINT)
        except RunInterruptedError:
            raise RuntimeError("pybind11::error_already_set") from None
    with pytest.raises(RuntimeError, match="own"):
        with EndAtSignal(saving).installed():
            raise RuntimeError("own")


def test_an_interruption_crosses_processes():
    copy = pickle.loads(pickle.dumps(RunInterruptedError("stopped", 15)))
    assert (str(copy), copy.exit_code) == ("stopped", 143)
    assert not isinstance(copy, Exception)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["STATE", "METRICS", "MANIFEST"])
@pytest.mark.parametrize("damage", [truncate, flip, os.remove])
def test_a_damaged_checkpoint_gives_way_to_the_previous(
    file, damage, whole, tmp_path
):
    folder, said = tmp_path / "checkpoints", []
    shutil.copytree(whole / "checkpoints", folder)
    first, second = checkpoint.steps(folder)
    damage(second / getattr(checkpoint, file))
    assert checkpoint.newest(folder, said.append) == first
    (sentence,) = said
    assert f"{second} is damaged" in sentence
    damage(first / getattr(checkpoint, file))
    with pytest.raises(DamagedFileError, match="every checkpoint.*overwrite"):
        checkpoint.newest(folder, said.append)


def test_a_run_goes_on_from_the_previous_checkpoint(natural, whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    last = run / "checkpoints" / "step-00000006"
    flip(last / checkpoint.STATE)
    said = resumed(natural, run)
    assert any(f"{last} is damaged" in each for each in said)
    assert "going on from step-00000003" in said
    assert checkpoint.damage(last) is None
    assert same_files(run, whole)


def test_a_run_killed_before_its_first_checkpoint_begins_again(
    natural, whole, tmp_path
):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    # Killed as the recipe was being written, there is no run yet.
    temporary_path(run.recipe).touch()
    run.check_free(resume=True)
    # As the first checkpoint was: the history has its row already.
    rows = (whole / "history.csv").read_text().splitlines(keepends=True)
    run.history.write_text("".join(rows[:2]))
    shutil.copy(whole / "recipe.json", run.recipe)
    left = temporary_path(checkpoint.path_of(run.checkpoints, 3))
    left.mkdir(parents=True)
    (left / checkpoint.STATE).touch()
    assert "no checkpoint yet: beginning at step 0" in resumed(
        natural, run.path
    )
    assert not left.exists() and not temporary_path(run.recipe).exists()
    assert same_files(run.path, whole)


def test_checkpoints_that_were_deleted_are_missed(natural, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(DamagedFileError, match="though 2 epochs are done"):
        resumed(natural, tmp_path / "run")
    assert same_files(tmp_path / "run", whole)


@pytest.fixture(scope="module")
def model(natural):
    return build(natural, (8, 8, 3), 3, 3)


def test_the_checkpoint_of_the_epochs_beginning_is_kept(model, tmp_path):
    run = tmp_path / "run"
    for step in range(3, 9):
        model.step.assign(step)
        checkpoint.save(model, run, epoch_began=step - step % 3)
    kept = [int(p.name[-1]) for p in checkpoint.steps(run)]
    assert kept == [6, 7, 8]


def test_a_full_disk_is_one_error_and_no_checkpoint(model, tmp_path):
    """HDF5 and NumPy themselves meet a limit of the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (1_000, 20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                checkpoint.save(model, tmp_path / "checkpoints")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not list((tmp_path / "checkpoints").iterdir())
    saved = checkpoint.save(model, tmp_path / "checkpoints")
    files = sum(path.stat().st_size for path in saved.iterdir())
    assert files <= 1.5 * checkpoint._size(model)


def test_a_read_only_folder_is_refused_first(tmp_path, monkeypatch):
    def refuse(folder):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("dat_keras.utils.run_folder.check_writable", refuse)
    with pytest.raises(RunFolderError, match="cannot write.*Read-only"):
        train(NATURAL, tmp_path / "run")


@pytest.fixture(scope="module")
def steep(natural):
    constant = replace(
        natural.optimizer, learning_rate=0.1, schedule=ConstantConfig()
    )
    return replace(natural, epochs=3, optimizer=constant)


class Overflow(keras.callbacks.Callback):
    """Makes the loss infinite at some steps, if the rate is above a bound."""

    def __init__(self, bounds):
        super().__init__()
        self.bounds = bounds

    def on_train_batch_begin(self, batch, logs=None):
        bound = self.bounds.get(int(self.model.step.numpy()), np.inf)
        if float(self.model.optimizer.learning_rate) > bound:
            bias = self.model.classifier.trainable_variables[-1]
            bias.assign(np.full(bias.shape, np.nan))


def rolled(recipe, run, bounds, *more, **options):
    said = []
    options = {"on_nan": "rollback", "say": said.append, **options}
    callbacks = (Overflow(bounds), *more)
    options = RunOptions(callbacks=callbacks, **options)
    return train(recipe, run, options=options), said


BOUNDS = {1: 0.08, 4: 0.02}
"""One rollback in the first epoch, two in the second."""


@pytest.fixture(scope="module")
def rolled_back(steep, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "rolled"
    return run, *rolled(steep, run, BOUNDS)


def test_a_rollback_lowers_the_rate_and_says_so(rolled_back, steep, tmp_path):
    run, model, said = rolled_back
    said = [each for each in said if "not finite" in each]
    assert [each.split(": back to ")[1].split(",")[0] for each in said] == [
        "the untrained model",
        "step-00000003",
        "step-00000003",
    ]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0125)
    with (run / "history.csv").open(newline="") as file:
        factors = [float(row["rate_factor"]) for row in csv.DictReader(file)]
    assert factors == [0.5, 0.125, 0.125]
    # The first epoch is that of a run with half the rate from the start.
    train(replace(slowed(steep, 0.5), epochs=1), tmp_path / "slow")
    assert table(run)[1].rpartition(",")[0] == table(tmp_path / "slow")[1]


def test_rollbacks_depend_on_neither_checkpoints_nor_kills(
    rolled_back, steep, tmp_path
):
    every = {"resume": True, "checkpoint_seconds": 0.0}
    with pytest.raises(KeyboardInterrupt):
        dies = FailAt(5, KeyboardInterrupt())
        rolled(steep, tmp_path / "cut", BOUNDS, dies, **every)
    rolled(steep, tmp_path / "cut", BOUNDS, **every)
    assert same_files(tmp_path / "cut", rolled_back[0])


def test_where_a_rollback_goes_and_where_it_cannot(model, tmp_path):
    assert state_before(tmp_path, 2, 3, 1.0) is None
    for step in (3, 4, 5):
        model.step.assign(step)
        checkpoint.save(model, tmp_path, epoch_began=3)
    assert state_before(tmp_path, 5, 3, 0.5).name == "step-00000003"
    assert [p.name for p in checkpoint.steps(tmp_path)] == ["step-00000003"]
    for step, factor, why in [
        (5, FACTOR**MOST, "after 5 rollbacks"),
        (3, 1.0, "first step of an epoch"),
        (8, 1.0, "step-00000006, is not there"),
    ]:
        with pytest.raises(TrainingDivergedError, match=why):
            state_before(tmp_path, step, 3, factor)
    with pytest.raises(ValueError, match="Did you mean 'rollback'"):
        RunOptions(on_nan="rolback")
