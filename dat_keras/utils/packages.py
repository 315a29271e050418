"""Optional packages: what to install where one is missing."""

from __future__ import annotations

import importlib.util

from dat_keras.utils.errors import MissingPackageError


def check_installed(package: str, purpose: str, extra: str) -> None:
    """Refuses to go on without an optional package.

    Args:
        package: The module that must be there, such as `"pandas"`.
        purpose: What needs it, in the plural.
        extra: The extra of this project that installs it.

    Raises:
        MissingPackageError: If it is not installed.

    Example:
    >>> check_installed("nowhere", "figures", "plots")
    Traceback (most recent call last):
    ...
    dat_keras.utils.errors.MissingPackageError: figures need nowhere: pip
    install 'dat-keras[plots]'
    """
    if importlib.util.find_spec(package) is None:
        raise MissingPackageError(
            f"{purpose} need {package}: pip install 'dat-keras[{extra}]'"
        )
