"""The PyTorch twin of a trained classifier: same architecture, same weights."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from benchmarks.torch_peer import NETS, ResNet

if TYPE_CHECKING:
    import keras

_VALUES = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_NORMS = {"bn1": "norm1", "bn2": "norm2", "shortcut_bn": "norm3"}
_AXES = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
_BLOCK = re.compile(r"(stage\d+_block\d+)_(\w+)")


def twin_of(classifier: keras.Model, name: str) -> ResNet:
    """The classifier in PyTorch, in inference mode and `channels_last`.

    Args:
        classifier: One of our post-activation ResNets, with one branch.
        name: Key of `NETS`.
    """
    return _twin(name, _named(classifier))


def save_twin(classifier: keras.Model, path: Path) -> None:
    """Writes the twin's weights, for a process without TensorFlow."""
    np.savez(path, **_named(classifier))  # type: ignore[arg-type]


def load_twin(path: Path, name: str) -> ResNet:
    """The twin whose weights were written."""
    with np.load(path) as values:
        return _twin(name, dict(values))


def _twin(name: str, values: dict[str, np.ndarray]) -> ResNet:
    width, blocks = NETS[name]
    net = ResNet(width, blocks, len(values["head.bias"]), branches=1)
    tensors = {name: torch.from_numpy(v) for name, v in values.items()}
    found = net.load_state_dict(tensors, strict=False)
    missing = [k for k in found.missing_keys if "num_batches" not in k]
    if missing or found.unexpected_keys:
        raise ValueError(f"The nets differ: {missing}")
    return net.to(memory_format=torch.channels_last).eval()


def to_torch(x: np.ndarray) -> Tensor:
    """Images `(B, H, W, C)` as PyTorch's `(B, C, H, W)`."""
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()


def _named(classifier: keras.Model) -> dict[str, np.ndarray]:
    """Weights by the names of the twin."""
    paths = [weight.path.split("/") for weight in classifier.weights]
    found = (_BLOCK.match(layer) for layer, _ in paths)
    order = [key for key, _ in itertools.groupby(m[1] for m in found if m)]
    named = {}
    for (layer, kind), weight in zip(paths, classifier.weights, strict=True):
        value = np.asarray(weight)
        value = value.transpose(_AXES[value.ndim])
        name = f"{_module(layer, order)}.{_VALUES[kind]}"
        named[name] = np.ascontiguousarray(value)
    return named


def _module(layer: str, order: list[str]) -> str:
    """The twin's name of one of our layers."""
    fixed = {"stem_conv": "stem", "stem_bn": "norm.norms.0", "logits": "head"}
    if layer in fixed:
        return fixed[layer]
    block, part = _BLOCK.match(layer).groups()  # type: ignore[union-attr]
    norm = _NORMS.get(part)
    inner = f"{norm}.norms.0" if norm else part
    return f"blocks.{order.index(block)}.{inner}"
