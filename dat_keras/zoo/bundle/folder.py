"""Model folders: atomic writing and replacement."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from dat_keras.zoo.bundle.layout import CONFIG, LAYOUT, WEIGHTS
from dat_keras.zoo.errors import ConflictError


def is_model_folder(path: Path) -> bool:
    """Whether a folder looks like a pulled model.

    One whose replacement was interrupted is put back first.

    Example:
    >>> is_model_folder(Path("nowhere"))
    False
    """
    put_back(path)
    return (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def write_folder(
    target: Path, fill: Callable[[Path], None], force: bool = False
) -> None:
    """Writes a temporary sibling folder and renames it to the target.

    Replacing a folder takes two renames. One that is killed between them is
    undone by the next reader or writer.

    Args:
        target: The folder.
        fill: Writes the files into the folder that it is given.
        force: Replace a model that is there; never anything else.

    Raises:
        ConflictError: If something is there.
    """
    check_target(target, force)
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    beside = tempfile.TemporaryDirectory(dir=parent, prefix=f".{target.name}.")
    with beside as name:
        new = Path(name) / "new"
        new.mkdir()
        fill(new)
        check_target(target, force)
        _put(new, target, force)


def put_back(target: Path) -> None:
    """Undoes a replacement that was killed between its two renames.

    Args:
        target: The folder that was being replaced.

    Example:
    >>> put_back(Path("nowhere"))
    """
    aside = _aside(target)
    if aside.is_dir() and not target.exists():
        with contextlib.suppress(OSError):
            aside.rename(target)


def _put(new: Path, target: Path, force: bool) -> None:
    aside = _aside(target)
    if force and target.exists():
        # Left by a replacement that was killed after its second rename.
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        # Another process was faster, or the parent is gone.
        put_back(target)
        check_target(target, force=False)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _aside(target: Path) -> Path:
    """Where the old folder waits; whoever looks for the model finds it."""
    place = target.absolute()
    return place.parent / f".{place.name}.dat_keras-old"


def check_target(target: Path, force: bool) -> None:
    """Refuses a place that is taken.

    Raises:
        ConflictError: If files are there that must not be replaced.
    """
    put_back(target)
    if not target.exists():
        return
    if not target.is_dir():
        raise ConflictError(f"{target} is a file", "choose another --output")
    inside = {
        p.relative_to(target).as_posix()
        for p in target.rglob("*")
        if not p.is_dir() or p.is_symlink()
    }
    if not inside or (force and inside <= set(LAYOUT)):
        return
    foreign = sorted(inside - set(LAYOUT))
    if foreign and force:
        raise ConflictError(
            f"{target} holds files of others ({foreign[0]})",
            "--force replaces pulled models only; choose another --output",
        )
    raise ConflictError(
        f"{target} is not empty", "choose another --output, or use --force"
    )


def copy_into(sources: dict[str, Path], folder: Path) -> None:
    """Copies files into a folder under their names of the layout.

    Args:
        sources: Files by name.
        folder: The folder.

    Example:
    >>> copy_into({}, Path("nowhere"))
    """
    for name, source in sources.items():
        destination = folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
