"""`build`: the compiled, untrained model of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras

from dat_keras.recipes import Recipe
from dat_keras.training.fit_run import silent
from dat_keras.training.harden import rate_factors
from dat_keras.training.model import AdversarialModel
from dat_keras.training.pretrained_source import begun_at
from dat_keras.training.run_info import load_teacher


def build(
    recipe: Recipe,
    image_shape: tuple[int, int, int],
    num_classes: int,
    steps_per_epoch: int,
    load_teacher: Callable[[str], keras.Model] = load_teacher,
    say: Callable[[str], None] = silent,
) -> AdversarialModel:
    """Returns the compiled, untrained model of a recipe.

    Args:
        recipe: What to train.
        image_shape: `(H, W, C)`.
        num_classes: Number of classes.
        steps_per_epoch: Batches an epoch.
        load_teacher: Returns the classifier that a method names, or that
            `recipe.init` names.
        say: Receives a sentence if a pretrained net gets a new head.

    Raises:
        ValueError: If the method needs a teacher, and has none that fits.
    """
    objective = recipe.objective.prepared(recipe.batch_size, load_teacher)
    keras.utils.set_random_seed(recipe.seed)
    with _dtype_policy(recipe.precision):
        if recipe.init is None:
            classifier = recipe.classifier(image_shape, num_classes)
        else:
            classifier = begun_at(
                recipe.init,
                load_teacher,
                image_shape,
                num_classes,
                objective.branches,
                say,
            )
    model = AdversarialModel(
        classifier,
        objective,
        augment=recipe.augment,
        eval_attack=recipe.eval_attack,
        weight_perturbation=recipe.weight_perturbation,
        attack_warmup=recipe.attack_warmup,
        attack_dtype=recipe.attack_dtype,
        seed=recipe.seed,
    )
    model.compile(
        optimizer=recipe.optimizer.build(
            recipe.epochs,
            steps_per_epoch,
            ()
            if recipe.init is None or recipe.init.body_rate == 1.0
            else rate_factors(model, recipe.init.body_rate),
        ),
        averaging=recipe.averaging,
        clip_norm=recipe.clip_norm,
    )
    model.total_steps.assign(recipe.epochs * steps_per_epoch)
    return model


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Builds layers under a policy; what is built later is not affected."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
