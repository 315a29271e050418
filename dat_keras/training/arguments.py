"""Arguments of `AdversarialModel`: names are looked up, wrong kinds refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

from dat_keras.attacks import ATTACKS, Attack, attack_of_name
from dat_keras.augment import AUGMENTS, Augment
from dat_keras.core.threat_models import Linf
from dat_keras.kernels.fold_batch_norm import DTYPES
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.utils.attack_names import pgd_steps
from dat_keras.utils.kinds import described
from dat_keras.utils.registry import lookup

T = TypeVar("T")

EPS = 8 / 255
"""Radius of attacks that are given by name."""


def as_instance(
    value: Any, kind: Any, table: Mapping[str, Callable[[], T]], argument: str
) -> T:
    """Returns an instance, or that of a name, with its defaults.

    Args:
        value: An instance of the kind, or its name in the table.
        kind: A class, such as `Objective`.
        table: Makers by name, such as the classes in `OBJECTIVES`.
        argument: Name of the argument, for the message.

    Raises:
        ValueError: If it is neither, or the name is unknown.

    Example:
    >>> from dat_keras.augment import AUGMENTS, Augment
    >>> as_instance("none", Augment, AUGMENTS, "augment")
    Unchanged()
    """
    if isinstance(value, str):
        return lookup(table, value, argument.replace("_", " "))()
    if isinstance(value, kind):
        return value
    missing = inspect.isclass(value) and issubclass(value, kind)
    advice = f" (write `{value.__name__}(...)`)" if missing else ""
    example = next(iter(table))
    raise ValueError(
        f"`{argument}` must be an instance of `{kind.__name__}` or a name "
        f"such as {example!r}. Received: {argument}={described(value)}{advice}"
    )


def as_attack(value: Attack | str, argument: str = "eval_attack") -> Attack:
    """Returns an attack, or that of a name, at eps 8/255 in the maximum norm.

    Args:
        value: An attack, its name in `ATTACKS`, or `pgdN`.
        argument: Name of the argument, for the message.

    Raises:
        ValueError: If it is neither, or the name is unknown.

    Example:
    >>> as_attack("pgd20").steps
    20
    """
    if pgd_steps(value) is not None:
        return attack_of_name(str(value), Linf(EPS))
    made = {name: partial(make, Linf(EPS)) for name, make in ATTACKS.items()}
    return as_instance(value, Attack, made, argument)


def as_augment(value: Augment | str, num_classes: int) -> Augment:
    """Returns an augmentation, or that of a name, for a number of classes.

    Args:
        value: An augmentation, or its name in `AUGMENTS`.
        num_classes: Number of classes of the model.

    Raises:
        ValueError: If it is neither, the name is unknown, or one that mixes
            labels is for another number of classes.

    Example:
    >>> as_augment("mixup", 100)
    MixUp(num_classes=100)
    """
    made: dict[str, Callable[[], Augment]] = {**AUGMENTS}
    for name, kind in AUGMENTS.items():
        if "num_classes" in getattr(kind, "__dataclass_fields__", ()):
            made[name] = partial(kind, **{"num_classes": num_classes})
    augment = as_instance(value, Augment, made, "augment")
    for part in _parts(augment):
        classes = getattr(part, "num_classes", num_classes)
        if classes != num_classes:
            raise ValueError(
                f"`augment` must mix the labels of the model's {num_classes} "
                f"classes: write `{type(part).__name__}(num_classes="
                f"{num_classes})`. Received: num_classes={classes}"
            )
    return augment


def _parts(augment: Augment) -> Iterator[Augment]:
    """Yields an augmentation and those inside it."""
    yield augment
    for field in fields(augment):
        value = getattr(augment, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Augment):
                yield from _parts(part)


def check_kinds(weight_perturbation: Any, attack_dtype: Any, seed: Any) -> None:
    """Refuses other kinds of the remaining arguments, and unknown types.

    Raises:
        ValueError: With what to give.
    """
    if not isinstance(weight_perturbation, WeightPerturbation):
        raise ValueError(
            "`weight_perturbation` must be a `WeightPerturbation`, such as "
            "`WeightPerturbation(0.005)`. Received: "
            f"weight_perturbation={described(weight_perturbation)}"
        )
    if attack_dtype is not None:
        lookup(DTYPES, attack_dtype, "attack_dtype")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ValueError(
            f"`seed` must be a whole number. Received: seed={seed!r}"
        )
