"""Trains a small net on interval bounds, and certifies it.

    python examples/certified_training.py [--eps 2/255] [--epochs 10]

Two nets of three convolutions on the drawn shapes, one by IBP and one by
PGD-AT. Of each, on the same test images: natural accuracy, PGD-20, AutoAttack
and the accuracy that CROWN-IBP proves. Some ten minutes on a CPU core.
"""

from __future__ import annotations

import argparse
from fractions import Fraction

import keras
from keras import layers

import dat_keras as dk

ATTACKS = ("pgd20", "autoattack")


def small_net() -> keras.Model:
    """Three convolutions and two dense layers, without BatchNorm."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 4, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 4, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def trained(objective: dk.Objective, epochs: int) -> keras.Model:
    """The net after training on all of `shapes`."""
    keras.utils.set_random_seed(0)
    model = dk.AdversarialModel(small_net(), objective)
    model.compile(keras.optimizers.Adam(1e-3), clip_norm=1.0)
    batches = dk.data.load("shapes", batch_size=64)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=2)
    return model.classifier


def main() -> None:
    """Trains both and prints their reports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--eps", default="2/255")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=500)
    options = parser.parse_args()
    ball = dk.Linf(float(Fraction(options.eps)))
    test = dk.data.load("shapes", "test")
    step = ball.eps / 4
    for objective in (
        dk.IBP(ball),
        dk.PGDAT(dk.attacks.PGD(ball, step_size=step)),
    ):
        net = trained(objective, options.epochs)
        report = dk.evaluate(
            net,
            test,
            ATTACKS,
            eps=ball.eps,
            n_examples=options.images,
            certify="crown-ibp",
        )
        print(type(objective).__name__)
        print(report)


if __name__ == "__main__":
    main()
