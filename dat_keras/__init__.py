"""Dual Adversarial Training and robustness evaluation for Keras.

The public names are listed once, in `__init__.pyi`, and imported at first use,
so that `dat-keras --help` does not wait for TensorFlow. Another backend of
Keras is refused then, too, so that the command can say so in one line.
"""

from __future__ import annotations

import os

import lazy_loader as lazy

from dat_keras.utils.version import __version__ as __version__

# Keras reads this once, at its own import; a user's explicit choice stays.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

_lazy, __dir__, __all__ = lazy.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Imports a public name, if Keras runs on TensorFlow."""
    if name in __all__:
        from dat_keras.utils.backend import check_backend

        check_backend()
    return _lazy(name)
