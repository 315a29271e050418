"""Base classes of errors that the user can correct, each one line of text."""

from __future__ import annotations


class DatKerasError(Exception):
    """Base of the project's own errors; the command exits with `exit_code`."""

    exit_code = 2


class RunFolderError(DatKerasError):
    """A run folder is missing, taken, or not a run."""


class ProcessDiedError(DatKerasError):
    """A process of ours ended before its work was done."""

    exit_code = 1


class DamagedFileError(DatKerasError):
    """A file is missing, truncated or does not fit; nothing was changed."""

    exit_code = 6


class TrainingDivergedError(DatKerasError):
    """The loss stopped being a number."""

    exit_code = 8


class WorkerLostError(DatKerasError):
    """Another process of a multi-worker run has ended."""

    exit_code = 10


class MissingPackageError(DatKerasError):
    """An optional package is not installed."""


class LogError(DatKerasError):
    """A library that logs a run cannot begin."""


class RunInterruptedError(KeyboardInterrupt):
    """SIGTERM or Ctrl-C ended a run that can be resumed.

    Like `KeyboardInterrupt` it is no `Exception`.

    Args:
        message: What is saved.
        signal: Number of the signal; the command exits with 128 more, as a
            shell reports a program that a signal ended.

    Example:
    >>> RunInterruptedError("stopped", 15).exit_code
    143
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal

    def __reduce__(self) -> tuple:
        """Survives the way from one process to another."""
        return type(self), (str(self), self.exit_code - 128)
