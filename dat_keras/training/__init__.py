"""Training: `AdversarialModel`, its step, its callbacks, its run folder."""

from __future__ import annotations

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__, submodules=["callbacks", "metrics"]
)
