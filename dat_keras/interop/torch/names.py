"""Name tables: layers of this library and of PyTorch code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from dat_keras.utils.swish_depths import SWISH_DEPTHS
from dat_keras.zoo.errors import RefusedContentError


@dataclass(frozen=True)
class Naming:
    """How PyTorch code names the layers of an architecture.

    Args:
        modules: Names of modules, by a pattern of our layer's name.
        width: The weight whose first axis tells the width.
        channels: Length of that axis at width one.
        stem: Name of the first convolution.
        unused: Pattern of modules that exist but take no part.
    """

    modules: Mapping[str, tuple[str, ...]]
    width: str
    channels: int = 1
    stem: str = "conv1"
    unused: str = r"(?!)"

    def candidates(self, layer: str) -> list[str]:
        """Returns the names that one of our layers can have there."""
        return [
            re.sub(pattern, module, layer)
            for pattern, modules in self.modules.items()
            if re.fullmatch(pattern, layer)
            for module in modules
        ]


_STAGE = r"stage(\d+)_block(\d+)_"

_RESNET = {
    r"stem_(conv|bn)": (r"\g<1>1",),
    _STAGE + r"((?:conv|bn)\d)": (r"layer\1.\2.\3",),
    _STAGE + "shortcut": (r"layer\1.\2.shortcut.0", r"layer\1.\2.downsample.0"),
    # DAJAT's code keeps the norms of the shortcuts apart.
    _STAGE + "shortcut_bn": (
        r"layer\1.\2.shortcut.1",
        r"layer\1.\2.shortcut_bn.0",
        r"layer\1.\2.downsample.1",
    ),
    "final_bn": ("bn",),
    "logits": ("linear", "fc"),
}
_WIDE_RESNET = {
    "stem_conv": ("conv1",),
    _STAGE + r"((?:conv|bn)\d)": (r"block\1.layer.\2.\3",),
    _STAGE + "shortcut": (r"block\1.layer.\2.convShortcut",),
    "final_bn": ("bn1",),
    "logits": ("fc", "linear"),
}
# TRADES' code builds a second first stage and never calls it.
_WIDE = Naming(
    _WIDE_RESNET,
    "block1.layer.0.conv1.weight",
    channels=16,
    unused=r"sub_block1\..*",
)


def _counted_from_0(block: str, conv: str, first: int) -> dict:
    """Names in Gowal et al.'s code, which counts stages and norms from 0."""
    named = {
        rf"stage{stage}_block(\d+)_{kind}{i}": (
            f"{block.format(stage - 1)}{other}{i - shift}",
        )
        for stage in (1, 2, 3, 4)
        for kind, other, shift in (
            ("bn", "batchnorm_", 1),
            ("conv", conv, first),
        )
        for i in (1, 2)
    }
    shortcuts = {
        rf"stage{stage}_block(\d+)_shortcut": (
            f"{block.format(stage - 1)}shortcut",
        )
        for stage in (1, 2, 3, 4)
    }
    return {
        **named,
        **shortcuts,
        "final_bn": ("batchnorm",),
        "logits": ("logits",),
    }


_SWISH_WIDE = Naming(
    {
        "stem_conv": ("init_conv",),
        **_counted_from_0(r"layer.{}.block.\1.", "conv_", 1),
    },
    "layer.0.block.0.conv_0.weight",
    channels=16,
    stem="init_conv",
)
_SWISH_PREACT = Naming(
    {
        "stem_conv": ("conv_2d",),
        **_counted_from_0(r"layer_{}.\1.", "conv_2d_", 0),
    },
    "conv_2d.weight",
    stem="conv_2d",
)

NAMINGS: dict[str, Naming] = {
    "resnet18": Naming(_RESNET, "conv1.weight"),
    "preactresnet18": Naming(_RESNET, "conv1.weight"),
    "wrn-28-10": _WIDE,
    "wrn-34-10": _WIDE,
    "wrn-70-16": _WIDE,
    "swish-preactresnet18": _SWISH_PREACT,
    **{f"swish-wrn-{depth}": _SWISH_WIDE for depth in SWISH_DEPTHS},
}
"""Namings by architecture."""

PARAMETERS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""PyTorch's names of a layer's weights, by Keras'."""

