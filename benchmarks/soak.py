"""Watches a training for hours: memory, file handles, threads, time.

    python -m benchmarks.soak --hours 2 --output FOLDER -- --dataset cifar10 \
        --data-dir D --architecture resnet8 --epochs 1000 --limit 3200

starts `dat-keras train` with what follows `--`; `--process PID --output RUN`
watches one that runs already. One line an epoch goes to soak.csv; at the end
the slopes of straight lines through the rows after the warm-up are printed.
Time is CPU time of the process, which other work on the machine changes little.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

COLUMNS = ("hours", "mib", "files", "threads", "epoch_cpu_s")


def measured(pid: int) -> tuple[float, int, int, float]:
    """Memory in MiB, open files, threads and CPU seconds of a process."""
    process = Path("/proc", str(pid))
    status = dict(
        line.split(":", 1)
        for line in (process / "status").read_text().splitlines()
    )
    times = (process / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (
        int(status["VmRSS"].split()[0]) / 1024,
        len(os.listdir(process / "fd")),
        int(status["Threads"]),
        sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
    )


def epochs_of(run: Path) -> int:
    history = run / "history.csv"
    return history.read_text().count("\n") - 1 if history.exists() else 0


def watch(pid: int, run: Path, file: Path, hours: float) -> None:
    """Writes a row whenever the history of `run` grows."""
    began, seen, spent = time.monotonic(), epochs_of(run), None
    while (past := (time.monotonic() - began) / 3600) < hours:
        time.sleep(0.2)
        epochs = epochs_of(run)
        try:
            *state, cpu = measured(pid)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            click.echo(f"the training ended after {past:.2f} h")
            return
        if epochs > seen:
            if spent is not None:  # the first epoch seen may be a part of one
                epoch = (cpu - spent) / (epochs - seen)
                with file.open("a", newline="") as stream:
                    row = (past, *state, epoch)
                    csv.writer(stream).writerow([f"{x:.7g}" for x in row])
            seen, spent = epochs, cpu


def slopes(file: Path, warm_up: float) -> str:
    """What grew, per hour, after the warm-up."""
    rows = np.array(
        [[float(x) for x in row] for row in csv.reader(file.open())]
    ).reshape(-1, len(COLUMNS))
    rows = rows[rows[:, 0] >= warm_up]
    if len(rows) < 4:
        raise click.ClickException("too short: fewer than 4 epochs remain")
    told = [f"{len(rows)} epochs, {np.ptp(rows[:, 0]):.2f} h"]
    for name, column in zip(COLUMNS[1:], rows.T[1:], strict=True):
        line, covariance = np.polyfit(rows[:, 0], column, 1, cov=True)
        told.append(
            f"{name}: {column[0]:.6g} -> {column[-1]:.6g}, "
            f"{line[0]:+.3g} +- {covariance[0, 0] ** 0.5:.2g} an hour"
        )
    return "\n".join(told)


@click.command()
@click.option("--hours", default=2.0, show_default=True)
@click.option("--warm-up", default=0.1, show_default=True, help="Hours.")
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--process", type=int, help="A training that runs already.")
@click.option("--csv", "file", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(hours, warm_up, output, process, file, arguments):
    """Prints how memory, file handles and the time of an epoch grew."""
    if process and arguments:
        raise click.UsageError("--process takes no arguments of a training")
    file = file or output / "soak.csv"
    if file.exists():
        raise click.ClickException(f"{file} exists")
    started = None
    if not process:
        command = Path(sys.executable).with_name("dat-keras")
        started = subprocess.Popen(
            [command, "train", *arguments, "--output", output]
        )
        process = started.pid
    try:
        watch(process, output, file, hours)
    finally:
        if started:
            started.send_signal(signal.SIGTERM)
            started.wait()
    click.echo(slopes(file, warm_up))


if __name__ == "__main__":
    main()
