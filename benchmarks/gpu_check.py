"""Compares one training step on a GPU, under XLA and in mixed precision with
the same step on the CPU in float32.

    python -m benchmarks.gpu_check                     # the first GPU
    python -m benchmarks.gpu_check --device CPU:0 --net resnet8 --batch-size 4

All sides begin with the same weights and draw the same random numbers. The
attack moves images by a millionth from its random start: a longer step follows
signs of gradients, which rounding decides, and two right steps would differ.
Compared are each term of the loss, and the change of all weights together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import click
import keras
import numpy as np
import tensorflow as tf

from benchmarks.ours import variants
from dat_keras.attacks import PGD, NormalStart
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import OBJECTIVES
from dat_keras.profiling.step_cost import random_batch
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.text_table import plain

NEAR = PGD(Linf(8 / 255), steps=1, step_size=1e-6, start=NormalStart(0.02))
METHODS = ("natural", "pgd-at", "trades", "dat")


@dataclass(frozen=True)
class Side:
    """A way to run the step, and how far it may be from the reference.

    Args:
        policy: Keras' dtype policy.
        xla: Whether XLA compiles the step.
        terms: Largest difference of a term, relative to the loss.
        update: Largest relative difference of the change of weights.
    """

    policy: str
    xla: bool
    terms: float
    update: float


SIDES = {
    "float32": Side("float32", False, 1e-4, 1e-2),
    "XLA": Side("float32", True, 1e-4, 1e-2),
    "mixed_bfloat16": Side("mixed_bfloat16", False, 5e-2, 0.5),
    "mixed_bfloat16, XLA": Side("mixed_bfloat16", True, 5e-2, 0.5),
}
"""bfloat16 keeps 8 bits: each factor of a product may be off by 0.4 %."""


@dataclass(frozen=True)
class Outcome:
    """Terms of the loss, and the change of all weights as one vector."""

    terms: dict[str, float]
    update: np.ndarray


def outcome(
    net: str, method: str, size: int, side: Side, device: str
) -> Outcome:
    """Takes a step of a method on a device."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(side.policy)
    try:
        with tf.device(device):
            keras.utils.set_random_seed(0)
            model = _model(net, method, side.xla)
            batch = tuple(map(tf.constant, random_batch(size, (32, 32, 3), 10)))
            step = tf.function(
                model.train_step, jit_compile=side.xla, autograph=False
            )
            start = [w.numpy() for w in model.classifier.weights]
            terms = {k: float(v) for k, v in step(batch).items()}
            moved = [
                (w.numpy() - old).ravel()
                for w, old in zip(model.classifier.weights, start, strict=True)
            ]
    finally:
        keras.config.set_dtype_policy(before)
    return Outcome(terms, np.concatenate(moved).astype(np.float64))


def _model(net: str, method: str, xla: bool) -> AdversarialModel:
    kind = next(iter(variants(net, method).values()))
    if "attack" in OBJECTIVES[method].__dataclass_fields__:
        kind = replace(kind, changes=(*kind.changes, ("attack", NEAR)))
    model = kind.model()
    model.jit_compile = xla
    return model


def differences(found: Outcome, wanted: Outcome) -> tuple[float, float]:
    """The largest difference of a term relative to the loss, and that of the
    update relative to its norm.

    Example:
    >>> import numpy as np
    >>> one, two = np.array([3.0, 4.0]), np.array([3.0, 4.5])
    >>> found, wanted = Outcome({"loss": 2.2}, two), Outcome({"loss": 2.0}, one)
    >>> [round(d, 3) for d in differences(found, wanted)]
    [0.1, 0.1]
    """
    size = abs(wanted.terms["loss"])
    terms = max(
        abs(found.terms[name] - value) / size
        for name, value in wanted.terms.items()
    )
    gap = np.linalg.norm(found.update - wanted.update)
    return terms, float(gap / np.linalg.norm(wanted.update))


@click.command()
@click.option("--net", default="resnet18", show_default=True)
@click.option("--batch-size", default=32, show_default=True)
@click.option("--method", "methods", multiple=True, default=METHODS)
@click.option("--device", default="GPU:0", show_default=True)
def main(
    net: str, batch_size: int, methods: tuple[str, ...], device: str
) -> None:
    """Prints a table; exits with 1 if a difference is too large."""
    known = [d.name for d in tf.config.list_logical_devices()]
    if not any(name.endswith(device) for name in known):
        raise click.UsageError(
            f"There is no device {device}: TensorFlow has {', '.join(known)}."
        )
    # Its products keep 10 bits; the reference keeps 23.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    cells = [["method", "side", "loss terms", "update", ""]]
    for method in methods:
        wanted = outcome(net, method, batch_size, SIDES["float32"], "CPU:0")
        for name, side in SIDES.items():
            found = outcome(net, method, batch_size, side, device)
            terms, update = differences(found, wanted)
            good = terms <= side.terms and update <= side.update
            cells.append(
                [
                    *(method, name, f"{terms:.1e}", f"{update:.1e}"),
                    "ok" if good else "TOO FAR",
                ]
            )
    click.echo(f"{net}, batch {batch_size}, {device} against CPU in float32")
    click.echo(plain(cells))
    if any(row[-1] == "TOO FAR" for row in cells):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
