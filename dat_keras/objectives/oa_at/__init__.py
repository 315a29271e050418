"""OA-AT: oracle-aligned adversarial training beyond the usual radius."""

from __future__ import annotations

from dat_keras.objectives.oa_at.oa_at import OAAT

__all__ = ["OAAT"]
