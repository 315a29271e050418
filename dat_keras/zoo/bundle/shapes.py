"""Names and shapes of every architecture's weights, without Keras.

An untrusted model is checked against these before anything is built, and the
commands that only move files need not wait for TensorFlow. The tests compare
them with the models themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dat_keras.utils.swish_depths import SWISH_DEPTHS
from dat_keras.zoo.cards.spec import ModelSpec
from dat_keras.zoo.errors import RefusedContentError

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Shapes by path of the weight; all are float32."""

Named: TypeAlias = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Net:
    """What the shapes of a residual network depend on, but its width.

    Args:
        block: Makes the weights of a block from its name, its inputs, its
            outputs, and whether it changes the shape.
        norm: Name of the BatchNorm outside the blocks.
        norm_at: What it normalises: 0 for the stem, -1 for the last stage.
        stages: Channels of each stage, at width one.
        blocks: Blocks of each stage.
        width: Default width.
        stem: Channels of the stem; `None` is the width.
    """

    block: Callable[[str, int, int, bool], Named]
    norm: str
    norm_at: int
    stages: tuple[int, ...]
    blocks: int
    width: int
    stem: int | None = None


def shapes_of(spec: ModelSpec) -> Shapes:
    """The weights that a spec's model has.

    Args:
        spec: The model's checked config.

    Raises:
        RefusedContentError: If there is no such model.
    """
    net = NETS.get(spec.architecture)
    if net is None:
        raise RefusedContentError(
            f"unknown architecture {spec.architecture!r}",
            "update dat_keras; this version publishes " + ", ".join(NETS),
        )
    channels = spec.input_shape[-1]
    statistics = spec.kwargs.get("mean_std") or ()
    if any(len(numbers) != channels for numbers in statistics):
        raise RefusedContentError(
            f"config.json is refused: `mean_std` must have {channels} numbers "
            "each"
        )
    width = spec.kwargs.get("width", net.width)
    return dict(_weights(net, width, channels, len(spec.class_names)))


def _weights(net: Net, width: int, channels: int, classes: int) -> Named:
    stem = net.stem or width
    outputs = [stem, *(n * width for n in net.stages)]
    yield from _conv("stem_conv", channels, stem)
    inputs = stem
    for stage, wide in enumerate(outputs[1:], 1):
        for index in range(net.blocks):
            changes = inputs != wide or (stage > 1 and index == 0)
            name = f"stage{stage}_block{index}"
            yield from net.block(name, inputs, wide, changes)
            inputs = wide
    yield from _norm(net.norm, outputs[net.norm_at])
    yield "logits/kernel", (inputs, classes)
    yield "logits/bias", (classes,)


def _post_activation(
    name: str, inputs: int, outputs: int, changes: bool
) -> Named:
    yield from _conv(f"{name}_conv1", inputs, outputs)
    yield from _norm(f"{name}_bn1", outputs)
    yield from _conv(f"{name}_conv2", outputs, outputs)
    yield from _norm(f"{name}_bn2", outputs)
    if changes:
        yield from _conv(f"{name}_shortcut", inputs, outputs, 1)
        yield from _norm(f"{name}_shortcut_bn", outputs)


def _pre_activation(
    name: str, inputs: int, outputs: int, changes: bool
) -> Named:
    yield from _norm(f"{name}_bn1", inputs)
    yield from _conv(f"{name}_conv1", inputs, outputs)
    yield from _norm(f"{name}_bn2", outputs)
    yield from _conv(f"{name}_conv2", outputs, outputs)
    if changes:
        yield from _conv(f"{name}_shortcut", inputs, outputs, 1)


def _swish_pre_activation(
    name: str, inputs: int, outputs: int, changes: bool
) -> Named:
    yield from _pre_activation(name, inputs, outputs, False)
    if changes:
        yield from _conv(f"{name}_shortcut", inputs, outputs)


def _conv(name: str, inputs: int, outputs: int, size: int = 3) -> Named:
    yield f"{name}/kernel", (size, size, inputs, outputs)


def _norm(name: str, width: int) -> Named:
    for kind in ("gamma", "beta", "moving_mean", "moving_variance"):
        yield f"{name}/{kind}", (width,)


_POST = (_post_activation, "stem_bn", 0)
_PRE = (_pre_activation, "final_bn", -1)

NETS: dict[str, Net] = {
    "resnet18": Net(*_POST, (1, 2, 4, 8), 2, 64),
    "preactresnet18": Net(*_PRE, (1, 2, 4, 8), 2, 64),
    "wrn-34-10": Net(*_PRE, (16, 32, 64), 5, 10, stem=16),
    "wrn-70-16": Net(*_PRE, (16, 32, 64), 11, 16, stem=16),
    "wrn-28-10": Net(*_PRE, (16, 32, 64), 4, 10, stem=16),
    "resnet8": Net(*_POST, (1, 2, 4), 1, 16),
    "swish-preactresnet18": Net(
        _swish_pre_activation, "final_bn", -1, (1, 2, 4, 8), 2, 64
    ),
    **{
        f"swish-wrn-{depth}": Net(
            *_PRE, (16, 32, 64), (depth - 4) // 6, 10, stem=16
        )
        for depth in SWISH_DEPTHS
    },
}
"""What can be published: the nets of `architectures.OWN`."""
