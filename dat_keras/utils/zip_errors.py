"""`ZIP_ERRORS`: what reading a damaged zip archive (also `.npz`) raises."""

from __future__ import annotations

import zipfile
import zlib

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    # How `zipfile` answers unknown methods, encryption and cut files.
    NotImplementedError,
    RuntimeError,
    EOFError,
)
"""For `except`, beside `OSError`, and the `ValueError` of `numpy.load`."""
