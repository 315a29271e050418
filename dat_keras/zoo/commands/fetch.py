"""`fetch`: files of a zoo or Hub model, bundled, cached or downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dat_keras.zoo.bundle.folder import copy_into, write_folder
from dat_keras.zoo.bundle.layout import WEIGHTS
from dat_keras.zoo.commands.bundled import (
    ZooCard,
    check_pulled,
    checked_weights,
    find,
)
from dat_keras.zoo.commands.sources import check_arguments
from dat_keras.zoo.hub.client import Hub
from dat_keras.zoo.hub.pull import Pulled, PulledFile, pull
from dat_keras.zoo.hub.reference import HubRef, parse

LICENSE = "apache-2.0"
"""Licence of the bundled models: that of the package."""


@dataclass(frozen=True)
class Fetched:
    """A model that is here.

    Args:
        source: What it was: pulled from the Hub, or a bundled card.
        files: Its files.
    """

    source: Pulled | ZooCard
    files: tuple[PulledFile, ...]

    @property
    def repo(self) -> str | None:
        """The repository, or the zoo name."""
        if isinstance(self.source, ZooCard):
            return self.source.name
        return self.source.ref.repo

    @property
    def revision(self) -> str | None:
        """The revision that was asked for; none of a bundled model."""
        if isinstance(self.source, ZooCard):
            return None
        return self.source.ref.revision or "main"

    @property
    def commit(self) -> str | None:
        """The commit; none of a bundled model."""
        return None if isinstance(self.source, ZooCard) else self.source.commit

    @property
    def name(self) -> str:
        """What to ask for to get just this again."""
        return f"{self.repo}@{self.commit}" if self.commit else str(self.repo)

    @property
    def place(self) -> Path:
        """Where its files lie."""
        if isinstance(self.source, ZooCard):
            return Path(str(self.source.weights))
        config = self.files[0].local
        return config.parent if config else Path()


def fetch(
    text: str,
    hub: Hub,
    filters: tuple[str | None, str | None] = (None, None),
    *,
    revision: str | None = None,
    dry_run: bool = False,
    verify_remote: bool = False,
) -> Fetched:
    """Gets a model by a zoo name or from a repository.

    Args:
        text: What the user wrote.
        hub: Client of the Hub.
        filters: Data set and threat model, for zoo names.
        revision: Revision of the repository, given apart.
        dry_run: Only say what would be fetched.
        verify_remote: See `pull`.

    Raises:
        ZooError: If there is no such model, or it is refused.
    """
    check_arguments(text, None, filters)
    ref, card = parse(text, revision), None
    if not isinstance(ref, HubRef):
        card = find(ref, *filters)
        if card.hub is None or card.weights.is_file():
            return _bundled(card)
        ref = card.hub
    pulled = pull(ref, hub, dry_run=dry_run, verify_remote=verify_remote)
    if card is not None:
        check_pulled(card, pulled)
    if hub.is_offline:
        hub.say(f"offline: {ref.repo} is at commit {pulled.commit}")
    return Fetched(pulled, pulled.files)


def _bundled(card: ZooCard) -> Fetched:
    with checked_weights(card):
        record = card.files[WEIGHTS]
    file = PulledFile(WEIGHTS, record.size, record.sha256, "bundled")
    return Fetched(card, (file,))


def write_out(fetched: Fetched, target: Path, force: bool = False) -> None:
    """Writes a model as a folder that `dat-keras evaluate` reads.

    Args:
        fetched: The model.
        target: The folder.
        force: Replace a model that is there.

    Raises:
        ConflictError: If something is there.
    """
    if isinstance(fetched.source, ZooCard):
        _write_card(fetched.source, target, force)
        return
    sources = {f.path: f.local for f in fetched.files if f.local}
    write_folder(target, lambda folder: copy_into(sources, folder), force)


def _write_card(card: ZooCard, target: Path, force: bool) -> None:
    # Only here is a model built: fetching must not wait for TensorFlow.
    from dat_keras.zoo.bundle.write import Bundle, write_bundle
    from dat_keras.zoo.commands.load import load_card

    model = load_card(card, Hub(False)).model
    bundle = Bundle(
        model,
        card.spec,
        card.reports,
        keras_copy=False,
        provenance=card.provenance,
    )

    def fill(folder: Path) -> None:
        write_bundle(bundle, folder, card.name, LICENSE)

    write_folder(target, fill, force)
