"""Seconds of a step and peak memory."""

import json

import pytest

from dat_keras.profiling.step_timer import StepCosts, peak_memory


@pytest.fixture
def measured(tmp_path):
    """Runs epochs whose steps end at given times; returns what was kept."""
    path = tmp_path / "costs.json"

    def run(*epochs):
        times = iter([t for epoch in epochs for t in (epoch[0], *epoch)])
        costs = StepCosts(path, skip=2, clock=lambda: next(times))
        for epoch, ends in enumerate(epochs):
            costs.on_epoch_begin(epoch)
            for batch in range(len(ends)):
                costs.on_train_batch_end(batch)
            costs.on_epoch_end(epoch)
        return json.loads(path.read_text())

    return run


def test_the_median_leaves_out_the_first_steps_and_the_gap_of_an_epoch(
    measured,
):
    # Steps of 1, 1 and 3 s, then of 5 and 5; 100 s of validation between.
    found = measured((50, 60, 61, 62, 65), (165, 175, 180, 185))
    assert found["seconds_per_step"] == 3
    assert found["steps_timed"] == 5


def test_an_epoch_without_a_timed_step_keeps_what_was_measured(measured):
    assert measured((1, 2))["seconds_per_step"] is None
    assert measured((1, 2, 4))["seconds_per_step"] == 2
    assert measured((1,))["seconds_per_step"] == 2


def test_peak_memory_is_the_mark_of_this_process(tmp_path):
    status = tmp_path / "status"
    status.write_text("VmPeak:\t 9000 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 7 kB\n")
    assert peak_memory(status) == 2048 * 1024
    block = bytearray(b"x") * 2**24
    assert len(block) < peak_memory() < 2**36
    assert len(block) < peak_memory(tmp_path / "none") < 2**36
