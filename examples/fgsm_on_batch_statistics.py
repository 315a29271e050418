"""Trains by FGSM without noise whose attack reads batch statistics.

    python examples/fgsm_on_batch_statistics.py --data-dir DIR --output FOLDER

Attacks of this package read BatchNorm's inference statistics; in the code of
Wong et al. (2020) they read those of the batch. This is FGSM at eps 8/255 on
all of CIFAR-10 with the latter, for docs/study.md: ResNet-18 of width 16, one
cycle to 0.2 over 10 epochs. Each epoch, two minutes on two CPU cores, ends with
accuracies of test images, with both kinds of statistics.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

from dat_keras import data
from dat_keras.attacks import PGD
from dat_keras.attacks.starts import CleanStart
from dat_keras.classifiers.predictor import Predictor, with_batch_statistics
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.step import Step, Views
from dat_keras.optimizers.schedules import OneCycleConfig
from dat_keras.recipes import RECIPES
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train

FGSM = PGD(Linf(8 / 255), steps=1, step_size=8 / 255, start=CleanStart())
PGD10 = PGD(Linf(8 / 255), steps=10, step_size=2 / 255)
BATCH, BATCHES = 128, 4


@dataclass(frozen=True)
class FGSMOnBatchStatistics(PGDAT):
    """Cross-entropy on FGSM's images, crafted on batch statistics."""

    def craft(self, step: Step) -> Views:
        """Attacks the network that training sees."""
        predict = with_batch_statistics(step.predict)
        return super().craft(replace(step, predict=predict))


class Accuracies(keras.callbacks.Callback):
    """Prints accuracies of test images after each epoch."""

    def __init__(self, data_dir: Path | None) -> None:
        super().__init__()
        split = data.load_split("cifar10", "test", data_dir=data_dir)
        self.batches = data.Batches(split.take(BATCH * BATCHES), BATCH)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Builds the two networks."""
        inference = Predictor(self.model.classifier)
        networks = inference, inference.with_batch_statistics
        self.count = [right_of(network) for network in networks]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Counts what is right: natural, under FGSM, under PGD-10."""
        for name, count in zip(("inference", "batch"), self.count, strict=True):
            right = sum(count(x, y).numpy() for x, y in self.batches)
            shares = ", ".join(
                f"{attack} {100 * each / (BATCH * BATCHES):.1f} %"
                for attack, each in zip(
                    ("natural", "FGSM", "PGD-10"), right, strict=True
                )
            )
            print(f"epoch {epoch + 1}, {name} statistics: {shares}", flush=True)


def right_of(predict: Predictor) -> tf.types.experimental.PolymorphicFunction:
    """Counts right answers of `predict` on images, and on attacked ones."""

    @tf.function(autograph=False)
    def count(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        key = BatchKey.of(0, tf.constant(0))
        views = [x, FGSM(predict, x, y, key), PGD10(predict, x, y, key)]
        answers = tf.stack([tf.argmax(predict(each), 1) for each in views])
        right = answers == tf.cast(y, tf.int64)[None]
        return tf.reduce_sum(tf.cast(right, tf.int32), 1)

    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int, help="training images")
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    # Its run folder can be read where this name is known.
    OBJECTIVES["fgsm-on-batch-statistics"] = FGSMOnBatchStatistics
    keras.config.set_dtype_policy("mixed_bfloat16")
    base = RECIPES["fgsm-rs-cifar10-resnet18"]
    recipe = replace(
        base,
        name="fgsm-on-batch-statistics-cifar10-resnet18",
        objective=FGSMOnBatchStatistics(attack=FGSM),
        eval_attack=replace(base.eval_attack, steps=10),
        optimizer=replace(
            base.optimizer, learning_rate=0.2, schedule=OneCycleConfig()
        ),
        epochs=given.epochs,
        width=given.width,
        limit=given.limit,
        validation_images=250,
    )
    options = RunOptions(
        resume=given.resume,
        say=print,
        callbacks=(Accuracies(given.data_dir),),
    )
    train(recipe, given.output, data_dir=given.data_dir, options=options)


if __name__ == "__main__":
    main()
