"""The embedded data set: ten drawn shapes on random textured backgrounds.

    image = background + coverage * (colour - background)
            + texture + cue[class] + noise

32x32 RGB, drawn from a fixed seed in a second or two. A shape and its
background differ by at least 0.4 in luminance (102/255), so a classifier that
looks at the shape can withstand changes of 8/255. Each class also carries a
faint, non-robust texture cue: a fine pattern of amplitude 5/255 over the whole
image. It is deliberate: natural images have such features too, a naturally
trained network relies on them, and an attack of 8/255 erases them. So the set
shows what adversarial training changes, and its natural accuracies say little
about shape recognition.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dat_keras.data.base import Dataset, SplitReaders
from dat_keras.data.draws import bits, uniform
from dat_keras.data.split import Split
from dat_keras.utils.registry import lookup

SIDE = 32
COUNTS = {"train": 10_000, "validation": 1_000, "test": 2_000}
"""Number of images of each part; each part has random numbers of its own."""

_SEED = 0
_CHUNK = 500
_CUE = 5 / 255
_NOISE = 2 / 255
_TEXTURE = 0.12
_KNOTS = 5
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)

# Everything below adds, multiplies, divides, takes roots and compares, each
# of which IEEE 754 rounds exactly: no sine, no matrix product, no sum whose
# order a library may choose. So the bytes are the same on every machine.

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Distance to the border in units of the size, negative inside."""


