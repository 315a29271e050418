"""Gradient ascent step of a learned adversary, such as DAT's generator."""

from __future__ import annotations

import keras

from dat_keras.classifiers.held_updates import HeldUpdates
from dat_keras.classifiers.regularization import NAME, Regularization
from dat_keras.objectives import Objective
from dat_keras.objectives.step import Ascent, Step, Terms, Views
from dat_keras.training.descent import Descent


def ascend(
    classifier: keras.Model,
    objective: Objective,
    step: Step,
    views: Views,
    descent: Descent,
    regularization: Regularization,
) -> None:
    """Lets the learned adversary raise the loss that the classifier lowered.

    Args:
        classifier: The classifier, after its step.
        objective: The training method.
        step: Context of the step.
        views: What `objective.craft` returned.
        descent: The classifier's step.
        regularization: Losses of the classifier. What layers add in a pass
            depends on the images, so the adversary raises it too.
    """
    held = HeldUpdates(classifier, regularization.in_passes)

    def loss(step: Step = step, views: Views = views) -> Terms:
        attached = objective.attach(step, views)
        terms = objective.ascent_loss(held.predict, attached, step.y)
        if not regularization.in_passes:
            return terms
        # A pass that is left out for the adversary counts as one all the same.
        added = held.passes.mean_of(descent.updates.passes.count)
        return {**terms, NAME: added}

    step.adversary.ascend(Ascent(step, views, descent.joint, loss))
    if objective.ascent_updates_statistics:
        held.write()
