"""Dual Adversarial Training and robustness evaluation for Keras.

The public names are listed once, in `__init__.pyi`, and imported at first use,
so that `dat-keras --help` does not wait for TensorFlow.
"""

from __future__ import annotations

import os
import sys

import lazy_loader as lazy

from dat_keras.utils.version import __version__ as __version__

# Keras reads this once, at its own import; a user's explicit choice stays.
_backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if "keras" in sys.modules:
    _backend = sys.modules["keras"].config.backend()
if _backend != "tensorflow":
    raise ImportError(
        "dat_keras runs on Keras' TensorFlow backend only. Received: "
        f"backend={_backend!r}. Set the environment variable "
        "KERAS_BACKEND=tensorflow before Keras is imported."
    )

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
