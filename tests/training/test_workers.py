"""Two processes on loopback train as one, and end together."""

import csv
import json
import signal

import numpy as np
import pytest
from small_runs import table, uneven
from two_workers import COMMAND, ended, start

from dat_keras.core.weights import fingerprint
from dat_keras.training import checkpoint
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train

IN_PYTHON = """
import sys
from pathlib import Path

from small_runs import uneven

from dat_keras.core.weights import fingerprint
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train

run = Path(sys.argv[2])
options = RunOptions(distribute="multiworker", say=print)
model = train(uneven(sys.argv[1]), run, options=options)
print(fingerprint(model.classifier))
"""


@pytest.fixture(scope="module")
def together(colours, tmp_path_factory):
    """A run of two processes, and what they printed."""
    run = tmp_path_factory.mktemp("together") / "run"
    processes = ended(start(IN_PYTHON, colours, run), timeout=300)
    assert [code for code, *_ in processes] == [0, 0], processes
    return run, [out.splitlines() for _, out, _ in processes]


@pytest.fixture(scope="module")
def alone(colours, tmp_path_factory):
    """The same run in this process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    return run, train(uneven(colours), run)


def rows(run):
    with (run / "history.csv").open(newline="") as file:
        return [
            {k: float(v) for k, v in row.items() if k != "seconds"}
            for row in csv.DictReader(file)
        ]


def test_two_processes_do_what_one_does(together, alone):
    for two, one in zip(rows(together[0]), rows(alone[0]), strict=True):
        for name, value in one.items():
            # One image of twelve may be on the boundary.
            spare = {"abs": 0.09} if "accuracy" in name else {"rel": 1e-3}
            assert two[name] == pytest.approx(value, **spare), name


def test_all_workers_hold_the_same_bits(together):
    run, said = together
    first, second = (lines[-1] for lines in said)
    assert first == second


def test_one_of_them_writes(together, alone):
    """And the files are those of any run."""
    run, said = together
    files = {p.relative_to(run) for p in run.rglob("*")}
    assert files == {p.relative_to(alone[0]) for p in alone[0].rglob("*")}
    for index, lines in enumerate(said):
        assert lines[0].startswith(f"worker {index} of 2 waits for 127.0.0.1:")
        assert "multiworker: 2 replicas share each batch" in lines


def test_one_process_reads_what_two_wrote(together, colours):
    """The run goes on, here for no further step, with the same weights."""
    run, said = together
    model = train(
        uneven(colours), run, options=RunOptions(resume=True, say=said.append)
    )
    assert fingerprint(model.classifier) == said[0][-1]
    assert "the run is finished: 2 epochs are done" in said


def test_rollback_and_odd_addresses_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="several processes is 'stop'"):
        RunOptions(distribute="multiworker", on_nan="rollback")
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="Received: no TF_CONFIG"):
        train(
            uneven("nowhere"),
            "run",
            options=RunOptions(distribute="multiworker"),
        )


STEPS = """
import json, sys

from replicas import differences

from dat_keras.training.distribution import multi_worker

strategy = multi_worker(lambda sentence: None)
for name in sys.argv[1:]:
    print(json.dumps([name, differences(strategy, name)]))
"""


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["natural", "dat awp"], marks=pytest.mark.thorough),
        pytest.param(
            ["trades", "dat fused", "dat sequential", "las-at"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=" ".join,
)
def test_ten_steps_of_two_processes_are_those_of_one(names):
    """See `replicas.py` for why they are, on every machine."""
    for code, out, error in ended(start(STEPS, *names), timeout=600):
        assert code == 0, error
        found = dict(json.loads(line) for line in out.splitlines())
        assert list(found) == names
        for name, each in found.items():
            worst = max(each, key=each.get)
            assert each[worst] < 1e-3, (name, worst, each[worst])


COMMON = ("--method", "natural", "--architecture", "resnet8", "--epochs", "2")
NEVER = -1


def trained(dataset, run, dies=(NEVER, NEVER), number=signal.SIGKILL, *more):
    """Starts the command twice; a signal ends each before a step."""
    size = ("--limit", "33", "--batch-size", "11", "--set", "width=2")
    where = ("--dataset", dataset, "--output", run)
    return start(
        COMMAND,
        int(number),
        "train",
        *COMMON,
        *size,
        *where,
        "--distribute",
        "multiworker",
        *more,
        environment=[{"DIES_AT": str(step)} for step in dies],
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("dies", "number"),
    [
        ((NEVER, 4), signal.SIGKILL),
        ((4, NEVER), signal.SIGKILL),
        ((NEVER, 4), signal.SIGTERM),
    ],
    ids=["second killed", "first killed", "second told to end"],
)
def test_a_worker_that_ends_takes_the_others_along(
    dies, number, colours, unkilled, tmp_path
):
    """And all of them, started again, end with the bits of an unkilled run."""
    run = tmp_path / "run"
    processes = trained(colours, run, dies, number)
    gone = dies.index(4)
    processes[gone].wait(timeout=200)
    # It writes little: no pipe is full before both have ended.
    processes[1 - gone].wait(timeout=60)
    results = ended(processes)
    code, _, error = results[1 - gone]
    lines = error.splitlines()
    assert not any("Traceback" in line for line in lines), error
    if number == signal.SIGTERM:
        # Both save the step under way, and stop.
        assert [each[0] for each in results] == [143, 143], results
        assert "goes on from step 5" in lines[-1]
    else:
        assert code == 10
        assert "another worker has ended" in lines[-1]
        assert "goes on from step-00000004" in lines[-1]
    results = ended(trained(colours, run, (NEVER,) * 2, number, "--resume"))
    assert [each[0] for each in results] == [0, 0], results
    assert table(run) == table(unkilled)
    for name in ("best.safetensors", "last.safetensors"):
        assert (run / name).read_bytes() == (unkilled / name).read_bytes()
    assert means(run) == means(unkilled)


def means(run):
    """The parts of each worker in the sums of the last epoch."""
    last = checkpoint.path_of(run / "checkpoints", 6)
    assert checkpoint.damage(last) is None
    with np.load(last / checkpoint.METRICS) as values:
        return {k: v.tolist() for k, v in values.items()}


@pytest.fixture(scope="module")
def unkilled(colours, tmp_path_factory):
    run = tmp_path_factory.mktemp("unkilled") / "run"
    results = ended(trained(colours, run), timeout=300)
    assert [each[0] for each in results] == [0, 0], results
    # The first prints its table, the second nothing.
    assert "pgd20" in results[0][1] and not results[1][1]
    return run
