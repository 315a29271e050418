"""AutoAttack's parts in PyTorch, as the package `torchattacks` has them.

Its own `AutoAttack` runs 10 steps where the published one runs 100, and
rescales Square's schedule; here every part gets the published settings.

    python -m benchmarks.torch_attacks NET WEIGHTS IMAGES   # peak memory
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchattacks
from torch import nn
from torchattacks.attack import Attack

from benchmarks.torch_twin import load_twin, to_torch

PACKAGE = "torchattacks"
NORMS = {"linf": "Linf", "l2": "L2"}


def version() -> str:
    """The package and its version."""
    return f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"


def parts(
    net: nn.Module,
    norm: str,
    eps: float,
    queries: int = 5000,
    steps: int = 100,
    seed: int = 0,
) -> dict[str, Attack]:
    """AutoAttack's `standard` by the names of our parts, in order."""
    common = {"norm": NORMS[norm], "eps": eps, "seed": seed, "n_restarts": 1}
    return {
        "apgd-ce": torchattacks.APGD(net, steps=steps, loss="ce", **common),
        "apgd-t": torchattacks.APGDT(net, steps=steps, **common),
        "fab-t": torchattacks.FAB(
            net, steps=steps, multi_targeted=True, **common
        ),
        "square": torchattacks.Square(
            net, n_queries=queries, resc_schedule=False, **common
        ),
    }


@dataclass(frozen=True, eq=False)
class Suite:
    """Attacks on the images not yet broken, as AutoAttack runs them.

    Args:
        net: The classifier, in inference mode.
        x: Images, shape `(N, H, W, C)`.
        y: Labels, shape `(N,)`.
        batch_size: Images of a batch; AutoAttack's default is 250.
    """

    net: nn.Module
    x: np.ndarray
    y: np.ndarray
    batch_size: int = 250

    def wrong(self) -> np.ndarray:
        """Whether each image is misclassified before any attack."""
        rows = np.arange(len(self.x))
        return self._each(rows, lambda x, y: x)

    def broken(self, attack: Attack, rows: np.ndarray) -> np.ndarray:
        """Whether an attack breaks the images of these rows, shape `(N,)`."""
        return self._each(rows, attack)

    def _each(self, rows: np.ndarray, attack: Attack) -> np.ndarray:
        broken = np.zeros(len(self.x), bool)
        for start in range(0, len(rows), self.batch_size):
            batch = rows[start : start + self.batch_size]
            x = to_torch(self.x[batch])
            y = torch.from_numpy(self.y[batch]).long()
            x_adv = attack(x, y)
            with torch.no_grad():
                found = self.net(x_adv).argmax(1) != y
            broken[batch] = found.numpy()
        return broken


def peak_megabytes() -> int:
    """Largest resident memory of this process so far, on Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (mark,) = (line for line in lines if line.startswith("VmHWM"))
    return int(mark.split()[1]) // 1024


def main(name: str, weights: Path, images: Path) -> None:
    """Runs every part for a few steps and prints the peak before and after."""
    before = peak_megabytes()
    net = load_twin(weights, name)
    with np.load(images) as arrays:
        suite = Suite(net, arrays["x"], arrays["y"])
    rows = np.flatnonzero(~suite.wrong())
    for attack in parts(net, "linf", 8 / 255, queries=5, steps=2).values():
        suite.broken(attack, rows)
    print(json.dumps({"before": before, "peak": peak_megabytes()}))


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
