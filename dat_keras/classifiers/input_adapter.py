"""InputAdapter: pixels in `[0, 1]` to what a pretrained net was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from dat_keras.core.types import Images
from dat_keras.utils.registry import lookup

Numbers = float | Sequence[float]
"""One number, or one for each channel of the net's input."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Of the channels in the order blue, green, red, in units of `[0, 255]`."""

PREPROCESSING: dict[str, dict[str, Any]] = {
    "none": {},
    "0-255": {"scale": 255.0},
    "tf": {"scale": 2.0, "offset": -1.0},
    "torch": {
        "scale": tuple(1 / s for s in IMAGENET_STD),
        "offset": tuple(
            -m / s for m, s in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)
        ),
    },
    "caffe": {
        "scale": 255.0,
        "offset": tuple(-m for m in CAFFE_MEAN),
        "reverse_channels": True,
    },
}
"""Settings of the usual preprocessings by the names of `keras.applications`
(its modes `tf`, `torch` and `caffe`); `0-255` is pixels of bytes."""


@keras.saving.register_keras_serializable("dat_keras")
class InputAdapter(keras.layers.Layer):
    """Resizes and scales images inside a net, so that attacks see pixels.

    `y = scale * resize(x) + offset`, per channel. Grey images are repeated
    into the channels that the net wants. Everything is differentiable and
    computed in float32; nothing is clipped or rounded.

    Args:
        size: `(H, W)` of the output. Default: that of the input.
        channels: Channels of the output. Default: those of the input.
        scale: Factor, a number or one for each channel. Default: 1.
        offset: Summand, a number or one for each channel, after the factor.
            Default: 0.
        reverse_channels: Whether RGB becomes BGR, before the scaling.
        interpolation: As in `keras.layers.Resizing`. Default: `"bilinear"`.
        antialias: Whether a smaller image is smoothed first.
        crop_to_aspect_ratio: Whether what is too long is cut off at both
            ends, in place of a changed aspect ratio.
        pad_to_aspect_ratio: Whether what is too short is filled with zeros.
        name: Name of the layer.
        **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If the input has neither 1 channel nor as many as wanted.

    Example:
    >>> adapter = InputAdapter(channels=3, scale=255.0, offset=-1.0)
    >>> adapter(keras.ops.ones((1, 1, 1, 1))).numpy().ravel().tolist()
    [254.0, 254.0, 254.0]
    """

    def __init__(
        self,
        size: Sequence[int] | None = None,
        channels: int | None = None,
        scale: Numbers = 1.0,
        offset: Numbers = 0.0,
        reverse_channels: bool = False,
        interpolation: str = "bilinear",
        antialias: bool = False,
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        name: str = "input_adapter",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.size = None if size is None else (int(size[0]), int(size[1]))
        self.channels = channels
        self.scale = _plain(scale)
        self.offset = _plain(offset)
        self.reverse_channels = reverse_channels
        self.interpolation = interpolation
        self.antialias = antialias
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio

    @classmethod
    def of(cls, preprocessing: str, **more: Any) -> InputAdapter:
        """Returns the adapter of a preprocessing by its name.

        Args:
            preprocessing: Key of `PREPROCESSING`.
            **more: Further arguments, such as `size`.

        Raises:
            ValueError: If the name is unknown.

        Example:
        >>> InputAdapter.of("tf")(keras.ops.zeros((1, 1, 1, 1))).numpy().item()
        -1.0
        """
        known = lookup(PREPROCESSING, preprocessing, "preprocessing")
        return cls(**{**known, **more})

    @property
    def settings(self) -> Mapping[str, Any]:
        """The arguments that decide the output."""
        return {
            "size": self.size,
            "channels": self.channels,
            "scale": self.scale,
            "offset": self.offset,
            "reverse_channels": self.reverse_channels,
            "interpolation": self.interpolation,
            "antialias": self.antialias,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
        }

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuses images whose channels do not fit."""
        found, wanted = input_shape[-1], self.channels or input_shape[-1]
        if len(input_shape) != 4 or found not in (1, wanted):
            raise ValueError(
                f"The input adapter makes {wanted} channels of images "
                f"`(B, H, W, C)` with C=1 or C={wanted}. Received: input "
                f"shape {tuple(input_shape)}"
            )
        for name in ("scale", "offset"):
            if np.size(getattr(self, name)) not in (1, wanted):
                raise ValueError(
                    f"`{name}` must be a number, or one for each of the "
                    f"{wanted} channels. Received: "
                    f"{name}={getattr(self, name)}"
                )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the output."""
        batch, height, width, channels = input_shape
        size = self.size or (height, width)
        return (batch, *size, self.channels or channels)

    def call(self, x: Images) -> Images:
        """Returns resized and scaled images.

        Args:
            x: Images, shape `(B, H, W, C)`, in `[0, 1]`.
        """
        if self.channels is not None and x.shape[-1] != self.channels:
            x = ops.repeat(x, self.channels, axis=-1)
        if self.size is not None and tuple(x.shape[1:3]) != self.size:
            x = ops.image.resize(
                x,
                self.size,
                interpolation=self.interpolation,
                antialias=self.antialias,
                crop_to_aspect_ratio=self.crop_to_aspect_ratio,
                pad_to_aspect_ratio=self.pad_to_aspect_ratio,
                data_format="channels_last",
            )
        if self.reverse_channels:
            x = ops.flip(x, axis=-1)
        scale = np.asarray(self.scale, np.float32)
        offset = np.asarray(self.offset, np.float32)
        return x * scale + offset

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of this layer."""
        return super().get_config() | dict(self.settings)


def _plain(value: Any) -> float | tuple[float, ...]:
    """A number or a tuple of numbers, of arrays and lists too."""
    if np.ndim(value) == 0:
        return float(value)
    return tuple(float(v) for v in np.asarray(value).ravel())
