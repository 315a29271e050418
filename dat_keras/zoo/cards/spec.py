"""`ModelSpec`: config of a published model, plain data checked by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dat_keras.zoo.errors import RefusedContentError

FORMAT = 1
"""Version of the layout; a reader refuses later ones."""

UNKNOWN_DATASET = "unknown"
"""Data set of a model whose training data nothing states."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class FileRecord:
    """Size in bytes and sha256 of a file of the model."""

    sha256: str
    size: int


@dataclass(frozen=True)
class ModelSpec:
    """How to build a model, and what it was trained for.

    Args:
        architecture: Key of `ARCHITECTURES`.
        kwargs: `width` and `mean_std`, where they are not the default.
        input_shape: `(H, W, C)`; pixels are in `[0, 1]`.
        class_names: Names of the classes, in the order of the logits.
        dataset: Name of the data set it was trained on.
        norm: Key of `THREAT_MODELS`.
        eps: Radius, in pixel units of `[0, 1]`.
        training: The recipe as plain data; it is shown, never run.
        version: Version of dat_keras that wrote it.
    """

    architecture: str
    kwargs: Json
    input_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    dataset: str
    norm: str
    eps: float
    training: Json = field(default_factory=dict)
    version: str = ""

    @property
    def method(self) -> str:
        """Class of the training method; empty where nothing says it."""
        objective = self.training.get("objective")
        name = objective.get("class") if isinstance(objective, dict) else ""
        return name if isinstance(name, str) else ""

    def to_json(self, files: Mapping[str, FileRecord]) -> dict[str, Any]:
        """Returns the `dat_keras` block of `config.json`.

        Args:
            files: The files that the block vouches for.
        """
        from dat_keras.utils.norms import pixel_fraction

        mean, std = self.kwargs.get("mean_std") or (None, None)
        text = pixel_fraction(self.eps)
        return {
            "format": FORMAT,
            "version": self.version,
            "architecture": self.architecture,
            "kwargs": dict(self.kwargs),
            "num_classes": len(self.class_names),
            "class_names": list(self.class_names),
            "input_shape": list(self.input_shape),
            "input_range": [0, 1],
            "normalization": {"inside_model": True, "mean": mean, "std": std},
            "dtype": "float32",
            "dataset": self.dataset,
            "threat_model": {
                "norm": self.norm,
                "eps": float(self.eps),
                "eps_text": text,
            },
            "training": dict(self.training),
            "files": {
                name: {"sha256": f.sha256, "size": f.size}
                for name, f in files.items()
            },
        }


def read_spec(config: Json) -> tuple[ModelSpec, dict[str, FileRecord]]:
    """Reads the `dat_keras` block; the rest of the config is not looked at.

    Args:
        config: Content of a `config.json`.

    Returns:
        The spec, and the files that the block vouches for.

    Raises:
        RefusedContentError: If the block is missing, of a later format, or a
            field is not what it must be.
    """
    block = config.get("dat_keras")
    if not isinstance(block, dict):
        raise RefusedContentError(
            "config.json has no dat_keras block", "this is no dat_keras model"
        )
    if block.get("format") != FORMAT:
        raise RefusedContentError(
            f"the model has format {repr(block.get('format'))[:20]}, this "
            f"version of dat_keras reads {FORMAT}",
            "update dat_keras",
        )
    take = _Fields(block)
    threat = _Fields(take("threat_model", _mapping))
    count = take("num_classes", _whole(1, 100_000))
    spec = ModelSpec(
        architecture=take("architecture", _text),
        kwargs=take("kwargs", _kwargs),
        input_shape=tuple(take("input_shape", _list(3, _whole(1, 4096)))),
        class_names=tuple(take("class_names", _list(count, _text))),
        dataset=take("dataset", _text),
        norm=threat("norm", _text),
        eps=threat("eps", _number),
        training=take("training", _mapping),
        version=take("version", _text),
    )
    files = take("files", _mapping)
    return spec, {name: _record(name, f) for name, f in files.items()}


@dataclass(frozen=True)
class _Fields:
    """Takes fields out of an untrusted object, each through its check."""

    block: Json

    def __call__(self, name: str, check: Callable[[Any], Any]) -> Any:
        try:
            return check(self.block[name])
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedContentError(
                f"config.json is refused: field {name!r} is missing or bad "
                f"({str(error)[:80]})"
            ) from None


def _kind(*kinds: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # The exact type: True is an int to `isinstance`.
        if type(value) not in kinds:
            raise TypeError(f"received a {type(value).__name__}")
        return value

    return check


_mapping, _number = _kind(dict), _kind(int, float)


def _text(value: Any) -> str:
    text = _kind(str)(value)
    if len(text) > 200 or not text.isprintable():
        raise ValueError("not a short line of text")
    return text


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not low <= _kind(int)(value) <= high:
            raise ValueError(f"not in [{low}, {high}]")
        return value

    return check


def _list(length: int, check: Callable[[Any], Any]) -> Callable[[Any], list]:
    def check_all(value: Any) -> list:
        if len(_kind(list)(value)) != length:
            raise ValueError(f"not {length} entries")
        return [check(item) for item in value]

    return check_all


def _kwargs(value: Any) -> dict[str, Any]:
    unknown = sorted(_mapping(value).keys() - _KWARGS.keys())
    if unknown:
        raise ValueError(f"unknown argument {unknown[0][:40]!r}")
    return {name: _KWARGS[name](item) for name, item in value.items()}


def _channels(value: Any) -> list[float]:
    return [_number(item) for item in _kind(list)(value)[:16]]


_KWARGS: dict[str, Callable[[Any], Any]] = {
    "width": _whole(1, 1024),
    "mean_std": _list(2, _channels),
}


def _record(name: str, value: Any) -> FileRecord:
    take = _Fields(_mapping(value) if isinstance(value, dict) else {})
    digest = take("sha256", _text)
    if len(digest) != 64:
        raise RefusedContentError(f"config.json: bad sha256 for {name[:80]!r}")
    return FileRecord(digest, take("size", _whole(0, 1 << 40)))
