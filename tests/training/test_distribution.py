"""Runs on all local devices: the same numbers, files and resumption."""

import csv
from dataclasses import replace

import pytest
from small_runs import NATURAL, table

from dat_keras.training.distribution import mirrored
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train

pytestmark = pytest.mark.usefixtures("small_shapes")
# Batches of 9 images, which two replicas cannot share evenly.
UNEVEN = replace(NATURAL, batch_size=9)


def rows(run):
    with (run / "history.csv").open(newline="") as file:
        return [
            {k: float(v) for k, v in row.items() if k != "seconds"}
            for row in csv.DictReader(file)
        ]


@pytest.mark.thorough
def test_a_mirrored_run_is_the_run_of_one_device(tmp_path):
    said = []
    for name in ("none", "mirrored"):
        options = RunOptions(distribute=name, say=said.append)
        train(UNEVEN, tmp_path / name, options=options)
    assert "mirrored: 2 replicas share each batch" in said
    one, two = rows(tmp_path / "none"), rows(tmp_path / "mirrored")
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, rel=1e-3, abs=0.04)
    # A finished run stays as it is.
    before = table(tmp_path / "mirrored")
    train(
        UNEVEN,
        tmp_path / "mirrored",
        options=RunOptions(distribute="mirrored", resume=True),
    )
    assert table(tmp_path / "mirrored") == before


def test_a_process_has_one_mirrored_strategy():
    assert mirrored() is mirrored()


def test_an_unknown_distribution_is_refused():
    with pytest.raises(ValueError, match="mirrored"):
        RunOptions(distribute="mirored")
