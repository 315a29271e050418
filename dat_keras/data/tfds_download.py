"""Downloads of TFDS sets, given up early where there is no network."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from dat_keras.data.base import DataNotFoundError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_PATIENCE = 3.0


def advice(name: str) -> str:
    """How a set is prepared in files that can be read at random."""
    return (
        "Prepare it where there is a network, in a folder D of its own: "
        'python -c "import tensorflow_datasets as t; '
        f"t.builder('{name}', data_dir='D', file_format='array_record')"
        '.download_and_prepare()", then give D as `data_dir` (--data-dir)'
    )


def download(builder: tfds.core.DatasetBuilder, name: str) -> None:
    """Downloads and prepares a set if its host answers.

    Args:
        builder: Builder of the set, which is not prepared.
        name: Name of the set in TFDS.

    Raises:
        DataNotFoundError: If the set cannot be had.
    """
    import tensorflow_datasets as tfds

    folder = builder.data_path
    host = _host(builder)
    if not _answers(host):
        raise DataNotFoundError(
            f"`{name}` is not prepared in {folder}, and {host} does not "
            f"answer. {advice(name)}"
        )
    try:
        # Without this, TFDS asks its mirror first, and retries for minutes.
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        builder.download_and_prepare(download_config=config)
    except (
        OSError,
        AssertionError,
        tfds.download.DownloadError,
        tfds.core.download.download_manager.NonMatchingChecksumError,
    ) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataNotFoundError(
            f"`{name}` is not prepared in {folder}, and its download failed: "
            f"{reason}. {advice(name)}"
        ) from error


def _host(builder: tfds.core.DatasetBuilder) -> str:
    urls = [*(builder.url_infos or ()), builder.info.homepage]
    return urllib.parse.urlsplit(urls[0]).hostname or "www.tensorflow.org"


def _answers(host: str) -> bool:
    """Whether a host, or the proxy before it, answers in three seconds."""
    proxy = urllib.request.getproxies().get("https")
    address = (host, 443)
    if proxy and not urllib.request.proxy_bypass(host):
        parts = urllib.parse.urlsplit(proxy)
        address = (parts.hostname or host, parts.port or 443)
    answered = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=_PATIENCE).close()
            answered.set()

    # The look-up of the name has no time limit of its own, a thread does.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return answered.is_set()
