"""Checks of the output of analyses that need neither TensorFlow nor plots."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from dat_keras.utils.errors import RunFolderError
from dat_keras.utils.files import contents
from dat_keras.utils.packages import check_installed

JSON, PAGE = "report.json", "index.html"


def check_plots() -> None:
    """Refuses to begin without matplotlib.

    Raises:
        MissingPackageError: If it is not installed.
    """
    check_installed("matplotlib", "figures", "plots")


def check_file(file: Path) -> None:
    """Refuses a file that cannot be written, before anything is measured.

    Args:
        file: The file; its folder exists.

    Raises:
        RunFolderError: If it is a folder, or its own cannot be written.
    """
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=file.absolute().parent).close()
    except OSError as error:
        raise RunFolderError(f"cannot write {file}: {error.strerror}") from None


def check_output(folder: Path, overwrite: bool = False) -> None:
    """Refuses a folder with other files, or one that cannot be written.

    Args:
        folder: The folder; it need not exist.
        overwrite: Whether an earlier analysis in it may be replaced.

    Raises:
        RunFolderError: If it holds anything else.
    """
    parents = (folder, *folder.absolute().parents)
    existing = next(path for path in parents if path.exists())
    if not existing.is_dir():
        raise RunFolderError(f"{existing} is no folder")
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise RunFolderError(
            f"cannot write to {folder}: {error.strerror}"
        ) from None
    if not folder.exists() or not contents(folder):
        return
    is_analysis = (folder / JSON).is_file() and (folder / PAGE).is_file()
    if not (is_analysis and overwrite):
        what = "an analysis" if is_analysis else "other files"
        raise RunFolderError(
            f"{folder} already holds {what}: choose another folder"
            + (", or pass --overwrite" if is_analysis else "")
        )


def clear_analysis(folder: Path) -> None:
    """Removes the files of an earlier analysis, and no others.

    Args:
        folder: The folder.
    """
    for file in (folder / JSON, folder / PAGE, *folder.glob("*.png")):
        file.unlink(missing_ok=True)
