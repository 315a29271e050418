"""Augmentations: pure functions of a batch and a key, run on the device."""

from __future__ import annotations

from dat_keras.augment.apply_to_share import ApplyToShare
from dat_keras.augment.auto_augment import AutoAugment
from dat_keras.augment.base import Augment, Chain, Unchanged
from dat_keras.augment.color_shape import ColorShape
from dat_keras.augment.crop_flip import CropFlip
from dat_keras.augment.crop_shift import CropShift
from dat_keras.augment.cutmix import CutMix
from dat_keras.augment.cutout import CutOut
from dat_keras.augment.keras_cv import KerasCV
from dat_keras.augment.mixup import MixUp
from dat_keras.augment.rand_augment import RandAugment
from dat_keras.augment.random_erasing import RandomErasing
from dat_keras.augment.random_resized_crop import RandomResizedCrop

__all__ = [
    "AUGMENTS",
    "Augment",
    "AutoAugment",
    "Chain",
    "ColorShape",
    "CropFlip",
    "CropShift",
    "CutMix",
    "CutOut",
    "KerasCV",
    "MixUp",
    "ApplyToShare",
    "RandAugment",
    "RandomErasing",
    "RandomResizedCrop",
    "Unchanged",
]

AUGMENTS: dict[str, type[Augment]] = {
    "none": Unchanged,
    "crop-flip": CropFlip,
    "cutout": CutOut,
    "cutmix": CutMix,
    "mixup": MixUp,
    "autoaugment": AutoAugment,
    "randaugment": RandAugment,
    "cropshift": CropShift,
    "colorshape": ColorShape,
    "random-erasing": RandomErasing,
    "random-resized-crop": RandomResizedCrop,
}
"""Augmentations by name; `Chain` runs several of them, one after the other."""