STATISTICS = {"mean": "mean", "mu": "mean", "std": "std", "sigma": "std"}
"""Buffers of a normalising first module, by their last name."""

_COUNTER = re.compile(r"(.*\.)?num_batches_tracked")
_OTHER_BRANCH = re.compile(
    r"(.*\.)?\w+_auto\..*|.*\.bns\.[1-9]\d*\..*|"
    r".*\.(bn_adv|bn_aux|aux_bn|bn_auto)\..*"
)
_BASE_BRANCH = re.compile(r"\.(bns\.0|bn_clean|bn_base)(?=\.)")


@dataclass(frozen=True)
class Found:
    """The names of a checkpoint, sorted out.

    Args:
        weights: Names in the file, by those that `Naming` knows.
        statistics: Names in the file of `"mean"` and `"std"`.
    """

    weights: Mapping[str, str]
    statistics: Mapping[str, str]


def sort_out(names: Collection[str], naming: Naming) -> Found:
    """Strips prefixes, and the branches of dual BatchNorm but the base.

    The prefix (`module.`, `model.`, `1.`, ...) is what precedes the
    first convolution.

    Args:
        names: All names of a checkpoint.
        naming: The architecture's.

    Raises:
        RefusedContentError: If there is no such network, or are several.

    Example:
    >>> names = ["0.mean", "1.conv1.weight", "1.bn1.bias", "1.bn1_auto.bias"]
    >>> found = sort_out(names, NAMINGS["resnet18"])
    >>> list(found.weights), list(found.statistics)
    (['conv1.weight', 'bn1.bias'], ['mean'])
    """
    prefix = _prefix(names, f"{naming.stem}.weight")
    weights: dict[str, str] = {}
    statistics: dict[str, str] = {}
    for name in names:
        kind = STATISTICS.get(name.rpartition(".")[2])
        known = _BASE_BRANCH.sub("", name.removeprefix(prefix))
        if kind:
            _add(statistics, kind, name)
        elif not name.startswith(prefix):
            _refuse_odd([name])
        elif not (
            _COUNTER.fullmatch(name)
            or _OTHER_BRANCH.fullmatch(known)
            or re.fullmatch(naming.unused, known)
        ):
            _add(weights, known, name)
    return Found(weights, statistics)


def sources(
    paths: Iterable[str], found: Found, naming: Naming
) -> dict[str, str]:
    """Which weight of a checkpoint each of ours is.

    Args:
        paths: Paths of our weights, `layer/kind`.
        found: The checkpoint's names.
        naming: The architecture's.

    Returns:
        Names in the file, by path.

    Raises:
        RefusedContentError: If one is missing, or any is left over.
    """
    chosen = {}
    for path in paths:
        layer, kind = path.split("/")
        names = [
            f"{module}.{PARAMETERS[kind]}"
            for module in naming.candidates(layer)
        ]
        present = [name for name in names if name in found.weights]
        if not present:
            raise RefusedContentError(
                f"the checkpoint is of another architecture: it has no "
                f"`{names[0]}`",
                "see --architecture",
            )
        chosen[path] = found.weights[present[0]]
    _refuse_odd(sorted(set(found.weights.values()) - set(chosen.values())))
    return chosen


def _prefix(names: Collection[str], stem: str) -> str:
    stems = [
        name.removesuffix(stem)
        for name in names
        if name == stem or name.endswith(f".{stem}")
    ]
    shortest = min(map(len, stems), default=-1)
    found = [stem for stem in stems if len(stem) == shortest]
    if len(found) != 1:
        what = "several networks" if found else f"no `{stem}`"
        raise RefusedContentError(
            f"the checkpoint is of another architecture: it has {what}",
            "see --architecture",
        )
    return found[0]


def _add(table: dict[str, str], key: str, name: str) -> None:
    if key in table:
        raise RefusedContentError(
            f"the checkpoint has two weights for {key[:80]!r}: "
            f"{table[key][:80]!r} and {name[:80]!r}"
        )
    table[key] = name


def _refuse_odd(names: list[str]) -> None:
    if names:
        raise RefusedContentError(
            f"the checkpoint is of another architecture: {len(names)} of its "
            f"weights have no place, first {names[0][:80]!r}",
            "see --architecture",
        )
