"""Builds a published model from its spec and loads checked weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.architectures import ARCHITECTURES
from dat_keras.core.weights import load_weights
from dat_keras.utils.files import sha256_of
from dat_keras.zoo.bundle.headers import check_header
from dat_keras.zoo.bundle.layout import CONFIG, LIMITS, WEIGHTS
from dat_keras.zoo.bundle.plain_json import read_json
from dat_keras.zoo.bundle.shapes import shapes_of
from dat_keras.zoo.cards.spec import ModelSpec, read_spec
from dat_keras.zoo.errors import RefusedContentError


@dataclass(frozen=True)
class ReadModel:
    """A model read from files.

    Args:
        model: Maps images to logits.
        spec: Its checked config.
    """

    model: keras.Model
    spec: ModelSpec


def build(spec: ModelSpec) -> keras.Model:
    """The untrained model of a spec, from this library's architectures.

    Args:
        spec: The model's checked config.

    Raises:
        RefusedContentError: If there is no such model.
    """
    shapes_of(spec)
    try:
        return ARCHITECTURES[spec.architecture](
            len(spec.class_names), input_shape=spec.input_shape, **spec.kwargs
        )
    except (TypeError, ValueError) as error:
        raise RefusedContentError(
            f"config.json is refused: {str(error)[:200]}"
        ) from None


def load_model_file(spec: ModelSpec, path: Path) -> keras.Model:
    """The model of a spec with the weights of a file, all checked.

    Args:
        spec: The model's checked config.
        path: The safetensors file.

    Raises:
        DatKerasError: If the weights do not fit or are not finite.
    """
    check_header(path, shapes_of(spec))
    model = build(spec)
    load_weights(model, path)
    return model


def read_folder(path: Path) -> ReadModel:
    """Reads a pulled model; every file is checked against its sha256.

    Args:
        path: The folder.

    Raises:
        DatKerasError: If a file is missing, damaged or does not fit.
    """
    config = path / CONFIG
    if config.stat().st_size > LIMITS[CONFIG]:
        raise RefusedContentError(f"{config} is refused: too large")
    spec, records = read_spec(read_json(config.read_bytes(), CONFIG))
    record = records.get(WEIGHTS)
    found = sha256_of(path / WEIGHTS)
    if record is None or found != record.sha256:
        wanted = record.sha256 if record else "none"
        raise RefusedContentError(
            f"{path / WEIGHTS} does not match its sha256 "
            f"(expected {wanted[:8]}…, got {found[:8]}…)"
        )
    return ReadModel(load_model_file(spec, path / WEIGHTS), spec)
