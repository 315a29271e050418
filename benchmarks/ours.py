"""dat_keras training steps for `benchmarks.steps`, built and compiled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dat_keras import AdversarialModel
from dat_keras.architectures import ARCHITECTURES
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.distillation import Distillation
from dat_keras.optimizers import SGD


@dataclass(frozen=True)
class Ours:
    """A step of ours.

    Args:
        net: Architecture.
        method: Key of `OBJECTIVES`.
        changes: Fields of the objective.
        attack_dtype: As `AdversarialModel` takes it.
        side: Pixels of a side of the images.
        classes: Number of classes.
    """

    net: str
    method: str
    changes: tuple[tuple[str, Any], ...] = ()
    attack_dtype: str | None = None
    side: int = 32
    classes: int = 10

    def model(self) -> AdversarialModel:
        """Returns the compiled model, with the paper's settings."""
        objective = OBJECTIVES[self.method](**dict(self.changes))
        build = partial(
            ARCHITECTURES[self.net],
            num_classes=self.classes,
            input_shape=(self.side, self.side, 3),
        )
        if isinstance(objective, Distillation):
            objective = replace(objective, teacher=build())
        classifier = build(branches=objective.branches)
        model = AdversarialModel(
            classifier, objective, attack_dtype=self.attack_dtype
        )
        model.compile(SGD(0.1, momentum=0.9, weight_decay=5e-4))
        return model


def variants(net: str, method: str) -> dict[str, Ours]:
    """The kinds of step that a method has, by name."""
    updates: dict[str, tuple] = {"float32": ()}
    if method == "dat":
        updates = {
            "sequential": (("update", "sequential"),),
            "fused": (("update", "fused"),),
        }
    plain = {name: Ours(net, method, c) for name, c in updates.items()}
    fastest = list(updates.values())[-1]
    return {**plain, "bfloat16": Ours(net, method, fastest, "bfloat16")}
