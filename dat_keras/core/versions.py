"""What a number was measured with: the versions that may change it."""

from __future__ import annotations

import os
import platform

import keras
import numpy as np
import tensorflow as tf

from dat_keras.utils.version import __version__


def versions() -> dict[str, str]:
    """Returns versions of the packages and the setting of oneDNN.

    oneDNN's kernels round differently from TensorFlow's own, so the last
    bits of a result depend on `TF_ENABLE_ONEDNN_OPTS`.

    Example:
    >>> sorted(versions())[:3]
    ['TF_ENABLE_ONEDNN_OPTS', 'dat_keras', 'keras']
    """
    return {
        "dat_keras": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get(
            "TF_ENABLE_ONEDNN_OPTS", "unset"
        ),
    }
