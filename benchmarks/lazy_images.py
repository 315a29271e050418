"""Images in files against images in memory: batches, memory, time.

python -m benchmarks.lazy_images [--images 2000] [--side 224]

A generated folder is read for two epochs in a process of its own, from memory
and from the files. Its decoded images are larger than the memory that the
second process may add to what it has when it begins (`--cap`, MiB).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np


@click.command()
@click.option("--images", default=2000, show_default=True)
@click.option("--side", default=224, show_default=True)
@click.option("--batch-size", default=32, show_default=True)
@click.option("--cap", default=200, show_default=True, help="MiB.")
def main(images: int, side: int, batch_size: int, cap: int) -> None:
    """Prints a table of both ways, and what a step waits for its images."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, images, side)
        decoded = images * side * side * 3 / 2**20
        click.echo(f"{images} images, {decoded:.0f} MiB decoded, cap {cap} MiB")
        found = {
            way: measured(folder, way, batch_size)
            for way in ("memory", "files")
        }
    for way, each in found.items():
        click.echo(
            f"{way}: {each['mib']:.0f} MiB added after epoch 1, "
            f"{each['later']:.0f} after epoch 2; "
            f"{1000 * each['seconds']:.1f} ms a batch; "
            f"sha256 {each['sha256'][:16]}"
        )
    step = found["files"]["step"]
    wait = found["files"]["wait"]
    click.echo(
        f"natural step of a ResNet-18 of width 16: {step:.2f} s, of which it "
        f"waits {1000 * wait:.1f} ms for its images ({wait / step:.2%})"
    )
    if found["memory"]["sha256"] != found["files"]["sha256"]:
        raise click.ClickException("the batches differ")
    if found["files"]["later"] > cap:
        raise click.ClickException("more memory than the cap")


def generate(folder: Path, images: int, side: int) -> None:
    """Writes JPEG files of smoothed noise in ten classes."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for i in range(images):
        path = folder / "train" / f"class{i % 10}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (side // 8, side // 8, 3)).astype(float)
        pixels = tf.cast(tf.image.resize(coarse, (side, side)), tf.uint8)
        path.write_bytes(tf.io.encode_jpeg(pixels).numpy())


def measured(folder: Path, way: str, batch_size: int) -> dict:
    """Reads the folder in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.lazy_images_side"]
    arguments = [str(folder), way, str(batch_size)]
    run = subprocess.run(
        [*command, *arguments], check=True, capture_output=True, text=True
    )
    return json.loads(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
