"""Common corruptions of images at five severities (CIFAR-10-C, ImageNet-C)."""

from __future__ import annotations

from dat_keras.corruptions import blur, digital, extra, noise, weather
from dat_keras.corruptions.base import SEVERITIES, TABLES, Corruption, table_of

__all__ = [
    "CORRUPTIONS",
    "SEVERITIES",
    "STANDARD",
    "TABLES",
    "Corruption",
    "table_of",
]

_STANDARD = {
    "gaussian_noise": noise.GAUSSIAN_NOISE,
    "shot_noise": noise.SHOT_NOISE,
    "impulse_noise": noise.IMPULSE_NOISE,
    "defocus_blur": blur.DEFOCUS_BLUR,
    "glass_blur": blur.GLASS_BLUR,
    "motion_blur": blur.MOTION_BLUR,
    "zoom_blur": blur.ZOOM_BLUR,
    "snow": weather.SNOW,
    "frost": weather.FROST,
    "fog": weather.FOG,
    "brightness": weather.BRIGHTNESS,
    "contrast": digital.CONTRAST,
    "elastic_transform": digital.ELASTIC_TRANSFORM,
    "pixelate": digital.PIXELATE,
    "jpeg_compression": digital.JPEG_COMPRESSION,
}

CORRUPTIONS: dict[str, Corruption] = {
    **_STANDARD,
    "speckle_noise": extra.SPECKLE_NOISE,
    "gaussian_blur": extra.GAUSSIAN_BLUR,
    "spatter": extra.SPATTER,
    "saturate": extra.SATURATE,
}
"""Corruptions by their name in the benchmark, the standard ones first."""

STANDARD = tuple(_STANDARD)
"""Those that the mean corruption error is over; the others are for tuning."""
