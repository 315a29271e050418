"""`EVALUATIONS`, the table of attacks and suites by name, and the selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dat_keras.attacks import (
    ATTACKS,
    MINIMUM_NORM,
    PARTS,
    Attack,
    MinimumNormAttack,
    Monitor,
    StagedAttack,
    attack_of_name,
    plus,
    rand,
    standard,
)
from dat_keras.attacks.user_attack import user_attack
from dat_keras.core.threat_models import ThreatModel
from dat_keras.evaluation.context import Evaluation
from dat_keras.evaluation.ensemble import AVERAGED_DRAWS, AttackEnsemble
from dat_keras.evaluation.minimum_norm import MinimumNorm
from dat_keras.evaluation.protocols import Protocol
from dat_keras.evaluation.single_attack import NoAttack, SingleAttack
from dat_keras.utils.attack_names import is_reference, pgd_steps
from dat_keras.utils.registry import lookup, split_names

DRAWS = 20
"""Passes over which the logits of a randomised classifier are averaged."""

_Make = Callable[[ThreatModel], Evaluation]


def _single(make: Callable[[ThreatModel], Attack]) -> _Make:
    return lambda threat_model: SingleAttack(make(threat_model))


def _part(name: str, make: Callable[[ThreatModel], StagedAttack]) -> _Make:
    return lambda threat_model: AttackEnsemble({name: make(threat_model)}, ())


def _nearest(make: Callable[[ThreatModel], MinimumNormAttack]) -> _Make:
    return lambda threat_model: MinimumNorm(make(threat_model))


EVALUATIONS: dict[str, _Make] = {
    "natural": lambda threat_model: NoAttack(),
    **{name: _single(make) for name, make in ATTACKS.items()},
    **{name: _part(name, make) for name, make in PARTS.items()},
    **{name: _nearest(make) for name, make in MINIMUM_NORM.items()},
    "autoattack": lambda threat_model: AttackEnsemble(
        standard(threat_model), ()
    ),
    "autoattack-plus": lambda threat_model: AttackEnsemble(plus(threat_model)),
    "autoattack-rand": lambda threat_model: AttackEnsemble(
        rand(threat_model), (AVERAGED_DRAWS,), draws=DRAWS
    ),
    "autoattack-monitor": lambda threat_model: AttackEnsemble(
        Monitor(threat_model).parts()
    ),
}
"""Evaluations by name, as functions of the threat model."""


def select_attacks(
    attacks: str | Sequence[str] | Mapping[str, Attack | Evaluation],
    threat_model: ThreatModel,
    protocol: Protocol,
) -> dict[str, Evaluation]:
    """Returns the evaluations to run, by name, natural accuracy first.

    Args:
        attacks: Keys of `EVALUATIONS`, and `pgdN` for N steps of PGD, as a
            sequence or separated by commas; or attacks and evaluations by
            names of your own.
        threat_model: The set that they search.
        protocol: Its `variants` replace attacks.

    Raises:
        ValueError: If a name is unknown, or an attack searches another set.

    Example:
    >>> from dat_keras.evaluation.protocols import PROTOCOLS
    >>> from dat_keras.core.threat_models import Linf
    >>> list(select_attacks("fgsm,cw", Linf(0.1), PROTOCOLS["dat"]))
    ['natural', 'fgsm', 'cw-dat']
    """
    if isinstance(attacks, Mapping):
        named = {n: _own(n, a, threat_model) for n, a in attacks.items()}
        natural = named.get("natural", NoAttack())
        if not isinstance(natural, NoAttack):
            raise ValueError(
                "`attacks` must not name an attack `natural`, which is the "
                f"accuracy without one. Received: {natural}"
            )
        return {"natural": NoAttack(), **named}
    if isinstance(attacks, str):
        attacks = split_names(attacks)
    names = (protocol.variants.get(name, name) for name in attacks)
    return {
        name: evaluation_of_name(name, threat_model)
        for name in ("natural", *names)
    }


def can_resume(attacks: Sequence[str], threat_model: ThreatModel) -> bool:
    """Returns whether one of the attacks saves its state.

    Args:
        attacks: Names, as for `evaluation_of_name`.
        threat_model: The set that is searched.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> can_resume(["pgd20"], Linf(0.1)), can_resume(["fab"], Linf(0.1))
    (False, True)
    """
    return any(evaluation_of_name(n, threat_model).keeps_state for n in attacks)


def evaluation_of_name(name: str, threat_model: ThreatModel) -> Evaluation:
    """Returns the evaluation of a name.

    Args:
        name: Key of `EVALUATIONS`, `pgdN` for any number of steps N, or
            `package.module:attack` (see `user_attack`).
        threat_model: The set that is searched.

    Raises:
        ValueError: If the name is unknown.
    """
    if pgd_steps(name) is not None:
        return SingleAttack(attack_of_name(name, threat_model))
    if is_reference(name):
        return SingleAttack(user_attack(name, threat_model))
    return lookup(EVALUATIONS, name, "attack")(threat_model)


def _own(
    name: str, attack: Attack | Evaluation, threat_model: ThreatModel
) -> Evaluation:
    if isinstance(attack, Evaluation):
        return attack
    if attack.threat_model != threat_model:
        raise ValueError(
            f"`attacks` must search the threat model of the evaluation, "
            f"{threat_model}. Received: {name!r} with {attack.threat_model}"
        )
    if isinstance(attack, MinimumNormAttack):
        return MinimumNorm(attack)
    return SingleAttack(attack)