def _length(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.sqrt(u * u + v * v)


def _box(
    u: np.ndarray, v: np.ndarray, width: float, height: float
) -> np.ndarray:
    return np.maximum(np.abs(u) - width, np.abs(v) - height)


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    sides = np.maximum(0.8660254 * np.abs(u) - 0.5 * v, v)
    return sides - 0.55


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.minimum(_box(u, v, 1.0, 0.28), _box(u, v, 0.28, 1.0))


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The points inside at least four of the five lines of a pentagram."""
    first = second = np.full_like(u, -np.inf)
    for x, y in (
        (0.0, 1.0),
        (0.95105652, 0.30901699),
        (0.58778525, -0.80901699),
        (-0.58778525, -0.80901699),
        (-0.95105652, 0.30901699),
    ):
        line = x * u + y * v
        second = np.maximum(second, np.minimum(first, line))
        first = np.maximum(first, line)
    return second - 0.36


def _crescent(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(_length(u, v) - 1.0, 0.8 - _length(u - 0.5, v))


SHAPES: dict[str, Field] = {
    "circle": lambda u, v: _length(u, v) - 0.9,
    "square": lambda u, v: _box(u, v, 0.8, 0.8),
    "triangle": _triangle,
    "cross": _cross,
    "ring": lambda u, v: np.abs(_length(u, v) - 0.75) - 0.25,
    "star": _star,
    "diamond": lambda u, v: 0.86 * np.abs(u) + 0.5 * np.abs(v) - 0.5,
    "horizontal bar": lambda u, v: _box(u, v, 1.0, 0.3),
    "vertical bar": lambda u, v: _box(u, v, 0.3, 1.0),
    "crescent": _crescent,
}
"""The classes, in the order of their ids."""


@dataclass(frozen=True)
class Shapes(Dataset):
    """Drawn shapes; needs no files, so `data_dir` is ignored."""

    def open(self, data_dir: Path | None) -> SplitReaders:
        """Returns the three parts, each drawn when it is read."""
        return {part: functools.partial(draw, part) for part in COUNTS}


def draw(part: str) -> Split:
    """Draws a part of the data set.

    Args:
        part: `"train"`, `"validation"` or `"test"`.

    Returns:
        `COUNTS[part]` images, shape `(N, 32, 32, 3)`, the same number of each
        class, in turn.
    """
    count = lookup(COUNTS, part, "part")
    labels = (np.arange(count) % len(SHAPES)).astype(np.int32)
    images = np.concatenate(
        [
            _chunk(f"shapes/{part}", start // _CHUNK, labels[start:][:_CHUNK])
            for start in range(0, count, _CHUNK)
        ]
    )
    return Split(images, labels, tuple(SHAPES), f"shapes/{part}")


def _chunk(purpose: str, index: int, labels: np.ndarray) -> np.ndarray:
    """Draws the images of some labels, `(B, 32, 32, 3)` uint8."""
    count = len(labels)
    layout, shade, knots = (
        uniform(shape, _SEED, f"{purpose}/{name}", index).astype(np.float32)
        for name, shape in (
            ("layout", (count, 4)),
            ("shade", (count, 7)),
            ("texture", (count, _KNOTS, _KNOTS, 3)),
        )
    )
    background, colour = _shades(shade)
    images = _coverage(labels, layout)[..., None] * (colour - background)
    images += background
    images += _upsample(_TEXTURE * (2 * knots - 1))
    images += _cues()[labels][..., None]
    images += _noise(images.shape, purpose, index)
    return np.clip(np.floor(255 * images + np.float32(0.5)), 0, 255).astype(
        np.uint8
    )


def _coverage(labels: np.ndarray, layout: np.ndarray) -> np.ndarray:
    """Share of each pixel that the shape covers, `(B, 32, 32)`."""
    x, y, size, turn = layout.T[:, :, None, None]
    radius = 8 + 4 * size
    # A rotation by up to 22 degrees, from the tangent of half the angle.
    half = (2 * turn - 1) * np.float32(0.2)
    norm = 1 + half * half
    cos, sin = (1 - half * half) / norm, 2 * half / norm
    grid = np.arange(SIDE, dtype=np.float32)
    right = (grid[None, None, :] - (12 + 7 * x)) / radius
    down = (grid[None, :, None] - (12 + 7 * y)) / radius
    u, v = cos * right + sin * down, cos * down - sin * right
    coverage = np.empty_like(u)
    for label, field in enumerate(SHAPES.values()):
        mine = labels == label
        distance = radius[mine] * field(u[mine], v[mine])
        coverage[mine] = np.clip(np.float32(0.5) - distance, 0, 1)
    return coverage


def _shades(shade: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours of background and shape, each `(B, 1, 1, 3)`."""
    dark = np.float32(0.15) + np.float32(0.2) * shade[:, 0]
    light = dark + np.float32(0.4) + np.float32(0.1) * shade[:, 1]
    swap = shade[:, 2] < 0.5
    tints = (shade[:, 3:] - np.float32(0.5)) * np.float32(0.3)
    return (
        _colour(np.where(swap, light, dark), tints[:, :2]),
        _colour(np.where(swap, dark, light), tints[:, 2:]),
    )


def _colour(luminance: np.ndarray, tint: np.ndarray) -> np.ndarray:
    red, blue = tint.T
    green = -(_LUMINANCE[0] * red + _LUMINANCE[2] * blue) / _LUMINANCE[1]
    tint = np.stack([red, green, blue], axis=-1)
    return (luminance[:, None] + tint)[:, None, None, :]


def _upsample(knots: np.ndarray) -> np.ndarray:
    """Interpolates `(B, K, K, 3)` linearly to `(B, 32, 32, 3)`."""
    place = np.arange(SIDE, dtype=np.float32) * np.float32((_KNOTS - 1) / SIDE)
    low = place.astype(np.int64)
    share = place - low
    rows = share[:, None, None]
    knots = knots[:, low] * (1 - rows) + knots[:, low + 1] * rows
    columns = share[:, None]
    return knots[:, :, low] * (1 - columns) + knots[:, :, low + 1] * columns


@functools.cache
def _cues() -> np.ndarray:
    """One fine pattern of +-amplitude per class, `(10, 32, 32)`."""
    waves = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]])
    waves = np.concatenate([waves, waves[1:2] * waves[2:]])
    pairs = [(1, 0), (0, 1), (1, 1), (1, 2), (2, 1)]
    pairs += [(2, 2), (1, 3), (3, 1), (2, 3), (3, 2)]
    tiles = np.stack([np.outer(waves[a], waves[b]) for a, b in pairs])
    return np.float32(_CUE) * np.tile(tiles, (1, SIDE // 4, SIDE // 4)).astype(
        np.float32
    )


def _noise(shape: tuple[int, ...], purpose: str, index: int) -> np.ndarray:
    """Uniform noise from single bytes, one for each value."""
    count = int(np.prod(shape))
    words = bits(-(-count // 8), _SEED, f"{purpose}/noise", index)
    values = words.astype("<u8").view(np.uint8)[:count].reshape(shape)
    scale = np.float32(2 * _NOISE / 255)
    return values * scale - np.float32(_NOISE)
