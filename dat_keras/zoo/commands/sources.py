"""Kinds of model sources (path, zoo name, Hub), checked without TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path

from dat_keras.utils.presets import is_preset
from dat_keras.utils.registry import lookup
from dat_keras.utils.run_folder import WEIGHTS, RunFolder
from dat_keras.zoo.bundle.folder import is_model_folder
from dat_keras.zoo.commands.bundled import find
from dat_keras.zoo.errors import BadReferenceError
from dat_keras.zoo.hub.reference import HubRef, parse


def is_run(path: Path) -> bool:
    """Whether a path is a run folder.

    Example:
    >>> is_run(Path("nowhere"))
    False
    """
    return RunFolder(path).recipe.is_file()


def is_path(path: Path) -> bool:
    """Whether a user means a path, be it there or not.

    What exists, or lies in a folder that does, is a path. Anything else that
    can be a reference is one.

    Args:
        path: What the user wrote.

    Example:
    >>> is_path(Path("somebody/their-net")), is_path(Path("net.keras"))
    (False, True)
    """
    inside = path.parent != Path(".") and path.parent.is_dir()
    if path.exists() or inside or path.suffix == ".keras":
        return True
    try:
        parse(str(path))
    except BadReferenceError:
        # `hf://` loses a slash in a path, and is none.
        return not str(path).startswith("hf:")
    return False


def check_source(source: str, weights: str) -> None:
    """Refuses what is no model, before anything heavy is imported.

    Repositories are not asked for, and no file is read to its end.

    Args:
        source: What `load_source` takes.
        weights: One of `WEIGHTS`, for a run folder.

    Raises:
        DatKerasError: If there is no such path or zoo name.
    """
    path = Path(source)
    if is_model_folder(path) or is_path(path):
        check_path(path, weights)
        return
    ref = parse(source)
    if not isinstance(ref, HubRef):
        find(ref)


def check_path(path: Path, weights: str) -> None:
    """Refuses a path that holds no model.

    Args:
        path: The path.
        weights: One of `WEIGHTS`, for a run folder.

    Raises:
        RunFolderError: If it is no run, model's folder or `.keras` file.
        DamagedFileError: If it is a run without these weights.
    """
    is_file = path.suffix == ".keras" and path.is_file()
    if not is_file and not is_model_folder(path) and not is_preset(path):
        RunFolder(path).check_loadable(weights)


def check_arguments(
    source: str | os.PathLike[str],
    weights: str | None,
    filters: tuple[str | None, str | None] = (None, None),
) -> None:
    """Refuses arguments that have no effect on this kind of source.

    Args:
        source: What `load_source` takes.
        weights: One of `WEIGHTS`, for a run folder; `None` if not given.
        filters: Data set and threat model, for zoo names; `None` likewise.

    Raises:
        ValueError: If one is unknown or does not apply.

    Example:
    >>> check_arguments("somebody/their-net", None, ("cifar10", None))
    Traceback (most recent call last):
    ...
    ValueError: `dataset` and `threat_model` select among zoo names only.
    Received: 'somebody/their-net'
    """
    path = Path(source)
    local = is_model_folder(path) or is_path(path)
    if weights is not None:
        lookup(dict.fromkeys(WEIGHTS), weights, "weights")
        if not (local and path.is_dir() and not is_model_folder(path)):
            raise ValueError(
                "`weights` selects among those of a run folder only. "
                f"Received: weights={weights!r} for {str(source)!r}"
            )
    named = not local and not isinstance(parse(str(source)), HubRef)
    if filters != (None, None) and not named:
        raise ValueError(
            "`dataset` and `threat_model` select among zoo names only. "
            f"Received: {str(source)!r}"
        )
