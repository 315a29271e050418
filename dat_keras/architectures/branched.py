"""A classifier with several sets of BatchNorm layers over shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from dat_keras.architectures.shared_layers import (
    branch_config,
    branches_from_config,
    shared_layers,
)
from dat_keras.core.types import Images, Logits


@keras.saving.register_keras_serializable("dat_keras")
class BranchedClassifier(keras.Model):
    """Functional models that differ in their BatchNorm layers only.

    Convolutions and the dense layer are the same objects in all of them;
    affine parameters and running statistics of BatchNorm belong to one
    branch each. Branch 0, the base branch, is the classifier to deploy.

    Args:
        branches: One functional model per branch, built over shared layers.
        name: Name of the model.

    Reference:
        [Xie et al., 2020](https://arxiv.org/abs/1911.09665), who train clean
        and adversarial images on separate BatchNorm layers.

    Example:
    >>> from dat_keras.architectures import ResNet8
    >>> model = ResNet8(10, branches=2)
    >>> model(keras.ops.zeros((4, 32, 32, 3)), branch=1).shape
    TensorShape([4, 10])
    >>> model.base.output_shape
    (None, 10)
    """

    def __init__(self, branches: Sequence[keras.Model], name: str) -> None:
        # A mixed policy of the wrapper would round the image before the
        # first layer, which is float32, could see it.
        super().__init__(name=name, dtype="float32")
        self.branches = list(branches)
        # The layers exist; weights can be saved before the first call.
        self.built = True

    @property
    def num_branches(self) -> int:
        """Number of BatchNorm branches."""
        return len(self.branches)

    @property
    def base(self) -> keras.Model:
        """The functional model of branch 0; it saves as a `.keras` file."""
        return self.branches[0]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input, as functional models say it."""
        return self.base.input_shape

    def call(
        self, x: Images, training: bool | None = None, branch: int = 0
    ) -> Logits:
        """Returns the logits of `x` on one branch.

        Args:
            x: Images, shape `(B, H, W, C)`, in `[0, 1]`.
            training: Whether BatchNorm uses and tracks batch statistics.
            branch: Index of the branch.
        """
        return self.branches[branch](x, training=training)

    def get_config(self) -> dict[str, object]:
        """Returns the branches, and which of their layers are the same.

        Raises:
            ValueError: If branches share layers that cannot be named.
        """
        return {
            "branches": [branch_config(model) for model in self.branches],
            "shared": shared_layers(self.branches),
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> BranchedClassifier:
        """Returns the classifier that `get_config` describes, untrained."""
        models = branches_from_config(config["branches"], config["shared"])
        return cls(models, name=config["name"])


def branches_of(model: keras.Model) -> int:
    """Number of BatchNorm branches that a model can be called with.

    Args:
        model: Any classifier.

    Returns:
        Its `num_branches`; 1 for a model that knows no branches.

    Example:
    >>> branches_of(keras.Sequential())
    1
    """
    return getattr(model, "num_branches", 1)
