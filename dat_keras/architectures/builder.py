"""Builds a classifier around a backbone: standardization, head, branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import keras
from keras import KerasTensor, layers

from dat_keras.architectures.branched import BranchedClassifier
from dat_keras.architectures.layers import LayerFactory
from dat_keras.core.keras_private import run_through_graph

MeanStd: TypeAlias = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of each channel, in units of `[0, 1]`."""
Backbone: TypeAlias = Callable[[LayerFactory, KerasTensor], KerasTensor]
"""Maps (standardized) images to the last feature maps."""


@dataclass(frozen=True)
class ClassifierBuilder:
    """Builds classifiers that differ only in their backbone.

    Args:
        name: Name of the model.
        num_classes: Number of logits, `K`.
        input_shape: Height, width and channels of the images.
        branches: Number of BatchNorm branches.
        mean_std: Statistics for a standardizing first layer; none if `None`.
        sync_bn: Whether BatchNorm averages its statistics over replicas.
    """

    name: str
    num_classes: int
    input_shape: tuple[int, int, int]
    branches: int
    mean_std: MeanStd | None
    sync_bn: bool

    def __post_init__(self) -> None:
        """Refuses what no classifier can be built from."""
        for argument in ("num_classes", "branches"):
            value = getattr(self, argument)
            if value < 1:
                raise ValueError(
                    f"`{argument}` must be a positive integer. "
                    f"Received: {argument}={value}"
                )
        if len(self.input_shape) != 3:
            raise ValueError(
                "`input_shape` must be (height, width, channels). "
                f"Received: input_shape={self.input_shape}"
            )
        channels = self.input_shape[-1]
        if self.mean_std and [len(s) for s in self.mean_std] != [channels] * 2:
            raise ValueError(
                "`mean_std` must be a mean and a standard deviation for each "
                f"of the {channels} channels. Received: "
                f"mean_std={self.mean_std}"
            )

    def build(self, backbone: Backbone) -> keras.Model:
        """Returns a functional model, or a `BranchedClassifier` over several.

        Args:
            backbone: Makes the feature maps; called once for each branch.
        """
        created: dict[str, keras.layers.Layer] = {}
        models = [
            self._branch(backbone, LayerFactory(branch, created, self.sync_bn))
            for branch in range(self.branches)
        ]
        if len(models) == 1:
            return models[0]
        return BranchedClassifier(models, name=f"{self.name}_branched")

    def _branch(self, backbone: Backbone, factory: LayerFactory) -> keras.Model:
        image = x = keras.Input(self.input_shape, name="image")
        if self.mean_std is not None:
            x = factory.standardize(x, *self.mean_std)
        logits = factory.classify(backbone(factory, x), self.num_classes)
        suffix = f"_branch{factory.branch}" if factory.branch else ""
        return keras.Model(image, logits, name=self.name + suffix)


def rebuilt(model: keras.Model) -> Backbone:
    """A backbone that repeats a functional model, its layers rebuilt.

    The first convolution stays float32 under a mixed policy.

    Args:
        model: A functional model from images to feature maps.
    """
    stem = next(
        layer for layer in model.layers if isinstance(layer, layers.Conv2D)
    )

    def backbone(factory: LayerFactory, x: KerasTensor) -> KerasTensor:
        return run_through_graph(
            model,
            x,
            lambda layer: factory.like(
                layer, "float32" if layer is stem else None
            ),
        )

    return backbone
