"""Named layers, shared by the BatchNorm branches of a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
from keras import KerasTensor, layers

from dat_keras.core.onednn import strided_gradient_crashes


@dataclass(frozen=True)
class LayerFactory:
    """Creates each layer at its first use and returns the same one later.

    Branches that are given the same `created` share every layer but BatchNorm.
    All names are explicit: the paths of the weights are the keys of the
    published files and must not depend on what else a process has built.

    Args:
        branch: BatchNorm branch; 0 is the base branch.
        created: The layers so far, by name.
        sync_bn: Whether BatchNorm averages its statistics over replicas.
    """

    branch: int
    created: dict[str, layers.Layer]
    sync_bn: bool = False

    def conv(
        self,
        x: KerasTensor,
        filters: int,
        name: str,
        strides: int = 1,
        dtype: str | None = None,
        pads: tuple[int, int] = (1, 1),
    ) -> KerasTensor:
        """3x3 convolution over one pixel of zeros on every side.

        `pads` are the pixels before and after where `strides` is 2.
        """
        padding = "same"
        if strides > 1:
            # Keras' "same" depends on the size of the image.
            both = {"padding": (pads, pads)}
            x = self._layer(f"{name}_pad", layers.ZeroPadding2D, **both)(x)
            padding = "valid"
        settings = _conv_settings(filters, 3, strides, padding)
        return self._layer(name, layers.Conv2D, dtype=dtype, **settings)(x)

    def project(
        self, x: KerasTensor, filters: int, name: str, strides: int
    ) -> KerasTensor:
        """1x1 convolution that gives a shortcut its new shape."""
        pair = (strides, strides)
        if strided_gradient_crashes((1, 1), pair, x.shape[-1]):
            # Pooling of one pixel is a slice: the same numbers, in plain Keras.
            slicer = self._layer(
                f"{name}_slice", layers.MaxPooling2D, pool_size=1, strides=pair
            )
            x, strides = slicer(x), 1
        settings = _conv_settings(filters, 1, strides, "valid")
        return self._layer(name, layers.Conv2D, **settings)(x)

    def norm(self, x: KerasTensor, name: str) -> KerasTensor:
        """BatchNorm of this branch, with PyTorch's constants."""
        own_name = f"{name}_branch{self.branch}" if self.branch else name
        return self._layer(
            own_name,
            layers.BatchNormalization,
            momentum=0.9,
            epsilon=1e-5,
            synchronized=self.sync_bn,
        )(x)

    def relu(self, x: KerasTensor, name: str) -> KerasTensor:
        """Rectifier."""
        return self._layer(name, layers.ReLU)(x)

    def norm_relu(self, x: KerasTensor, name: str) -> KerasTensor:
        """BatchNorm of this branch, then a rectifier."""
        return self.relu(self.norm(x, name), f"{name}_relu")

    def norm_swish(self, x: KerasTensor, name: str) -> KerasTensor:
        """BatchNorm of this branch, then `x sigmoid(x)`."""
        x = self.norm(x, name)
        made = self._layer(
            f"{name}_swish", layers.Activation, activation="silu"
        )
        return made(x)

    def add(self, x: KerasTensor, y: KerasTensor, name: str) -> KerasTensor:
        """Sum of a shortcut and its residual."""
        return self._layer(name, layers.Add)([x, y])

    def standardize(
        self, x: KerasTensor, mean: Sequence[float], std: Sequence[float]
    ) -> KerasTensor:
        """Pixels to zero mean and unit deviation, channel by channel."""
        return self._layer(
            "mean_std",
            layers.Normalization,
            mean=list(mean),
            variance=[s**2 for s in std],
            dtype="float32",
        )(x)

    def classify(self, x: KerasTensor, num_classes: int) -> KerasTensor:
        """Global average pooling and the dense layer of the logits."""
        x = self._layer("pool", layers.GlobalAveragePooling2D)(x)
        return self._layer(
            "logits",
            layers.Dense,
            units=num_classes,
            kernel_initializer="glorot_normal",
            dtype="float32",
        )(x)

    def like(
        self, layer: layers.Layer, dtype: str | None = None
    ) -> layers.Layer:
        """A layer with the settings of another, BatchNorm of this branch.

        Args:
            layer: The other layer.
            dtype: Its dtype policy. Default: that of the other.
        """
        settings = layer.get_config()
        name = settings.pop("name")
        if dtype is not None:
            settings["dtype"] = dtype
        if isinstance(layer, layers.BatchNormalization):
            settings["synchronized"] = self.sync_bn
            name = f"{name}_branch{self.branch}" if self.branch else name
        if name not in self.created:
            made = type(layer).from_config({**settings, "name": name})
            self.created[name] = made
        return self.created[name]

    def _layer(
        self, name: str, make: type[layers.Layer], **settings: object
    ) -> layers.Layer:
        if name not in self.created:
            self.created[name] = make(name=name, **settings)
        return self.created[name]


Block = Callable[[LayerFactory, KerasTensor, int, int, str], KerasTensor]
"""A residual block: factory, input, width, strides, name."""


def residual_stages(
    factory: LayerFactory,
    x: KerasTensor,
    block: Block,
    widths: Sequence[int],
    blocks: Sequence[int],
) -> KerasTensor:
    """Stages of residual blocks; all but the first halve the resolution.

    Args:
        factory: Source of the layers.
        x: Output of the stem, `(B, H, W, C)`.
        block: Makes one block.
        widths: Channels of each stage.
        blocks: Number of blocks of each stage.

    Returns:
        Feature maps, `(B, H / 2**s, W / 2**s, widths[-1])` after `s + 1`
        stages.
    """
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for index in range(count):
            strides = 2 if stage > 0 and index == 0 else 1
            name = f"stage{stage + 1}_block{index}"
            x = block(factory, x, width, strides, name)
    return x


def changes_shape(x: KerasTensor, width: int, strides: int) -> bool:
    """Whether the shortcut of a block needs a projection."""
    return strides > 1 or x.shape[-1] != width


def _conv_settings(
    filters: int, size: int, strides: int, padding: str
) -> dict[str, object]:
    # A fresh initializer each time: one instance repeats its numbers.
    initializer = keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )
    return {
        "filters": filters,
        "kernel_size": size,
        "strides": strides,
        "padding": padding,
        "use_bias": False,
        "kernel_initializer": initializer,
    }
