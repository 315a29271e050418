"""A pretrained net made ready for training: input adapter, head, frozen body.

Every function takes or makes a copy: the net that a user gives stays as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.layer_copies import (
    LayerCopies,
    input_like,
    run_flat,
)
from dat_keras.core.keras_private import functional_of, nodes_of

AFTER_HEAD = (
    layers.Activation,
    layers.Dropout,
    layers.Flatten,
    layers.Reshape,
    layers.Softmax,
)
"""Layers that may stand between the head and the output."""


def adapter_for(
    model: keras.Model,
    image_shape: Sequence[int] | None,
    preprocessing: str = "none",
) -> InputAdapter | None:
    """Returns the adapter by which a net takes images of a shape.

    Args:
        model: A classifier.
        image_shape: `(H, W, C)` of the images. Default: those of the net.
        preprocessing: Key of `PREPROCESSING`.

    Returns:
        The adapter, which resizes where the net fixes another size, or `None`
        if there is nothing to do.

    Example:
    >>> layers = [keras.Input((4, 4, 3)), keras.layers.Flatten()]
    >>> adapter = adapter_for(keras.Sequential(layers), (8, 8, 1))
    >>> adapter.size, adapter.channels
    ((4, 4), 3)
    """
    _, height, width, channels = branch_models(model)[0].input_shape
    wanted = (height, width, channels)
    given = wanted if image_shape is None else tuple(image_shape)
    size = None if None in wanted[:2] or wanted[:2] == given[:2] else wanted[:2]
    adapter = InputAdapter.of(
        preprocessing,
        size=size,
        channels=None if channels == given[2] else channels,
    )
    neutral = InputAdapter().settings
    return None if adapter.settings == neutral else adapter


def assembled(
    model: keras.Model,
    adapter: InputAdapter | None = None,
    image_shape: Sequence[int] | None = None,
    num_classes: int | None = None,
) -> keras.Model:
    """Returns a flat copy of a net with an adapter and a head of logits.

    All weights but those of a new head are the original's, bit by bit. A
    softmax or a sigmoid behind the head is left out.

    Args:
        model: A functional or sequential classifier; of one with several
            BatchNorm branches the base branch is taken.
        adapter: First layer of the copy. Default: none.
        image_shape: `(H, W, C)` of the images. Default: that of the net.
        num_classes: Number of logits. Another number than the net's gives a
            new head. Default: the net's.

    Raises:
        ValueError: If the net is not functional, its head is not known, or
            it keeps a head whose activation is another one.

    Example:
    >>> from dat_keras.architectures import ResNet8
    >>> assembled(ResNet8(10, width=2), num_classes=3).output_shape
    (None, 3)
    """
    model = branch_models(model)[0]
    taken = () if adapter is None else (adapter.name,)
    copies = LayerCopies(taken=taken)
    if image_shape is None:
        image = input_like(model)
    else:
        image = keras.Input(tuple(image_shape), name="image")
    x = image
    if adapter is not None:
        x = type(adapter).from_config(adapter.get_config())(image)
    copy = keras.Model(image, run_flat(model, x, copies), name=model.name)
    copies.copy_weights()
    head = Head.of(copy)
    if num_classes is None or num_classes == head.classes:
        return copy if head.is_plain else head.of_logits(copy)
    return head.replaced(copy, num_classes)


@dataclass(frozen=True)
class Head:
    """The last layer with weights, and what follows it.

    Args:
        layer: A dense layer, or a convolution of 1x1 pixels.
        features: What it reads.
        after: Layers without weights behind it.
    """

    layer: keras.layers.Layer
    features: keras.KerasTensor
    after: tuple[Any, ...]

    @classmethod
    def of(cls, model: keras.Model) -> Head:
        """Finds the head of a functional model.

        Raises:
            ValueError: If its output is not made by such a layer.
        """
        nodes = list(nodes_of(functional_of(model)))
        last = max(
            (i for i, n in enumerate(nodes) if _weights(n.operation)),
            default=0,
        )
        layer = nodes[last].operation
        after = tuple(n.operation for n in nodes[last + 1 :])
        dense = type(layer) is layers.Dense or (
            type(layer) is layers.Conv2D and layer.kernel_size == (1, 1)
        )
        if not dense or not all(isinstance(a, AFTER_HEAD) for a in after):
            names = [type(a).__name__ for a in (layer, *after)]
            raise ValueError(
                "The net's head must be its last layer, a `Dense` or a 1x1 "
                "`Conv2D`, with nothing but an activation or a reshaping "
                f"behind it. Received: {', '.join(names)}"
            )
        return cls(layer, nodes[last].input_tensors[0], after)

    @property
    def classes(self) -> int:
        """Number of its outputs."""
        dense = isinstance(self.layer, layers.Dense)
        return self.layer.units if dense else self.layer.filters

    @property
    def is_plain(self) -> bool:
        """Whether it is a dense layer of logits, and the last layer."""
        linear = self.layer.activation is keras.activations.linear
        return (
            linear and not self.after and isinstance(self.layer, layers.Dense)
        )

    def of_logits(self, model: keras.Model) -> keras.Model:
        """Returns the model with the same weights and no activation.

        Raises:
            ValueError: If its activation is no function of logits.
        """
        self._check_activation()
        made = self._on_top(
            model, self.classes, self.layer.name, self.layer.use_bias
        )
        kernel, *bias = self.layer.get_weights()
        shape = kernel.shape[-2:]
        made.layers[-1].set_weights([kernel.reshape(shape), *bias])
        return made

    def replaced(self, model: keras.Model, num_classes: int) -> keras.Model:
        """Returns the model with a new head."""
        taken = {layer.name for layer in model.layers} - {self.layer.name}
        name = "logits" if "logits" not in taken else "new_logits"
        return self._on_top(model, num_classes, name)

    def _check_activation(self) -> None:
        """Refuses activations whose inputs are no logits of classes."""
        linear = keras.activations.linear
        for layer in (self.layer, *self.after):
            found = getattr(layer, "activation", linear)
            if found is keras.activations.sigmoid:
                warnings.warn(
                    "The net ends in a sigmoid, one answer a class. It is "
                    "left out: its inputs are trained as logits of a softmax, "
                    "with the same class on top.",
                    stacklevel=2,
                )
            elif found not in (linear, keras.activations.softmax):
                name = getattr(found, "__name__", type(found).__name__)
                raise ValueError(
                    "The net must end in logits, a softmax or a sigmoid: "
                    "without another activation it is another function. "
                    f"Received: activation {name!r} of layer {layer.name!r}"
                )

    def _on_top(
        self, model: keras.Model, units: int, name: str, use_bias: bool = True
    ) -> keras.Model:
        x = self.features
        if len(x.shape) != 2:
            x = layers.Flatten(name=f"{name}_flatten")(x)
        head = layers.Dense(
            units, use_bias=use_bias, name=name, dtype="float32"
        )
        return keras.Model(model.inputs[0], head(x), name=model.name)


def set_trainable(model: keras.Model, trainable: str) -> None:
    """Freezes layers of a net that was just made, before it is trained.

    A frozen BatchNorm layer reads and keeps the statistics that it has, as in
    Keras.

    Args:
        model: A functional model.
        trainable: `"all"`, `"head"`, or `"last:N"`, the last N layers that
            have weights; the head is the last of them.

    Raises:
        ValueError: If it is neither, or N is more than there are.

    Example:
    >>> made = [keras.Input((2,)), *(keras.layers.Dense(2) for _ in range(3))]
    >>> net = keras.Sequential(made)
    >>> set_trainable(net, "last:2")
    >>> [layer.trainable for layer in net.layers]
    [False, True, True]
    """
    nodes = nodes_of(functional_of(model))
    weighty = dict.fromkeys(n.operation for n in nodes if _weights(n.operation))
    count = last_layers(trainable)
    if count is None:
        return
    if count > len(weighty):
        raise ValueError(
            f"`trainable` names more layers than the {len(weighty)} of this "
            f"net that have weights. Received: trainable={trainable!r}"
        )
    for layer in list(weighty)[: len(weighty) - count]:
        layer.trainable = False


def last_layers(trainable: str) -> int | None:
    """Returns the number of layers that are trained, `None` for all.

    Args:
        trainable: See `set_trainable`.

    Raises:
        ValueError: If it is of another form.

    Example:
    >>> last_layers("all"), last_layers("head"), last_layers("last:3")
    (None, 1, 3)
    """
    known = {"all": None, "head": 1}
    if trainable in known:
        return known[trainable]
    word, _, number = str(trainable).partition(":")
    if word == "last" and number.isdecimal() and int(number) > 0:
        return int(number)
    raise ValueError(
        "`trainable` must be 'all', 'head', or 'last:N' with N from 1. "
        f"Received: trainable={trainable!r}"
    )


def _weights(operation: Any) -> list[keras.Variable]:
    return list(getattr(operation, "weights", ()))
