"""Whether a run folder may be continued with a recipe, and on which images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from dat_keras.optimizers.schedules import ConstantConfig, StepDropConfig
from dat_keras.recipes import Recipe
from dat_keras.training.run_info import RunInfo
from dat_keras.training.run_length import reader_of_progress
from dat_keras.utils.config import encode

EXTENDABLE = (ConstantConfig, StepDropConfig)
"""Schedules whose rate at a step does not depend on the run's length."""


def check_same(stored: Recipe, asked: Recipe) -> None:
    """Refuses to continue a run as another one; it may be made longer.

    More epochs are allowed where no step done would have been another one in
    the longer run.

    Args:
        stored: The recipe of the run.
        asked: The recipe to continue it with.

    Raises:
        ValueError: If they differ otherwise; it names the difference.

    Example:
    >>> from dataclasses import replace
    >>> from dat_keras.recipes import RECIPES
    >>> recipe = RECIPES["dat-cifar10-resnet18"]
    >>> check_same(recipe, replace(recipe, epochs=200))
    """
    found = list(differences(encode(stored), encode(asked)))
    others = [text for key, text in found if key != "epochs"]
    if others:
        raise ValueError(
            "A run is resumed with its own settings: leave the option out, "
            "or train into another folder. Received: " + "; ".join(others[:3])
        )
    if not found:
        return
    reason = _why_not_longer(stored, asked.epochs)
    if reason:
        raise ValueError(
            f"`epochs` of the run cannot be changed: {reason}. Received: "
            f"{found[0][1]}"
        )


def check_same_images(stored: RunInfo, found: RunInfo) -> None:
    """Refuses to continue a run on other images under the same name.

    Args:
        stored: What the run folder says.
        found: The same of the images that are there now.

    Raises:
        ValueError: With the first difference.
    """
    for was, now, what in _compared(stored, found):
        if was is not None and was != now:
            raise ValueError(
                "A run is resumed on its own images: restore them, or train "
                f"into another folder. Received: {found.recipe.dataset!r} "
                f"with {what(now)} where the run has {what(was)}"
            )


def _compared(
    stored: RunInfo, found: RunInfo
) -> Iterator[tuple[Any, Any, Callable[[Any], str]]]:
    """Yields what the run has, what is there, and how to describe either."""
    was, now = stored.class_names, found.class_names
    yield len(was), len(now), lambda count: f"{count} classes"
    for before, after in zip(was, now, strict=True):
        yield before, after, lambda name: f"the class {name!r}"
    shapes = stored.image_shape, found.image_shape
    yield *shapes, lambda shape: f"images of shape {shape}"
    for part, old, new in (
        ("training", stored.train, found.train),
        ("validation", stored.validation, found.validation),
    ):
        if old is None or new is None:
            continue
        images = partial("{1} {0} images".format, part)
        yield old.images, new.images, images
        labels = partial(
            "{0} labels or file names of sha256 {1:.12}".format, part
        )
        yield old.sha256, new.sha256, labels


def _why_not_longer(stored: Recipe, epochs: int) -> str | None:
    if epochs < stored.epochs:
        return "a resumed run can only be made longer"
    schedule = stored.optimizer.schedule
    if not isinstance(schedule, EXTENDABLE):
        return (
            f"the learning rate of {type(schedule).__name__} depends on the "
            "length of the run"
        )
    reader = reader_of_progress(
        stored.objective,
        stored.weight_perturbation,
        stored.averaging,
        stored.attack_warmup,
    )
    return reader and f"{reader} depends on the length of the run"


def differences(
    stored: object, asked: object, key: str = ""
) -> Iterator[tuple[str, str]]:
    """Yields where two encoded recipes differ: the key, and a sentence.

    Example:
    >>> list(differences({"a": {"b": 1}}, {"a": {"b": 2}}))
    [('a.b', 'a.b=2 where the run has 1')]
    """
    if isinstance(stored, dict) and isinstance(asked, dict):
        for name in {**stored, **asked}:
            inner = stored.get(name), asked.get(name)
            here = f"{key}.{name}" if key else name
            yield from differences(*inner, here)
    elif stored != asked:
        yield key, f"{key}={asked!r} where the run has {stored!r}"
