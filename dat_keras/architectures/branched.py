"""A classifier with several sets of BatchNorm layers over shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import keras

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

    def get_config(self) -> dict[str, Any]:
        """Returns name and branches, each as Keras stores it alone.

        Raises:
            ValueError: If two layers of different branches have one name.
        """
        self._check_names()
        branches = [
            _of_branch(keras.saving.serialize_keras_object(model), index)
            for index, model in enumerate(self.branches)
        ]
        return {"name": self.name, "branches": branches}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> BranchedClassifier:
        """Returns the model of a configuration, with layers shared again.

        Args:
            config: What `get_config` returned. Layers of one name in several
                branches are one layer.
            custom_objects: Classes by name, besides those registered.
        """
        created: dict[str, keras.layers.Layer] = {}
        branches = []
        for data in config["branches"]:
            # Keras empties the configuration of a functional model.
            alone = keras.saving.deserialize_keras_object(
                deepcopy(data), custom_objects
            )
            branch = keras.models.clone_model(
                alone,
                clone_function=lambda new: created.setdefault(new.name, new),
            )
            branches.append(branch)
        return cls(branches, config["name"])

    def _check_names(self) -> None:
        layers: dict[str, keras.layers.Layer] = {}
        for layer in (layer for b in self.branches for layer in b.layers):
            if isinstance(layer, keras.layers.InputLayer):
                continue
            if layers.setdefault(layer.name, layer) is not layer:
                raise ValueError(
                    "Saved branches share the layers of one name: give layers "
                    "of different branches different names. Received: two "
                    f"layers {layer.name!r}"
                )


def _of_branch(config: Any, branch: int) -> Any:
    """Has a configuration share no object with those of other branches.

    Keras would restore a shared layer with the calls of the first branch.
    """
    if isinstance(config, list | tuple):
        return [_of_branch(item, branch) for item in config]
    if not isinstance(config, dict):
        return config
    return {
        key: f"{value}/{branch}"
        if key == "shared_object_id"
        else _of_branch(value, branch)
        for key, value in config.items()
    }


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
