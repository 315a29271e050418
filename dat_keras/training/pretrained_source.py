"""Runs that begin at a pretrained net: reading it, and keeping its layers.

The layers of such a net are not one of this package's architectures, so the
run folder holds them in `net.json`, as Keras writes them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.keras_hub_preset import read_preset
from dat_keras.classifiers.split_batch_norm import split_batch_norm
from dat_keras.core.keras_private import number_paths
from dat_keras.core.weights import fingerprint
from dat_keras.recipes.pretrained import OF_PRESET, Pretrained
from dat_keras.training.harden import prepared
from dat_keras.utils.errors import DamagedFileError
from dat_keras.utils.files import sha256_of, write_json
from dat_keras.utils.presets import is_preset


@dataclass(frozen=True)
class Source:
    """A pretrained net as it was found.

    Args:
        net: The classifier, without an adapter.
        sha256: Fingerprint: of the file, of the files of a preset, or of the
            weights of a run or a published model.
        adapter: The adapter of a preset.
    """

    net: keras.Model
    sha256: str
    adapter: InputAdapter | None = None


def read_source(
    source: str,
    load: Callable[[str], keras.Model],
    sha256: str | None = None,
) -> Source:
    """Reads the net that a run is to begin at.

    Args:
        source: See `Pretrained`.
        load: Returns the classifier of a name that is no preset.
        sha256: Its fingerprint, if it is known: another file is not loaded.

    Raises:
        DatKerasError: If there is no such net.
        ValueError: If it has another fingerprint.
    """
    path = Path(source)
    found = _sha256_of_files(path)
    if found is not None:
        _check_same(source, found, sha256)
    if is_preset(path):
        net, adapter = read_preset(path)
    else:
        net, adapter = load(source), None
    if found is None:
        found = fingerprint(net)
        _check_same(source, found, sha256)
    return Source(net, found, adapter)


def _sha256_of_files(path: Path) -> str | None:
    """That of what Keras would deserialise; none of what is read as data."""
    if is_preset(path):
        return _sha256_of_folder(path)
    is_file = path.suffix == ".keras" and path.is_file()
    return sha256_of(path) if is_file else None


def _check_same(source: str, found: str, wanted: str | None) -> None:
    if wanted not in (None, found):
        raise ValueError(
            "The run began at another net than is there now: restore it, or "
            f"train again into another folder. Received: {source} with "
            f"sha256 {found}, the recipe has {wanted}"
        )


def recorded(
    source: str,
    load: Callable[[str], keras.Model],
    *,
    adapter: str | None = None,
    trainable: str | None = None,
) -> Pretrained:
    """Returns a source as a recipe records it.

    Args:
        source: See `Pretrained`, and so are the others.
        load: Returns the classifier of a name that is no preset.
        adapter: Default: that of a preset, else none.
        trainable: Default: all layers.

    Raises:
        ValueError: If an adapter is named for a preset, which has its own.
    """
    found = read_source(source, load)
    if found.adapter is not None and adapter not in (None, OF_PRESET):
        raise ValueError(
            "A KerasHub preset brings its own preprocessing: leave "
            f"--preprocessing out. Received: {adapter!r} for {source}"
        )
    own = "none" if found.adapter is None else OF_PRESET
    return Pretrained(source, found.sha256, adapter or own, trainable or "all")


def begun_at(
    init: Pretrained,
    load: Callable[[str], keras.Model],
    image_shape: tuple[int, int, int],
    num_classes: int,
    branches: int,
    say: Callable[[str], None] = lambda sentence: None,
) -> keras.Model:
    """Returns the classifier that a run begins with.

    Args:
        init: What the recipe records.
        load: Returns the classifier of a name that is no preset.
        image_shape: `(H, W, C)` of the images.
        num_classes: Number of classes; another one than the net's gives it a
            new head.
        branches: Number of BatchNorm branches.
        say: Receives a sentence if the net gets a new head.

    Raises:
        ValueError: If the source is not what the recipe was made with.
    """
    found = read_source(init.source, load, init.sha256)
    classes = found.net.output_shape[-1]
    if classes != num_classes:
        say(f"a new head of {num_classes} classes in place of {classes}")
    adapter = init.adapter if found.adapter is None else found.adapter
    net = prepared(found.net, adapter, image_shape, num_classes, init.trainable)
    return _numbered(net, branches)


def described_start(init: Pretrained, classifier: keras.Model) -> str:
    """Says what a run begins at, and what was changed in the net.

    Args:
        init: What the recipe records.
        classifier: What `begun_at` returned.
    """
    base = branch_models(classifier)[0]
    moved = sum(math.prod(w.shape) for w in base.trainable_weights)
    whole = sum(math.prod(w.shape) for w in base.weights)
    adapters = [v for v in base.layers if isinstance(v, InputAdapter)]
    neutral = InputAdapter().settings
    changed = ", ".join(
        f"{name}={_short(value)}"
        for adapter in adapters
        for name, value in adapter.settings.items()
        if value != neutral[name]
    )
    return (
        f"beginning at {init.source} (sha256 {init.sha256[:12]}), input "
        f"adapter: {changed or 'none'}; {moved:,} of {whole:,} values are "
        "trained"
    )


def write_net(classifier: keras.Model, path: Path) -> None:
    """Writes the layers of a classifier, without weights.

    Args:
        classifier: What `begun_at` returned.
        path: The file.

    Raises:
        ValueError: If a net that is read from the file would not have the
            same weights in the same order.
    """
    base = branch_models(classifier)[0]
    write_json(path, keras.saving.serialize_keras_object(base))
    read = read_net(path, len(branch_models(classifier)))
    if _weights(read) != _weights(classifier):
        path.unlink()
        raise ValueError(
            "The net cannot be kept in a run folder: its layers do not build "
            f"the same weights from their configuration. Received: {base.name}"
        )


def read_net(path: Path, branches: int) -> keras.Model:
    """Returns the classifier of a run that began at a pretrained net.

    Keras deserialises it in its safe mode.

    Args:
        path: What `write_net` wrote.
        branches: Number of BatchNorm branches.

    Raises:
        DamagedFileError: If it is missing or no such file.
    """
    try:
        config = json.loads(path.read_text())
        net = keras.saving.deserialize_keras_object(config, safe_mode=True)
        return _numbered(net, branches)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DamagedFileError(f"cannot read {path}: {reason}") from None


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    return str(value)


def _numbered(net: keras.Model, branches: int) -> keras.Model:
    # Keras may make names of inner layers up, another one in each process.
    classifier = split_batch_norm(net, branches)
    number_paths(classifier)
    return classifier


def _weights(model: keras.Model) -> list[tuple]:
    return [(w.path, tuple(w.shape)) for w in model.weights]


def _sha256_of_folder(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(f for f in path.iterdir() if f.is_file()):
        digest.update(f"{file.name} {sha256_of(file)}\n".encode())
    return digest.hexdigest()
