"""The check that Keras runs on TensorFlow, the only backend supported."""

from __future__ import annotations

import os
import sys


def check_backend() -> None:
    """Refuses another backend of Keras; Keras itself is not imported.

    Keras reads `KERAS_BACKEND` once, at its own import. Before that the
    variable decides, and is set to `tensorflow` where it is not set.

    Raises:
        ImportError: If the backend is another one.

    Example:
    >>> check_backend()
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if "keras" in sys.modules:
        backend = sys.modules["keras"].config.backend()
    if backend != "tensorflow":
        raise ImportError(
            "dat_keras runs on Keras' TensorFlow backend only. Received: "
            f"backend={backend!r}. Set the environment variable "
            "KERAS_BACKEND=tensorflow before Keras is imported."
        )
