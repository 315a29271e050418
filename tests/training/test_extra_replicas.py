"""Extra images on two replicas and in two processes: the batches of one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from replicas import two_replicas
from small_runs import uneven
from two_workers import ended, start

from dat_keras.data import Split
from dat_keras.data.mixed_batches import MixedBatches
from dat_keras.objectives import Natural
from dat_keras.optimizers import SGD
from dat_keras.recipes.extra_data import ExtraData
from dat_keras.training.model import AdversarialModel
from dat_keras.training.train import train

NAMES = ("a", "b", "c", "d")


def numbered(first, count):
    """Images of one value each, by which they are known again."""
    values = np.arange(first, first + count, dtype=np.uint8)
    images = np.tile(values[:, None, None, None], (1, 8, 8, 3))
    return Split(images, np.arange(count) % 4, NAMES, "toy")


def seen_in_fit(strategy, make_tiny, batches, epochs):
    """What each replica of a strategy is given in `fit`, by step."""
    with strategy.scope():
        model = AdversarialModel(make_tiny(), Natural())
        model.compile(optimizer=SGD(0.1))
    seen = []

    def record(iterator):
        parts = map(strategy.experimental_local_results, next(iterator))
        seen.append([[np.array(each) for each in part] for part in parts])
        return {}

    model.train_function = record
    model.fit(batches, epochs=epochs, verbose=0)
    return seen


@pytest.mark.parametrize(
    ("fraction", "size", "extra", "sizes"),
    [(0.5, 8, 4, [4, 4]), (0.7, 10, 7, [5, 5]), (1.0, 8, 8, [4, 4])],
)
def test_two_replicas_get_the_batches_of_one(
    fraction, size, extra, sizes, make_tiny
):
    def batches():
        real, more = numbered(0, 40), numbered(100, 30)
        return MixedBatches(real, more, fraction, size, seed=3)

    steps = 2 * batches().steps_per_epoch
    seen = seen_in_fit(two_replicas(), make_tiny, batches(), epochs=2)
    alone = seen_in_fit(
        tf.distribute.get_strategy(), make_tiny, batches(), epochs=2
    )
    assert len(seen) == len(alone) == steps
    for step, (two, one) in enumerate(zip(seen, alone, strict=True)):
        assert [len(part) for part in two[0]] == sizes
        wanted = batches().batch(step)
        for parts, (whole,), known in zip(two, one, wanted, strict=True):
            np.testing.assert_array_equal(np.concatenate(parts), whole)
            np.testing.assert_array_equal(whole, known)
        values = np.concatenate(two[0])[:, 0, 0, 0] * 255
        assert np.sum(values.round() >= 100) == extra


PARTS = """
import json, sys
from dataclasses import replace
from pathlib import Path

from small_runs import uneven

from dat_keras.core.weights import fingerprint
from dat_keras.data.mixed_batches import MixedBatches
from dat_keras.recipes.extra_data import ExtraData
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train

seen, part = {}, MixedBatches.part

def recorded(self, step, index, count):
    x, y = part(self, step, index, count)
    seen[f"{step} {index} {count}"] = [x.sum((1, 2, 3)).tolist(), y.tolist()]
    return x, y

MixedBatches.part = recorded
recipe = replace(uneven(sys.argv[1]), extra=ExtraData(sys.argv[2], 0.7))
options = RunOptions(distribute="multiworker", say=lambda line: None)
model = train(recipe, Path(sys.argv[3]), options=options)
print(json.dumps([seen, fingerprint(model.classifier)]))
"""


@pytest.mark.thorough
def test_two_processes_read_the_batches_of_one(colours, tmp_path, monkeypatch):
    """Each its own rows; the first writes which images were taken."""
    draw = np.random.default_rng(7)
    images = draw.integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
    source, together = tmp_path / "extra.npz", tmp_path / "together"
    np.savez(source, image=images, label=np.arange(20) % 3)
    found = []
    processes = start(PARTS, colours, source, together)
    for code, out, error in ended(processes, timeout=300):
        assert code == 0, error
        found.append(json.loads(out.splitlines()[-1]))
    (first, weights), (second, others) = found
    assert weights == others

    alone, batch = {}, MixedBatches.batch

    def recorded(self, step):
        alone[int(step)] = batch(self, step)
        return alone[int(step)]

    monkeypatch.setattr(MixedBatches, "batch", recorded)
    recipe = replace(uneven(colours), extra=ExtraData(str(source), 0.7))
    train(recipe, tmp_path / "alone")
    for step in range(6):
        x, y = alone[step]
        both = first[f"{step} 0 2"], second[f"{step} 1 2"]
        sums, labels = (sum(each, []) for each in zip(*both, strict=True))
        assert labels == y.tolist()
        assert sums == x.sum((1, 2, 3)).tolist()
        # Of eleven rows, eight of the extra images.
        sure = {float(np.float32(each.sum())) for each in images / 255}
        near = [min(abs(each - s) for s in sure) < 1e-2 for each in sums]
        assert len(near) == 11 and sum(near) >= 8
    files = (together / "extra.npz", tmp_path / "alone" / "extra.npz")
    one, two = (np.load(file) for file in files)
    assert all((one[key] == two[key]).all() for key in one.files)
