"""Kills a training at random moments and compares it with an unkilled one.

    python -m benchmarks.kill_and_resume --seconds 600 --output FOLDER

DAT+AWP with a weight average on `shapes`. Each process of the training is
ended by SIGKILL at a moment drawn at random; `--resume` starts the next one.
Once the run is finished its weights, its history (but for the seconds) and
its best weights must be those of the unkilled run, bit by bit; then another
run begins, with other moments.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

STEPS, EPOCHS = 8, 8
FILES = ("best.safetensors", "last.safetensors")


def recipe():
    from dat_keras.objectives.weight_perturbation import WeightPerturbation
    from dat_keras.optimizers.weight_averaging import Averaging
    from dat_keras.recipes import RECIPES

    base = RECIPES["dat-shapes-resnet8"]
    return replace(
        base,
        name="dat+awp-shapes-resnet8",
        weight_perturbation=WeightPerturbation(0.005),
        averaging=Averaging(decay=0.9, start=0.1),
        limit=16 * STEPS,
        batch_size=16,
        epochs=EPOCHS,
        width=4,
        eval_attack=replace(base.eval_attack, steps=2),
    )


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after(function):
    def call(*args, **kwargs):
        function(*args, **kwargs)
        die()

    return call


class At:
    """Calls a function at the first moment from a step on."""

    def __new__(cls, step, moment, function):
        import keras

        class Moment(keras.callbacks.Callback):
            def act(self, *args, **kwargs):
                if int(self.model.step.numpy()) >= step:
                    function()

        callback = Moment()
        setattr(callback, moment, callback.act)
        return callback


def in_attack(step, share):
    """Some milliseconds after a step has begun."""

    def later():
        threading.Timer(0.25 * share, die).start()

    return [At(step, "on_train_batch_begin", later)]


def in_update(step, share):
    """In the graph, with some of the weights updated."""
    import tensorflow as tf

    from dat_keras.optimizers import SGD

    original, armed, seen = SGD.update_step, [], []

    def update_step(self, gradient, variable, learning_rate):
        seen.append(variable)
        if len(seen) == 1 + int(15 * share):
            run = tf.py_function(lambda: armed and die() or 0, [], tf.int32)
            with tf.control_dependencies([run]):
                gradient = tf.identity(gradient)
        original(self, gradient, variable, learning_rate)

    SGD.update_step = update_step
    return [At(step, "on_train_batch_begin", lambda: armed.append(1))]


def in_checkpoint(step, share):
    """Before, between and after the files, or while old ones are removed."""
    from dat_keras.training import checkpoint

    places = [
        (checkpoint.np, "savez"),
        (checkpoint, "write_json"),
        (checkpoint, "_flush"),
        (checkpoint.shutil, "rmtree"),
    ]
    owner, name = places[int(share * len(places))]

    def arm():
        wrap = dies_after if share * 8 % 2 < 1 else lambda function: die
        setattr(owner, name, wrap(getattr(owner, name)))

    return [At(step, "on_train_batch_end", arm)]


def between_epochs(step, share):
    """In a validation, or between history, best, last and checkpoint."""
    from dat_keras.training import checkpoint, run_callbacks

    if share < 0.3:
        return [At(step, "on_test_batch_end", die)]
    places = [
        (run_callbacks, "write_whole"),
        (run_callbacks, "save_classifier"),
        (run_callbacks.BestClassifier, "on_epoch_end"),
        (checkpoint, "save"),
    ]
    owner, name = places[int((share - 0.3) / 0.7 * len(places))]

    def arm():
        setattr(owner, name, dies_after(getattr(owner, name)))

    return [At(step, "on_test_begin", arm)]


def before_first(step, share):
    """Before a first step, in its trace or in data and imports."""
    threading.Timer(20.0 * share, die).start()
    return []


MOMENTS = {
    "attack": in_attack,
    "update": in_update,
    "checkpoint": in_checkpoint,
    "epochs": between_epochs,
    "start": before_first,
}


def child(folder: Path, moment: str, step: int, share: float, every: float):
    """Trains on, until the moment comes or the run is finished."""
    callbacks = MOMENTS[moment](step, share) if moment else []
    from dat_keras.training.train import RunOptions, train

    train(
        recipe(),
        folder,
        options=RunOptions(
            resume=True, callbacks=callbacks, checkpoint_seconds=every
        ),
    )


def start(folder, moment="", step=0, share=0.0, every=120.0):
    """Runs a process to its end; returns its exit status."""
    arguments = [folder, moment, step, share, every]
    command = [sys.executable, "-m", __spec__.name, "--child"]
    done = subprocess.run(
        [*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True
    )
    if done.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"{arguments}: {done.stderr[-3000:]}")
    return done.returncode


def steps_done(folder: Path) -> int:
    kept = sorted(folder.glob("checkpoints/step-????????"))
    return int(kept[-1].name[5:]) if kept else 0


def table(folder: Path) -> list[str]:
    rows = (folder / "history.csv").read_text().splitlines()
    return [row.rpartition(",")[0] for row in rows]


def state(folder: Path) -> list[bytes]:
    """Everything of the last checkpoint, and the classifiers."""
    import h5py

    found: list[bytes] = []

    def collect(name, item):
        found.append(name.encode())
        if isinstance(item, h5py.Dataset):
            found.append(item[()].tobytes())

    last = sorted(folder.glob("checkpoints/step-????????"))[-1]
    with h5py.File(last / "state.weights.h5") as file:
        file.visititems(collect)
    return found + [(folder / name).read_bytes() for name in FILES]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=5)
    given = parser.parse_args()
    if given.child:
        folder, moment, *numbers = given.child
        step, share, every = map(float, numbers)
        return child(Path(folder), moment, int(step), share, every)
    draw, began = random.Random(given.seed), time.monotonic()
    whole = given.output / "whole"
    start(whole)
    kills: Counter = Counter()
    runs = 0
    while time.monotonic() - began < given.seconds:
        folder = given.output / f"killed-{runs}"
        while True:
            late = time.monotonic() - began >= given.seconds
            before = steps_done(folder)
            moment = "" if late else draw.choice(list(MOMENTS))
            if not late and not folder.exists():
                moment = "start"
            code = start(
                folder,
                moment,
                before + draw.randrange(1, 6),
                draw.random(),
                draw.choice([0.0, 0.3, 120.0]),
            )
            done = steps_done(folder)
            print(f"{moment or 'none'}: step {before} -> {done}, exit {code}")
            if code == 0:
                break
            kills[moment] += 1
        runs += 1
        same = table(folder) == table(whole) and state(folder) == state(whole)
        print(f"run {runs}: {dict(kills)}, equal bits: {same}", flush=True)
        if not same:
            raise SystemExit("the killed run ended otherwise")
    print(f"{sum(kills.values())} kills in {runs} runs, {dict(kills)}: equal")


if __name__ == "__main__":
    main()
