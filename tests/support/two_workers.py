"""Two processes on loopback that train together.

    start(code, *arguments)

runs Python code in both, under a `TF_CONFIG` that names them. `COMMAND` is
`dat-keras`, in a process that a signal may end.
"""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

SUPPORT = str(Path(__file__).parent)

COMMAND = """
import functools, os, signal, sys
import dat_keras.cli._training as training
from dat_keras.cli import main

class Dying(training.CheckFit):
    def on_train_batch_begin(self, batch, logs=None):
        step = int(self.model.step.numpy())
        if step == int(os.environ["DIES_AT"]):
            os.kill(os.getpid(), number)

number = int(sys.argv.pop(1))
training.CheckFit = Dying
training.RunOptions = functools.partial(
    training.RunOptions, checkpoint_seconds=0.0
)
main()
"""
"""The command, with a checkpoint after each step; its first argument is the
signal that comes before the step that `DIES_AT` names."""


def start(code, *arguments, environment=({}, {})):
    """Starts both processes.

    Args:
        code: Python code.
        arguments: For both.
        environment: Further variables of each.
    """
    with ExitStack() as held:
        sockets = [
            held.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(2)
        ]
        addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    return [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(
                    [SUPPORT, os.environ.get("PYTHONPATH", "")]
                ),
                "TF_NUM_INTRAOP_THREADS": "1",
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": {"worker": addresses},
                        "task": {"type": "worker", "index": index},
                    }
                ),
                **environment[index],
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def ended(processes, timeout=None):
    """Waits for processes; returns (exit code, stdout, stderr) of each."""
    try:
        outputs = [p.communicate(timeout=timeout) for p in processes]
    finally:
        for process in processes:
            process.kill()
    return [(p.returncode, *o) for p, o in zip(processes, outputs, strict=True)]
