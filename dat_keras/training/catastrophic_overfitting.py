"""Catastrophic overfitting: robust to the single step of the training alone.

    found:  acc(x_pgd) <= acc(x_step) / 2  and  acc(x_pgd) <= acc(x_step) - 0.2

Both accuracies are of the same training images. In single-step training the
one under PGD can fall to zero within a few hundred steps, while that under the
single step stays or rises. Where nothing is wrong, the two are close.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from dat_keras.attacks import PGD, Attack, CleanStart, pgd
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import Linf, ThreatModel
from dat_keras.data import Split
from dat_keras.objectives import Objective
from dat_keras.training.run_callbacks import save_classifier
from dat_keras.utils.run_folder import RunFolder

IMAGES = 256
"""Training images that a run measures on."""

NAMES = ("train_accuracy_step", "train_accuracy_pgd")
"""What the logs, and `history.csv`, call the two accuracies."""


def is_overfitted(step: float, strong: float) -> bool:
    """Whether two accuracies are those of catastrophic overfitting.

    Args:
        step: Accuracy of training images under the single step.
        strong: Accuracy of the same images under PGD.

    Example:
    >>> is_overfitted(0.85, 0.02), is_overfitted(0.45, 0.40)
    (True, False)
    """
    return strong <= step / 2 and strong <= step - 0.2


def warn(sentence: str) -> None:
    """Gives a sentence to Python's `warnings`."""
    warnings.warn(sentence, stacklevel=2)


class CatastrophicOverfitting(keras.callbacks.Callback):
    """Warns when a training becomes robust to its own single step alone.

    After each epoch it measures the accuracy of a fixed batch of training
    images under one step and under PGD-10, and writes both into the logs as
    `train_accuracy_step` and `train_accuracy_pgd`. The weights of the last
    epoch in which nothing was wrong are kept in a file. A training may
    recover; the file is then written again.

    Args:
        x: Training images, shape `(N, H, W, C)`, floats in `[0, 1]`. A few
            hundred do: the accuracies must differ by 20 points.
        y: Their class ids, shape `(N,)`.
        step: The single step of the training. Default: FGSM from the image
            itself, `x + eps * sign(grad)`, at eps 8/255.
        strong: What it is compared with. Default: PGD of 10 steps of a quarter
            of the radius, in the threat model of `step`.
        path: Where the good weights are kept; `None` for nowhere.
        stop: Whether the training ends where overfitting is found. Default:
            it goes on.
        say: Receives the warning. Default: `warnings.warn`.
        batch_size: Images a pass.

    Raises:
        ValueError: If there is no image, or not one label for each.

    Example:
    >>> watch = CatastrophicOverfitting(np.zeros((8, 2, 2, 1)), np.zeros(8))
    >>> watch.strong.steps
    10

    Reference:
        [Wong et al., 2020](https://arxiv.org/abs/2001.03994); why it happens:
        [Kim et al., 2021](https://arxiv.org/abs/2010.01799).
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        step: Attack | None = None,
        strong: Attack | None = None,
        *,
        path: Path | None = None,
        stop: bool = False,
        say: Callable[[str], None] = warn,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        if len(x) != len(y) or not len(x):
            raise ValueError(
                "`x` must hold at least one image, `y` one label for each. "
                f"Received: {len(x)} images, {len(y)} labels"
            )
        self.x = np.asarray(x, np.float32)
        self.y = np.asarray(y, np.int32)
        self.step = step or one_step(Linf(8 / 255))
        self.strong = strong or pgd(self.step.threat_model, steps=10)
        self.path = path
        self.stop = stop
        self.say = say
        self.batch_size = batch_size

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Compiles the measurement."""
        self._correct = tf.function(self._count_correct, autograph=False)
        self._good_epoch: int | None = None
        self._found = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures, then keeps the weights or warns."""
        step, strong = self.accuracies()
        if logs is not None:
            logs.update(zip(NAMES, (step, strong), strict=True))
        if not is_overfitted(step, strong):
            self._good_epoch, self._found = epoch, False
            if self.path is not None:
                save_classifier(self.model, self.path)
            return
        if not self._found:
            self.say(self._warning(epoch, step, strong))
        self._found = True
        if self.stop:
            self.model.stop_training = True

    def accuracies(self) -> tuple[float, float]:
        """Returns the shares of images right under one step and under PGD."""
        counts = np.zeros(2)
        for first in range(0, len(self.x), self.batch_size):
            rows = slice(first, first + self.batch_size)
            x, y = tf.constant(self.x[rows]), tf.constant(self.y[rows])
            counts += self._correct(x, y, tf.constant(first)).numpy()
        step, strong = counts / len(self.x)
        return float(step), float(strong)

    def _count_correct(
        self, x: tf.Tensor, y: tf.Tensor, first: tf.Tensor
    ) -> tf.Tensor:
        predict = Predictor(self.model.classifier).frozen()
        key = BatchKey.of(0, 0).fold_in("catastrophic overfitting")
        labels = (
            tf.argmax(
                predict(attack(predict, x, y, key.fold_in(first))),
                axis=-1,
                output_type=y.dtype,
            )
            for attack in (self.step, self.strong)
        )
        return tf.stack([tf.math.count_nonzero(z == y) for z in labels])

    def _warning(self, epoch: int, step: float, strong: float) -> str:
        sentence = (
            f"caution: catastrophic overfitting in epoch {epoch + 1}: training "
            f"images are {step:.0%} accurate under the attack of the training, "
            f"{strong:.0%} under PGD; "
        )
        kept = self.path is not None and self.path.is_file()
        if self._good_epoch is None and not kept:
            return sentence + "no earlier epoch was without it"
        which = (
            "an earlier epoch"
            if self._good_epoch is None
            else f"epoch {self._good_epoch + 1}"
        )
        if kept:
            return sentence + f"the weights of {which} are kept in {self.path}"
        return sentence + f"{which} was the last without it"


def one_step(threat_model: ThreatModel) -> PGD:
    """FGSM from the image itself (Goodfellow et al., 2015).

    Args:
        threat_model: Its radius is the length of the step.
    """
    return PGD(
        threat_model, steps=1, step_size=threat_model.eps, start=CleanStart()
    )


def watching(
    objective: Objective,
    training: Split,
    run: RunFolder,
    say: Callable[[str], None],
    writes: bool = True,
) -> list[CatastrophicOverfitting]:
    """The callback of a run with a single-step method; none for the others.

    Args:
        objective: The training method.
        training: The training images.
        run: Where the good weights are kept.
        say: Receives the warning.
        writes: Whether this process keeps weights.
    """
    step = objective.single_step
    if step is None:
        return []
    split = training.sample(IMAGES)
    return [
        CatastrophicOverfitting(
            split.images[:] / np.float32(255),
            split.labels,
            step,
            path=run.weights("last-good") if writes else None,
            say=say,
        )
    ]
