"""Measures how much DAT's generator raises the loss of a fixed classifier.

    python examples/generator_gain.py --data-dir DIR

The classifier is the bundled `cifar10-pgd-at-resnet18-w16` and does not change;
the generator takes steps as in training, on CIFAR-10 in batches of 128. Printed
are `L_DAT` on the same images and draws before and after, and how large the
loss's gradient is next to the weight decay in the generator's last layer. About
twelve minutes on a CPU core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tensorflow as tf

import dat_keras as dk
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.random import BatchKey
from dat_keras.objectives.step import Ascent, Step

UPDATES = {"reference": 100, "match_mean": 100}
BATCH = 128
PROBES = 4
"""Batches on which the loss is measured."""


class Measurement:
    """A generator in training against a fixed classifier."""

    def __init__(self, scale: str) -> None:
        net = dk.load_model("cifar10-pgd-at-resnet18-w16")
        self.predict = Predictor(net).frozen()
        self.dat = dk.DAT(
            split_bn=False, update="sequential", amplitude_scale=scale
        )
        self.adversary = self.dat.build_adversary(ClassifierSpec.of(net))

    def crafted(self, x: tf.Tensor, y: tf.Tensor, number: tf.Tensor) -> tuple:
        """The step of a batch and its adversarial views."""
        key = BatchKey.of(0, number)
        image, _ = dk.augment.CropFlip()(x, y, key.fold_in("augment"))
        progress = tf.constant(0.0)
        step = Step(self.predict, image, x, y, progress, key, self.adversary)
        return step, self.dat.craft(step)

    @tf.function(autograph=False)
    def loss(self, x: tf.Tensor, y: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """`L_DAT` of one batch."""
        _, views = self.crafted(x, y, number)
        return tf.add_n(list(self.dat.loss(self.predict, views, y).values()))

    @tf.function(autograph=False)
    def update(self, x: tf.Tensor, y: tf.Tensor, number: tf.Tensor) -> None:
        """One step of the generator."""
        step, views = self.crafted(x, y, number)
        self.adversary.ascend(Ascent(step, views, [], self.raised(step, views)))

    @tf.function(autograph=False)
    def share_of_decay(
        self, x: tf.Tensor, y: tf.Tensor, number: tf.Tensor
    ) -> tf.Tensor:
        """Norm of the loss's gradient over that of the decay, last kernel."""
        step, views = self.crafted(x, y, number)
        kernel = self.adversary.generator.trainable_variables[-2].value
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            terms = self.raised(step, views)()
            loss = tf.add_n(list(terms.values()))
        decay = self.adversary.optimizer.coupled_weight_decay
        return tf.norm(tape.gradient(loss, kernel)) / tf.norm(decay * kernel)

    def raised(self, step: Step, views: tuple) -> object:
        """The terms that the generator raises, as a function of its weights."""
        return lambda: self.dat.ascent_loss(
            self.predict, self.dat.attach(step, views), step.y
        )


def batch(split: dk.data.Split, start: int) -> tuple[tf.Tensor, tf.Tensor]:
    rows = slice(start, start + BATCH)
    x = tf.constant(split.images[rows], tf.float32) / 255.0
    return x, tf.constant(split.labels[rows], tf.int32)


def main(data_dir: Path | None) -> None:
    train, test = (
        dk.data.load_split("cifar10", part, data_dir=data_dir)
        for part in ("train", "test")
    )
    for scale, updates in UPDATES.items():
        measured = Measurement(scale)

        def probe(measured: Measurement = measured) -> float:
            batches = [batch(test, BATCH * i) for i in range(PROBES)]
            numbers = map(tf.constant, range(PROBES))
            losses = [
                measured.loss(*pair, number)
                for pair, number in zip(batches, numbers, strict=True)
            ]
            return float(tf.reduce_mean(losses))

        before = probe()
        share = float(measured.share_of_decay(*batch(train, 0), tf.constant(0)))
        for i in range(updates):
            measured.update(*batch(train, BATCH * i), tf.constant(i))
        print(
            f"{scale}: L_DAT {before:.4f} -> {probe():.4f} in {updates} "
            f"updates; gradient / weight decay at the start {share:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    main(parser.parse_args().data_dir)
