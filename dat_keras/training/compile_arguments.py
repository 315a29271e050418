"""Arguments of `AdversarialModel.compile`: what has no effect is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from dat_keras.core.keras_private import flat_layers
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.metrics import RobustAccuracy
from dat_keras.utils.kinds import described, fits

REFUSED = {
    "loss": "the objective is the loss",
    "loss_weights": "the weights of its terms are fields of the objective",
}
"""Arguments of Keras that have no meaning here, with the reason."""


def check_arguments(
    averaging: Any, clip_norm: Any, others: dict[str, Any]
) -> None:
    """Refuses arguments of `compile` of a wrong kind, or without effect.

    Args:
        averaging: `Averaging` or `None`.
        clip_norm: A positive number or `None`.
        others: Arguments for Keras.

    Raises:
        ValueError: With the reason.

    Example:
    >>> check_arguments(None, None, {"loss": "mse"})
    Traceback (most recent call last):
    ...
    ValueError: `compile` takes no `loss`: the objective is the loss. Received:
    loss='mse'
    """
    for name, reason in REFUSED.items():
        if others.get(name) is not None:
            raise ValueError(
                f"`compile` takes no `{name}`: {reason}. "
                f"Received: {name}={described(others[name])}"
            )
    if averaging is not None and not isinstance(averaging, Averaging):
        raise ValueError(
            "`averaging` must be an `Averaging`, such as `Averaging(0.999)`. "
            f"Received: averaging={described(averaging)}"
        )
    number = fits(clip_norm, float | None)
    if not number or (clip_norm is not None and not clip_norm > 0):
        raise ValueError(
            "`clip_norm` must be a number greater than 0. "
            f"Received: clip_norm={described(clip_norm)}"
        )


FLOAT16 = (
    "float16 needs a scaled loss, which the training step does not have: use "
    '`keras.mixed_precision`\'s policy "mixed_bfloat16", or '
    "`compile(auto_scale_loss=False)`. Received: "
)


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Refuses optimizers that want more of a step than it does.

    Args:
        optimizer: The model's, as Keras made it.

    Raises:
        ValueError: With what to do.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(f"{FLOAT16}a LossScaleOptimizer")
    scale = getattr(optimizer, "loss_scale_factor", None)
    if scale is not None:
        raise ValueError(
            "The training step does not scale its loss, so an optimizer that "
            "divides the gradients by a scale would take smaller steps: leave "
            f"`loss_scale_factor` out. Received: loss_scale_factor={scale}"
        )
    if getattr(optimizer, "use_ema", False):
        raise ValueError(
            "The average of weights is `compile(averaging=Averaging(...))`, "
            "which validation reads. Received: an optimizer with use_ema=True"
        )


def check_trained(classifier: keras.Model, auto_scale_loss: bool) -> None:
    """Refuses a classifier that would not train, or not well.

    Args:
        classifier: The classifier.
        auto_scale_loss: Argument of `compile`; `False` allows float16.

    Raises:
        ValueError: With what to do.
    """
    if not classifier.trainable_variables:
        raise ValueError(
            "Nothing is to be trained: set `trainable = True` on the "
            "classifier, or on some of its layers, before `compile`. "
            f"Received: a classifier named {classifier.name!r} without "
            "trainable weights"
        )
    if not auto_scale_loss:
        return
    for layer in flat_layers(classifier):
        if layer.compute_dtype == "float16":
            raise ValueError(
                f"{FLOAT16}a classifier whose layer {layer.name!r} computes "
                "in float16"
            )


def check_names(plain: Sequence[Any], weighted: Sequence[Any]) -> None:
    """Refuses a `RobustAccuracy` with the name of another metric.

    The logs would hold one of the two. Keras itself renames its own metrics
    that are in both arguments.

    Args:
        plain: Metrics of `metrics`.
        weighted: Metrics of `weighted_metrics`.

    Raises:
        ValueError: With the name.

    Example:
    >>> check_names([RobustAccuracy("fgsm")], [RobustAccuracy("fgsm")])
    Traceback (most recent call last):
    ...
    ValueError: Each `RobustAccuracy` needs a name of its own: give it `name=`.
    Received: two metrics named 'robust_accuracy_fgsm'
    """
    given = [*plain, *weighted]
    names = [getattr(m, "name", m) for m in given]
    for metric in given:
        robust = isinstance(metric, RobustAccuracy)
        if robust and names.count(metric.name) > 1:
            raise ValueError(
                "Each `RobustAccuracy` needs a name of its own: give it "
                f"`name=`. Received: two metrics named {metric.name!r}"
            )


def split_metrics(
    metrics: Any, own: Sequence[str], argument: str
) -> tuple[Any, list[RobustAccuracy]]:
    """Parts what sees clean logits from what sees attacked ones.

    Args:
        metrics: A metric or several, as for Keras.
        own: Names that the model itself logs.
        argument: `"metrics"` or `"weighted_metrics"`.

    Returns:
        Those for Keras, `None` for none, and those of robustness.

    Raises:
        ValueError: If a metric has the name of one of the model's own.

    Example:
    >>> split_metrics(["accuracy", RobustAccuracy("fgsm")], (), "metrics")[0]
    ['accuracy']
    """
    if metrics is None:
        return None, []
    if isinstance(metrics, dict):
        raise ValueError(
            f"`{argument}` must be a list: the model has one output. "
            "Received: a dict"
        )
    given = list(metrics) if isinstance(metrics, list | tuple) else [metrics]
    for metric in given:
        name = getattr(metric, "name", metric)
        # A clean accuracy of the user's replaces the model's own.
        if name in own and name != "accuracy":
            raise ValueError(
                f"The model itself logs {name!r}: give the metric another "
                f"`name`. Received: {argument}=[..., {described(metric)}]"
            )
    robust = [m for m in given if isinstance(m, RobustAccuracy)]
    others = [m for m in given if not isinstance(m, RobustAccuracy)]
    return others or None, robust
