"""The three nets of the paper's motivation: train them small, analyze them.

    python examples/three_nets.py --limit 10000 --epochs 4 -o three-nets

ResNet-8s on CIFAR-10, trained by `dat-keras train`: standard (natural),
robust (PGD-AT-10) and perturbed (PGD-AT-10 on images and on images with
generated amplitudes, `pgd-at+aag`). `dat-keras analyze` then draws their
panels side by side. A run that is finished is not trained again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

NETS = {
    "standard": "natural",
    "robust": "pgd-at",
    "perturbed": "pgd-at+aag",
}
"""Methods by the name of the slide's panel."""


def train_arguments(
    method: str, output: Path, limit: int, epochs: int, seed: int
) -> list[str]:
    """Returns the arguments of `dat-keras` that train one net."""
    return [
        *("train", "--dataset", "cifar10", "--architecture", "resnet8"),
        *("--method", method, "--limit", str(limit)),
        *("--epochs", str(epochs), "--seed", str(seed)),
        *("--validation-images", "500", "--output", str(output), "--resume"),
    ]


def analyze_arguments(folder: Path, examples: int, seed: int) -> list[str]:
    """Returns the arguments of `dat-keras` that analyze the three nets."""
    return [
        *("analyze", *(str(folder / name) for name in NETS)),
        *("--n-examples", str(examples), "--seed", str(seed)),
        *("-o", str(folder / "analysis"), "--overwrite"),
    ]


def dat_keras(arguments: list[str]) -> None:
    """Runs a command, each in a process of its own."""
    print("dat-keras", *arguments, flush=True)
    code = "from dat_keras.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--limit", type=int, default=25600)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--n-examples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    place = ["--data-dir", str(given.data_dir)] if given.data_dir else []
    for name, method in NETS.items():
        output = given.output / name
        dat_keras(
            train_arguments(
                method, output, given.limit, given.epochs, given.seed
            )
            + place
        )
    dat_keras(
        analyze_arguments(given.output, given.n_examples, given.seed) + place
    )


if __name__ == "__main__":
    main()
