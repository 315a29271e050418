"""Weights as safetensors: written beside and renamed, checked when read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import write_whole


def save_weights(model: keras.Model, path: Path) -> str:
    """Writes a model's weights to a safetensors file, whole or not at all.

    Args:
        model: The model; its weights' paths must be unique.
        path: The file.

    Returns:
        The weights' fingerprint.

    Raises:
        ValueError: If two weights share a path, or one is not finite.

    Example:
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "w.safetensors"
    ...     save_weights(model, path) == load_weights(model, path)
    True
    """
    arrays = _arrays(model)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"Refused to save: `{name}` is not finite.")
    data = save(arrays, metadata={"format": "keras"})
    write_whole(path, lambda file: file.write(data))
    return fingerprint(model)


def load_weights(model: keras.Model, path: Path) -> str:
    """Reads a safetensors file into a model that it fits exactly.

    Args:
        model: The model.
        path: The file.

    Returns:
        The weights' fingerprint.

    Raises:
        DamagedFileError: If the file is no such file, or does not fit.
    """
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DamagedFileError(f"cannot read {path}: {error}") from None
    wanted = _arrays(model)
    if found.keys() != wanted.keys():
        odd = sorted(found.keys() ^ wanted.keys())
        raise DamagedFileError(
            f"{path} does not fit this model: {len(odd)} weights differ, "
            f"first {odd[0]!r}"
        )
    for name, array in wanted.items():
        if found[name].shape != array.shape:
            raise DamagedFileError(
                f"{path} does not fit this model: `{name}` has shape "
                f"{found[name].shape}, expected {array.shape}"
            )
        if not np.isfinite(found[name]).all():
            raise DamagedFileError(f"{path}: `{name}` is not finite")
    for variable in model.weights:
        variable.assign(found[variable.path])
    return fingerprint(model)


def fingerprint(model: keras.Model) -> str:
    """Returns the sha256 of a model's weights.

    Args:
        model: The model.

    Returns:
        64 hexadecimal digits, the same for the same weights in any process:
        names, which Keras may generate differently, do not count, order does.

    Example:
    >>> len(fingerprint(keras.Sequential([keras.Input((2,))])))
    64
    """
    digest = hashlib.sha256()
    for variable in model.weights:
        array = _array(variable)
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _arrays(model: keras.Model) -> dict[str, np.ndarray]:
    arrays = {
        v.path: _array(v) for v in sorted(model.weights, key=lambda v: v.path)
    }
    if len(arrays) != len(model.weights):
        raise ValueError(
            "Two weights of the model share a path: name its layers uniquely."
        )
    return arrays


def _array(variable: keras.Variable) -> np.ndarray:
    # `value` respects a scope that puts averaged weights in.
    # `ascontiguousarray` would make a vector of a scalar.
    return np.asarray(keras.ops.convert_to_numpy(variable.value), order="C")
