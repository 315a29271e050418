"""Trains for hours and measures memory, file handles and the time of a step.

    python -m benchmarks.soak --hours 2 --dataset cifar10 --data-dir D

DAT on ResNet-8, in epochs of `--steps` steps, each with its validation and its
checkpoint. One line an epoch goes to `--output`/soak.csv; at the end the
slopes of straight lines through the rows after the warm-up are printed.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

COLUMNS = ("hours", "mib", "files", "threads", "step_ms")
BATCH = 32


def measured() -> tuple[float, int, int]:
    """Memory of this process in MiB, its open files and its threads."""
    status = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
    )
    mib = int(status["VmRSS"].split()[0]) / 1024
    return mib, len(os.listdir("/proc/self/fd")), int(status["Threads"])


def watcher(began: float, hours: float, file: Path):
    import keras

    class Watch(keras.callbacks.Callback):
        """Writes a row after each epoch; ends the run when time is up."""

        def on_epoch_begin(self, epoch, logs=None):
            self.times = []

        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.perf_counter() - self.start)

        def on_epoch_end(self, epoch, logs=None):
            past = (time.monotonic() - began) / 3600
            row = (past, *measured(), 1000 * np.median(self.times))
            with file.open("a", newline="") as stream:
                csv.writer(stream).writerow([f"{x:.6g}" for x in row])
            if past >= hours:
                self.model.stop_training = True

    return Watch()


def slopes(file: Path, warm_up: float) -> str:
    """What grew, per hour, after the warm-up."""
    rows = np.array(
        [[float(x) for x in row] for row in csv.reader(file.open())]
    )
    rows = rows[rows[:, 0] >= warm_up]
    if len(rows) < 3:
        raise click.ClickException("too short: fewer than 3 epochs remain")
    told = [f"{len(rows)} epochs, {np.ptp(rows[:, 0]):.2f} h"]
    for name, column in zip(COLUMNS[1:], rows.T[1:], strict=True):
        line, covariance = np.polyfit(rows[:, 0], column, 1, cov=True)
        told.append(
            f"{name}: {column[0]:.5g} -> {column[-1]:.5g}, "
            f"{line[0]:+.3g} +- {covariance[0, 0] ** 0.5:.2g} an hour"
        )
    return "\n".join(told)


@click.command()
@click.option("--hours", default=2.0, show_default=True)
@click.option("--warm-up", default=0.1, show_default=True, help="Hours.")
@click.option("--dataset", default="shapes", show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
@click.option("--steps", default=100, show_default=True, help="An epoch's.")
@click.option("--output", type=click.Path(path_type=Path))
def main(hours, warm_up, dataset, data_dir, steps, output):
    """Prints how memory, file handles and the time of a step grew."""
    from dat_keras.recipes import choose
    from dat_keras.training.fit_run import RunOptions
    from dat_keras.training.train import train

    output = output or Path(tempfile.mkdtemp())
    output.mkdir(parents=True, exist_ok=True)
    file = output / "soak.csv"
    recipe = replace(
        choose(dataset, "dat", "resnet8"),
        limit=steps * BATCH,
        batch_size=BATCH,
        validation_images=100,
        epochs=100_000,
    )
    watch = watcher(time.monotonic(), hours, file)
    train(
        recipe,
        output / "run",
        data_dir=data_dir,
        options=RunOptions(callbacks=(watch,)),
    )
    click.echo(slopes(file, warm_up))


if __name__ == "__main__":
    main()
