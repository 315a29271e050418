"""`Bundle`: a model as repository files, read back and compared."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from dat_keras.architectures import BranchedClassifier
from dat_keras.core.threat_models import norm_of
from dat_keras.core.weights import fingerprint, save_weights
from dat_keras.evaluation.robustbench import entries
from dat_keras.objectives import Objective
from dat_keras.objectives.distillation import Distillation
from dat_keras.objectives.unions import UnionObjective
from dat_keras.recipes import Recipe
from dat_keras.training.run_info import load_classifier
from dat_keras.utils.config import encode
from dat_keras.utils.files import sha256_of
from dat_keras.utils.report_data import of_norms
from dat_keras.utils.run_folder import RunFolder
from dat_keras.utils.version import __version__
from dat_keras.zoo.bundle.folder import is_model_folder
from dat_keras.zoo.bundle.layout import (
    CARD,
    CONFIG,
    KERAS_COPY,
    RESULTS,
    WEIGHTS,
)
from dat_keras.zoo.bundle.own_architecture import as_own
from dat_keras.zoo.bundle.plain_json import canonical_json
from dat_keras.zoo.bundle.read import read_folder
from dat_keras.zoo.bundle.shapes import shapes_of
from dat_keras.zoo.cards.card import model_card
from dat_keras.zoo.cards.reports import reports_of
from dat_keras.zoo.cards.results import results
from dat_keras.zoo.cards.spec import FileRecord, ModelSpec
from dat_keras.zoo.errors import BadReferenceError, RefusedContentError


@dataclass(frozen=True)
class Bundle:
    """A model and all that is published with it.

    Args:
        model: The functional model of the base branch.
        spec: The model's config.
        reports: Its evaluations, as plain data.
        date: End of the training, `YYYY-MM-DD@HH:MM:SS`, UTC.
        keras_copy: Whether a copy for Keras alone is added.
        provenance: Command, hardware and time of the training, if known.
    """

    model: keras.Model
    spec: ModelSpec
    reports: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    date: str = ""
    keras_copy: bool = True
    provenance: Mapping[str, Any] = field(default_factory=dict)


def from_run(
    path: Path, weights: str = "best", reports: Sequence[Path] = ()
) -> Bundle:
    """The bundle of a run folder, or of a model's folder.

    Args:
        path: The run folder, or what `pull` or `import-torch` wrote.
        weights: `"best"` or `"last"`, of a run.
        reports: Files of `dat-keras evaluate --json` on these weights.

    Raises:
        DatKerasError: If it is no run, or a report is on other weights.
    """
    if is_model_folder(path):
        return _from_folder(path, reports)
    loaded = load_classifier(path, weights)
    if loaded.info is None:
        raise BadReferenceError(
            f"{path} is no run folder", "name the folder of a training run"
        )
    model = base_of(loaded.model)
    info, recipe = loaded.info, _impersonal(loaded.info.recipe)
    threat = recipe.eval_attack.threat_model
    spec = ModelSpec(
        architecture=recipe.architecture,
        kwargs={} if recipe.width is None else {"width": recipe.width},
        input_shape=info.image_shape,
        class_names=info.class_names,
        dataset=recipe.dataset,
        norm=norm_of(threat),
        eps=float(threat.eps),
        training=cast(dict, encode(recipe)),
        version=__version__,
    )
    used = (loaded.fingerprint, fingerprint(model))
    if recipe.init is not None:
        own = as_own(spec, model)
        if own is None:
            raise BadReferenceError(
                f"the run began at {recipe.init.source}, whose layers others "
                "could not check: only this package's own architectures are "
                "published",
                "send the file that `dat-keras export RUN net.keras` writes",
            )
        spec, model = own.spec, own.model
    ended = RunFolder(path).weights(weights).stat().st_mtime
    return Bundle(model, spec, reports_of(reports, used), _date(ended))


def _from_folder(path: Path, reports: Sequence[Path]) -> Bundle:
    read = read_folder(path)
    chosen = reports_of(reports, (fingerprint(read.model),))
    changed = (path / WEIGHTS).stat().st_mtime
    return Bundle(read.model, read.spec, chosen, _date(changed))


def base_of(model: keras.Model) -> keras.Model:
    """The functional model to deploy: branch 0 of a branched classifier.

    Args:
        model: A classifier.

    Example:
    >>> from dat_keras.architectures import ResNet8
    >>> base_of(ResNet8(10, width=4, branches=2)).name
    'resnet8'
    """
    return model.base if isinstance(model, BranchedClassifier) else model


def write_bundle(
    bundle: Bundle, folder: Path, repo: str, license: str
) -> dict[str, FileRecord]:
    """Writes the files of a repository; the same bundle gives the same bytes.

    Args:
        bundle: What to publish.
        folder: An empty folder.
        repo: `namespace/name`, for the card.
        license: Identifier of the licence.

    Returns:
        Sizes and hashes by path.

    Raises:
        RefusedContentError: If the model does not come back from them.
    """
    model, spec = bundle.model, bundle.spec
    _check_names(model, spec)
    save_weights(model, folder / WEIGHTS)
    digest = sha256_of(folder / WEIGHTS)
    (folder / RESULTS).parent.mkdir()
    table = results(digest, bundle.reports)
    parts = [part for report in bundle.reports for part in of_norms(report)]
    table["robustbench"] = entries(parts, spec.architecture, spec.training)
    (folder / RESULTS).write_bytes(canonical_json(table))
    if bundle.keras_copy:
        _write_keras_copy(bundle, folder)
    records = {
        name: _record(folder / name)
        for name in (WEIGHTS, RESULTS, *KERAS_COPY)
        if (folder / name).exists()
    }
    parameters = sum(int(np.prod(v.shape)) for v in model.weights)
    block = spec.to_json(records)
    block |= {"parameters": parameters, "tensors": len(model.weights)}
    config = _keras_config(model) if bundle.keras_copy else {}
    (folder / CONFIG).write_bytes(
        canonical_json({**config, "dat_keras": block})
    )
    facts = {
        "parameters": parameters,
        "sha256": digest,
        "keras_copy": bundle.keras_copy,
        "provenance": bundle.provenance,
    }
    card = model_card(spec, repo, license, bundle.reports, facts)
    (folder / CARD).write_text(card)
    check_round_trip(model, folder)
    names = {*records, CONFIG, CARD}
    return {name: _record(folder / name) for name in sorted(names)}


def check_round_trip(model: keras.Model, folder: Path) -> None:
    """Reads the files back and compares logits on a fixed batch.

    Args:
        model: The model that was written.
        folder: The files.

    Raises:
        RefusedContentError: If the logits differ in any bit.
    """
    shape = (4, *model.input_shape[1:])
    x = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    again = read_folder(folder).model
    before, after = (
        np.asarray(net(x, training=False)) for net in (model, again)
    )
    if not np.array_equal(before, after) or not np.isfinite(before).all():
        raise RefusedContentError(
            "the model does not give the same finite logits when read back"
        )


def _date(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%d@%H:%M:%S}"


def _impersonal(recipe: Recipe) -> Recipe:
    """Replaces paths of data sets and of models by their last part."""
    name = Path(recipe.dataset).name
    source, labels = map(_last_part, (recipe.extra.source, recipe.extra.labels))
    init = recipe.init and replace(
        recipe.init, source=cast(str, _last_part(recipe.init.source))
    )
    return replace(
        recipe,
        dataset=name,
        init=init,
        name=recipe.name.replace(recipe.dataset, name),
        extra=replace(recipe.extra, source=source, labels=labels),
        objective=_without_path(recipe.objective),
    )


def _without_path(objective: Objective) -> Objective:
    if isinstance(objective, UnionObjective):
        return replace(objective, base=_without_path(objective.base))
    if isinstance(objective, Distillation):
        return replace(objective, teacher=_last_part(objective.teacher))
    return objective


def _last_part(source: str | None) -> str | None:
    """A name of the zoo or the Hub as it is, of a path the last part."""
    if source is None:
        return None
    path = Path(source)
    is_path = (
        path.exists()
        or path.is_absolute()
        or path.suffix == ".keras"
        or source.startswith((".", "~"))
    )
    return path.name if is_path else source


def _check_names(model: keras.Model, spec: ModelSpec) -> None:
    """Names must be those of the architecture, in any process."""
    wanted = shapes_of(spec)
    odd = sorted({v.path for v in model.weights} ^ wanted.keys())
    if odd:
        raise RefusedContentError(
            f"the model is no {spec.architecture}: {len(odd)} weights differ, "
            f"first {odd[0]!r}"
        )


def _keras_config(model: keras.Model) -> dict[str, Any]:
    # With a loss of ours inside, Keras alone could not read it.
    config = keras.saving.serialize_keras_object(model)
    return {**config, "compile_config": None}


def _write_keras_copy(bundle: Bundle, folder: Path) -> None:
    weights, metadata = (folder / name for name in KERAS_COPY)
    bundle.model.save_weights(weights)
    about = {"keras_version": keras.__version__, "date_saved": bundle.date}
    metadata.write_bytes(canonical_json(about))


def _record(path: Path) -> FileRecord:
    return FileRecord(sha256_of(path), path.stat().st_size)
