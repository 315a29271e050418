"""One side of `benchmarks.lazy_images`: reads, and trains some steps."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from pathlib import Path

STEPS = 4


def resident() -> float:
    """Memory of this process, MiB."""
    text = Path("/proc/self/status").read_text()
    (line,) = (x for x in text.splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main(folder: str, way: str, batch_size: int) -> None:
    """Prints what was measured as JSON."""
    import dat_keras as dk

    dk.data.load("shapes", "test")[0]
    before = resident()
    batches = dk.data.load(
        folder, batch_size=batch_size, in_memory=way == "memory"
    )
    digest = hashlib.sha256()
    added, began = [], time.perf_counter()
    for epoch in range(2):
        for step in range(len(batches)):
            x, y = batches.batch(epoch * len(batches) + step)
            digest.update(x.tobytes() + y.tobytes())
        added.append(resident() - before)
    seconds = (time.perf_counter() - began) / (2 * len(batches))
    found = {"mib": added[0], "later": added[1], "seconds": seconds}
    found["sha256"] = digest.hexdigest()
    if way == "files":
        found |= trained(batches)
    print(json.dumps(found))


def trained(batches) -> dict[str, float]:
    """Times steps of natural training, and how long each waits for images."""
    import dat_keras as dk

    model = dk.AdversarialModel(
        dk.architectures.ResNet18(
            10, input_shape=batches.split.image_shape, width=16
        ),
        dk.Natural(),
    )
    model.compile(dk.optimizers.SGD(0.1))
    model.make_train_function()
    steps, waits = [], []
    for step in range(STEPS + 1):
        began = time.perf_counter()
        batch = batches.batch(step)
        waits.append(time.perf_counter() - began)
        model.train_on_batch(*batch)
        steps.append(time.perf_counter() - began)
    median = statistics.median
    return {"step": median(steps[1:]), "wait": median(waits[1:])}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
