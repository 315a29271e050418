"""`describe`: the facts about a run or a model, without loading its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dat_keras.utils.files import sha256_of
from dat_keras.utils.norms import pixel_fraction
from dat_keras.zoo.bundle.folder import is_model_folder
from dat_keras.zoo.bundle.layout import CONFIG, RESULTS, WEIGHTS
from dat_keras.zoo.bundle.plain_json import read_json
from dat_keras.zoo.cards.accuracies import accuracies
from dat_keras.zoo.cards.results import cautions, results
from dat_keras.zoo.cards.spec import FileRecord, ModelSpec, read_spec
from dat_keras.zoo.commands.bundled import ZooCard, find
from dat_keras.zoo.commands.describe_run import describe_run
from dat_keras.zoo.commands.sources import check_arguments, is_path
from dat_keras.zoo.errors import BadReferenceError, RefusedContentError
from dat_keras.zoo.hub.client import Hub
from dat_keras.zoo.hub.pull import read_small
from dat_keras.zoo.hub.reference import HubRef, parse


def describe(
    text: str,
    hub: Hub,
    filters: tuple[str | None, str | None] = (None, None),
    revision: str | None = None,
) -> dict[str, Any]:
    """The facts about a run or a model, as plain data.

    Args:
        text: A run folder, a `.keras` file, the folder of a model, a zoo
            name or a repository.
        hub: Client of the Hub; paths never ask it.
        filters: Data set and threat model, for zoo names.
        revision: Revision of the repository, given apart.

    Raises:
        DatKerasError: If there is no such model, or it is refused.
    """
    path = Path(text)
    check_arguments(text, None, filters)
    if is_model_folder(path) or is_path(path):
        if revision:
            raise BadReferenceError(
                f"a path has no revision. Received: {revision!r} for {text}"
            )
        return _local(path)
    ref = parse(text, revision)
    if isinstance(ref, HubRef):
        return _remote(ref, hub)
    card = find(ref, *filters)
    return {"name": card.name, **_bundled(card)}


def _local(path: Path) -> dict[str, Any]:
    if is_model_folder(path):
        return _folder(path)
    if path.suffix == ".keras" and path.is_file():
        # Its config is Keras objects, which are not deserialised here.
        size = path.stat().st_size
        return {"name": str(path), "size": size, "sha256": sha256_of(path)}
    return describe_run(path)


def _bundled(card: ZooCard) -> dict[str, Any]:
    where = str(card.hub) if card.hub else "bundled"
    measured = results("", card.reports)
    facts = _facts(card.spec, card.files.get(WEIGHTS), measured)
    return {"where": where, **facts, **card.provenance}


def _remote(ref: HubRef, hub: Hub) -> dict[str, Any]:
    commit, files = read_small(ref, hub, (CONFIG, RESULTS))
    spec, records = read_spec(read_json(files[CONFIG], CONFIG))
    facts = _untrusted(spec, records, files.get(RESULTS))
    return {"name": ref.repo, "commit": commit, **facts}


def _folder(path: Path) -> dict[str, Any]:
    spec, records = read_spec(read_json((path / CONFIG).read_bytes(), CONFIG))
    table = path / RESULTS
    data = table.read_bytes() if table.is_file() else None
    return {"name": str(path), **_untrusted(spec, records, data)}


def _untrusted(
    spec: ModelSpec, records: Mapping[str, FileRecord], table: bytes | None
) -> dict[str, Any]:
    measured = read_json(table, RESULTS) if table else {}
    try:
        return _facts(spec, records.get(WEIGHTS), measured)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedContentError(
            f"{RESULTS} is refused: {str(error)[:80]}"
        ) from None


def _facts(
    spec: ModelSpec, weights: FileRecord | None, measured: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "architecture": spec.architecture,
        "arguments": ", ".join(f"{k}={v}" for k, v in spec.kwargs.items()),
        "input_shape": list(spec.input_shape),
        "classes": list(spec.class_names),
        "dataset": spec.dataset,
        "threat_model": f"{spec.norm} {pixel_fraction(spec.eps)}",
        "recipe": str(spec.training.get("name", "-")),
        "accuracy": accuracies(measured),
        **_cautions(measured),
        "size": weights.size if weights else None,
        "sha256": weights.sha256 if weights else None,
        "written_by": f"dat_keras {spec.version}",
    }


def _cautions(measured: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found = cautions(measured)
    return {"caution": found} if found else {}
