"""Every method with a short attack and, where it has one, a small policy."""

from dataclasses import replace

from teachers import taught

from dat_keras.objectives import OBJECTIVES

STEPS = (1, 2)


def short(name, steps=2, batch_size=8):
    """The method with its defaults, but that its step costs little."""
    objective = taught(shortened(OBJECTIVES[name](), steps))
    return objective.prepared(batch_size, load=None)


def shortened(objective, steps):
    """A method whose step costs little."""
    if hasattr(objective, "policy"):
        policy = replace(
            objective.policy, architecture="resnet8", steps_grid=STEPS
        )
        objective = replace(objective, policy=policy)
    if not hasattr(getattr(objective, "attack", None), "steps"):
        return objective
    return replace(objective, attack=replace(objective.attack, steps=steps))


def whole(model):
    """All that a step may change, but averages and metrics."""
    learned = getattr(model.adversary, "optimizer", None)
    return (
        model.classifier.variables
        + model.adversary.variables
        + model.optimizer.variables
        + (learned.variables if learned else [])
        + [model.step]
    )


def everything(model):
    """All variables of a model with an average that its run depends on."""
    return whole(model) + model.average.variables
