"""Converts a PyTorch checkpoint to a model of this library."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dat_keras.architectures import ARCHITECTURES
from dat_keras.interop.torch.checkpoint import StateDict, open_checkpoint
from dat_keras.interop.torch.names import (
    NAMINGS,
    Found,
    Naming,
    sort_out,
    sources,
)
from dat_keras.interop.torch.request import Request
from dat_keras.utils.files import sha256_of
from dat_keras.utils.norms import DEFAULT_EPS
from dat_keras.utils.version import __version__
from dat_keras.zoo.bundle.folder import check_target, write_folder
from dat_keras.zoo.bundle.read import build
from dat_keras.zoo.bundle.shapes import shapes_of
from dat_keras.zoo.bundle.write import Bundle, write_bundle
from dat_keras.zoo.cards.spec import ModelSpec
from dat_keras.zoo.errors import BadReferenceError, RefusedContentError

AXES = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
"""PyTorch's axes in Keras' order, by rank: kernels OIHW to HWIO."""

WIDEST = 1024
"""Largest width; wider networks could not be read back."""

LICENSE = "unknown"
"""Licence in the card; a push asks for it."""


def import_torch(
    checkpoint: Path, request: Request, output: Path, force: bool = False
) -> ModelSpec:
    """Writes a checkpoint as a folder that reads like a pulled model.

    Args:
        checkpoint: A `.pt`, `.pth` or `.safetensors` file.
        request: Facts that the file does not contain.
        output: The folder.
        force: Replace a model that is there.

    Returns:
        The model's spec.

    Raises:
        RefusedContentError: If the file is no checkpoint of this
            architecture; nothing in it is run.
        ConflictError: If something is in the folder.
    """
    check_target(output, force)
    bundle = convert(checkpoint, request)

    def fill(folder: Path) -> None:
        write_bundle(bundle, folder, output.absolute().name, LICENSE)

    write_folder(output, fill, force)
    return bundle.spec


def convert(checkpoint: Path, request: Request) -> Bundle:
    """The model of a checkpoint.

    Args:
        checkpoint: A `.pt`, `.pth` or `.safetensors` file.
        request: Facts that the file does not contain.

    Raises:
        RefusedContentError: If the file is no checkpoint of this
            architecture.
    """
    naming = NAMINGS[request.architecture]
    with open_checkpoint(checkpoint) as state:
        found = sort_out(state, naming)
        spec = _spec(checkpoint, request, state, found)
        arrays = _arrays(state, found, spec, naming)
    model = build(spec)
    for variable in model.weights:
        variable.assign(arrays[variable.path])
    changed = datetime.datetime.fromtimestamp(
        checkpoint.stat().st_mtime, datetime.UTC
    )
    return Bundle(model, spec, date=f"{changed:%Y-%m-%d@%H:%M:%S}")


def _spec(
    checkpoint: Path, request: Request, state: StateDict, found: Found
) -> ModelSpec:
    naming = NAMINGS[request.architecture]
    classes = _classes(request, state, found, naming)
    channels = _axis(state, found, f"{naming.stem}.weight", 1)
    width = _axis(state, found, naming.width, 0) // naming.channels
    if not 1 <= width <= WIDEST:
        raise RefusedContentError(
            f"the checkpoint is refused: its width {width} is not in "
            f"[1, {WIDEST}]"
        )
    make = ARCHITECTURES[request.architecture]
    usual = inspect.signature(make).parameters["width"].default
    kwargs: dict[str, object] = {} if width == usual else {"width": width}
    mean_std = _mean_std(request, state, found, channels)
    if mean_std:
        kwargs["mean_std"] = mean_std
    eps = DEFAULT_EPS[request.norm] if request.eps is None else request.eps
    return ModelSpec(
        architecture=request.architecture,
        kwargs=kwargs,
        input_shape=(request.image_size, request.image_size, channels),
        class_names=tuple(map(str, range(classes))),
        dataset=request.dataset,
        norm=request.norm,
        eps=float(eps),
        training={
            "name": "weights imported from PyTorch",
            "checkpoint_sha256": sha256_of(checkpoint),
        },
        version=__version__,
    )


def _classes(
    request: Request, state: StateDict, found: Found, naming: Naming
) -> int:
    names = [f"{module}.bias" for module in naming.candidates("logits")]
    present = [name for name in names if name in found.weights] or names
    classes = _axis(state, found, present[0], 0)
    if request.num_classes not in (None, classes):
        raise RefusedContentError(
            f"the checkpoint has {classes} classes, expected "
            f"{request.num_classes}"
        )
    return classes


def _axis(state: StateDict, found: Found, name: str, axis: int) -> int:
    """Length of an axis; the tensor's other axes are checked later."""
    source = found.weights.get(name)
    shape = state[source].shape if source else ()
    if len(shape) <= axis or not 1 <= shape[axis] <= 100_000:
        raise RefusedContentError(
            f"the checkpoint is of another architecture: `{name}` is missing "
            "or has an odd shape",
            "see --architecture",
        )
    return shape[axis]


def _mean_std(
    request: Request, state: StateDict, found: Found, channels: int
) -> list[list[float]] | None:
    """Mean and deviation of each channel, from buffers or the request."""
    given = (
        None
        if request.mean is None or request.std is None
        else [list(request.mean), list(request.std)]
    )
    if given and {len(numbers) for numbers in given} != {channels}:
        raise BadReferenceError(
            f"`mean` and `std` must have {channels} numbers each"
        )
    names = found.statistics
    if not names:
        return given
    if len(names) != 2 or any(
        int(np.prod(state[name].shape)) != channels for name in names.values()
    ):
        raise RefusedContentError(
            "the checkpoint's mean and std do not fit its channels"
        )
    inside = [
        np.asarray(state[names[kind]].read(), np.float64).ravel().tolist()
        for kind in ("mean", "std")
    ]
    if not np.isfinite(inside).all() or min(inside[1]) <= 0:
        raise RefusedContentError("the checkpoint's mean or std is bad")
    if given and not np.allclose(given, inside, rtol=0, atol=1e-4):
        raise RefusedContentError(
            f"the checkpoint has mean and std {inside}, expected {given}",
            "leave out --mean and --std",
        )
    return inside


def _arrays(
    state: StateDict, found: Found, spec: ModelSpec, naming: Naming
) -> Mapping[str, np.ndarray]:
    """The weights in Keras' order of axes, by path."""
    wanted = shapes_of(spec)
    arrays = {}
    chosen = sources(wanted, found, naming)
    for path, name in chosen.items():
        axes = AXES.get(len(state[name].shape), ())
        shape = tuple(state[name].shape[axis] for axis in axes)
        if shape != wanted[path]:
            raise RefusedContentError(
                f"the checkpoint does not fit {spec.architecture}: "
                f"{name[:80]!r} has shape {state[name].shape}"
            )
    for path, name in chosen.items():
        array = state[name].read()
        array = array.transpose(AXES[array.ndim]).astype(np.float32)
        if not np.isfinite(array).all():
            raise RefusedContentError(
                f"the checkpoint is refused: {name[:80]!r} is not finite"
            )
        arrays[path] = array
    return arrays
