"""The table of evaluations by name."""

from __future__ import annotations

from collections.abc import Callable

from dat_keras.attacks import (
    ATTACKS,
    PARTS,
    Attack,
    Monitor,
    Staged,
    plus,
    rand,
    standard,
)
from dat_keras.cascade import OF_DRAWS, Cascade
from dat_keras.single import NoAttack, SingleAttack
from dat_keras.threat_models import ThreatModel
from dat_keras.trials import Evaluation

DRAWS = 20
"""Passes over which a randomised classifier is judged."""

_Make = Callable[[ThreatModel], Evaluation]


def _single(make: Callable[[ThreatModel], Attack]) -> _Make:
    return lambda threat_model: SingleAttack(make(threat_model))


def _part(name: str, make: Callable[[ThreatModel], Staged]) -> _Make:
    return lambda threat_model: Cascade({name: make(threat_model)}, ())


EVALUATIONS: dict[str, _Make] = {
    "natural": lambda threat_model: NoAttack(),
    **{name: _single(make) for name, make in ATTACKS.items()},
    **{name: _part(name, make) for name, make in PARTS.items()},
    "autoattack": lambda threat_model: Cascade(standard(threat_model), ()),
    "autoattack-plus": lambda threat_model: Cascade(plus(threat_model)),
    "autoattack-rand": lambda threat_model: Cascade(
        rand(threat_model), (OF_DRAWS,), draws=DRAWS
    ),
    "autoattack-monitor": lambda threat_model: Cascade(
        Monitor(threat_model).parts()
    ),
}
"""Evaluations by name; each makes itself for a threat model."""
