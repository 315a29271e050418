"""Labelled images in an `.npz` file, as published sets of generated images.

The arrays are `image`, `(N, H, W, C)` uint8, and `label`, `(N,)` of integers,
the keys of the files of Rebuffi et al. (2021), Gowal et al. (2021) and Wang et
al. (2023). Nothing in a file is unpickled.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from dat_keras.data.split import Split
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.zip_errors import ZIP_ERRORS


def read_npz(
    path: Path, classes: tuple[str, ...], name: str, labelled: bool = True
) -> Split:
    """Reads an `.npz` file.

    Args:
        path: The file.
        classes: Names of the classes that the labels count.
        name: Name of the split.
        labelled: Whether `label` is read; otherwise each label is 0.

    Raises:
        DamagedFileError: If it is no such file, or holds pickled objects.
        ValueError: If an array is missing, or of another shape or type.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "made.npz"
    ...     np.savez(path, image=np.zeros((2, 4, 4, 3), "u1"), label=[1, 0])
    ...     read_npz(path, ("cat", "dog"), "made").labels
    array([1, 0], dtype=int32)
    """
    wanted = ("image", "label") if labelled else ("image",)
    arrays = _arrays(path, wanted)
    images = arrays["image"]
    labels = arrays.get("label", np.zeros(images.shape[:1], np.int32))
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"`label` of {path} must hold integers. Received: {labels.dtype}"
        )
    # A wide integer out of range must not wrap around into it.
    split = Split(images, labels.astype(np.int64), classes, name)
    return Split(images, split.labels.astype(np.int32), classes, name)


def _arrays(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as file:
            held = [entry.removesuffix(".npy") for entry in file.namelist()]
        missing = [key for key in wanted if key not in held]
        if not missing:
            with np.load(path, allow_pickle=False) as file:
                return {key: file[key] for key in wanted}
    except (OSError, ValueError, *ZIP_ERRORS) as error:
        raise DamagedFileError(f"cannot read {path}: {error}") from None
    raise ValueError(
        f"{path} must hold the arrays {' and '.join(wanted)}. Received: "
        f"{', '.join(held) or 'none'}"
    )
