"""A folder larger than what a process may take is read in flat memory."""

import hashlib
import json
import subprocess
import sys

import pytest
import tensorflow as tf

from dat_keras.data import load

SIDE = 224
IMAGES = 1200
DECODED = IMAGES * SIDE * SIDE * 3
"""Bytes: 172 MiB."""
CAP = DECODED // 2
BATCH = 16
FIRST = 4
"""Batches whose bits are compared."""

CAPPED = """
import hashlib, json, resource, sys
from pathlib import Path

from dat_keras.data import load

folder, cap, size, first = sys.argv[1], *map(int, sys.argv[2:])


def resident(field="VmRSS"):
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (each for each in lines if each.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def read(batches, steps):
    digest = hashlib.sha256()
    for step in steps:
        for part in batches.batch(step):
            digest.update(part.tobytes())
    return digest.hexdigest()


# What TensorFlow, threads and the index of the folder need comes first.
batches = load(folder, batch_size=size, in_memory=False)
found = read(batches, range(first))
limit = resident("VmData") + cap
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
after = [resident()]
for epoch in range(2):
    read(batches, range(epoch * len(batches), (epoch + 1) * len(batches)))
    after.append(resident())
print(json.dumps([found, after]), flush=True)
# The cap is real: all of it in memory does not fit.
kept = load(folder, batch_size=size, in_memory=True)
print("fits", len(kept))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("large")
    for i in range(IMAGES):
        path = root / "train" / f"class{i % 3}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = tf.random.stateless_uniform(
            (7, 7, 3), (0, i), maxval=256, dtype=tf.int32
        )
        large = tf.repeat(tf.repeat(pixels, SIDE // 7, 0), SIDE // 7, 1)
        encoded = tf.io.encode_jpeg(tf.cast(large, tf.uint8))
        path.write_bytes(encoded.numpy())
    return str(root)


def capped(folder):
    command = [sys.executable, "-c", CAPPED, folder]
    numbers = [str(n) for n in (CAP, BATCH, FIRST)]
    done = subprocess.run(
        [*command, *numbers], capture_output=True, text=True, timeout=300
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 1 and done.returncode != 0, done.stderr
    return json.loads(lines[0])


@pytest.mark.thorough
def test_a_folder_above_the_cap_gives_the_batches_of_memory(folder):
    digest, memory = capped(folder)
    batches = load(folder, batch_size=BATCH, in_memory=True)
    expected = hashlib.sha256()
    for step in range(FIRST):
        for part in batches.batch(step):
            expected.update(part.tobytes())
    assert digest == expected.hexdigest()
    # Two passes over all of it: buffers and pools, not images.
    assert max(memory) - memory[0] < DECODED / 4, memory
