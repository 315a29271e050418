"""AutoAttack's parts in dat_keras and in torchattacks, as functions to time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dat_keras.utils.runtime import keep_freed_memory

if TYPE_CHECKING:
    import keras

    from dat_keras.attacks import StagedAttack
    from dat_keras.evaluation.context import EvaluationContext

EPS = 8 / 255
PARTS = ("apgd-ce", "apgd-t", "fab-t", "square")


@dataclass(frozen=True)
class Size:
    """How much is done.

    Args:
        queries: Square's queries.
        steps: Steps of the other parts.
        search_dtype: Type of the convolutions in our attacks.
    """

    queries: int = 1000
    steps: int = 100
    search_dtype: str | None = None


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained classifier and the images that it is attacked on."""

    model: keras.Model
    net: str
    x: np.ndarray
    y: np.ndarray
    data: str


def subject(source: str, data_dir: Path | None, count: int) -> Subject:
    """A classifier, by run folder or name, and the first test images."""
    from dat_keras.data import load_split
    from dat_keras.evaluation.samples import first_samples
    from dat_keras.zoo.commands.load import load_source

    found = load_source(source)
    split = load_split(found.dataset, "test", data_dir=data_dir)
    x, y = first_samples(split, count).rows(np.arange(count))
    return Subject(found.model, found.model.name, x, y, split.name)


class Ours:
    """Our parts, and what they cost in passes."""

    def __init__(self, of: Subject, size: Size) -> None:
        from dat_keras.classifiers.predictor import Predictor
        from dat_keras.core.threat_models import Linf
        from dat_keras.evaluation.context import EvaluationContext
        from dat_keras.evaluation.protocols import PROTOCOLS
        from dat_keras.evaluation.samples import first_samples

        self.parts = _our_parts(Linf(EPS), size)
        self.trial: EvaluationContext = EvaluationContext(
            predict=Predictor(of.model),
            samples=first_samples((of.x, of.y)),
            threat_model=Linf(EPS),
            protocol=PROTOCOLS["strict"],
            batch_size=len(of.x),
            search_dtype=size.search_dtype,
        )
        self.forwards = self.gradients = 0

    def wrong(self) -> np.ndarray:
        wrong = self.trial.wrong
        # As the command does once TensorFlow has run something.
        keep_freed_memory()
        return wrong

    def broken(self, name: str, rows: np.ndarray) -> np.ndarray:
        from dat_keras.evaluation.staged_run import StagedRun

        course = StagedRun(name, self.parts[name], self.trial, name)(rows)
        self.forwards += course.forwards
        self.gradients += course.gradients
        found = np.zeros(len(self.trial.samples), bool)
        found[course.broken] = True
        return found

    def passes_alone(self, rounds: int = 7) -> tuple[float, float]:
        """Seconds of a forward pass and of a gradient beyond it, by image."""
        from dat_keras.evaluation.ensemble import seconds_per_image

        found = [seconds_per_image(self.trial) for _ in range(rounds)]
        forward, gradient = np.median(np.array(found), axis=0)
        return float(forward), float(gradient)


def _our_parts(ball: Any, size: Size) -> dict[str, StagedAttack]:
    from dat_keras.attacks import EachTarget, Restarts, Square, standard

    found = {}
    for name, part in standard(ball).items():
        if isinstance(part, (EachTarget, Restarts)):
            attack = replace(part.attack, steps=size.steps)
            part = replace(part, attack=attack)
        if isinstance(part, Square):
            part = replace(part, queries=size.queries)
        found[name] = part
    return found


class Theirs:
    """The package's parts on a twin of the classifier."""

    def __init__(self, of: Subject, size: Size) -> None:
        from benchmarks.torch_attacks import Suite, parts
        from benchmarks.torch_twin import twin_of

        net = twin_of(of.model, of.net)
        self.parts = parts(net, "linf", EPS, size.queries, size.steps)
        self.suite = Suite(net, of.x, of.y)

    def wrong(self) -> np.ndarray:
        return self.suite.wrong()

    def broken(self, name: str, rows: np.ndarray) -> np.ndarray:
        return self.suite.broken(self.parts[name], rows)


SIDES = {"ours": Ours, "peer": Theirs}


def logits_apart(of: Subject) -> float:
    """Largest difference of the two nets' logits on the images."""
    import torch

    from benchmarks.torch_twin import to_torch, twin_of

    with torch.no_grad():
        theirs = twin_of(of.model, of.net)(to_torch(of.x)).numpy()
    return float(np.abs(of.model(of.x, training=False) - theirs).max())
