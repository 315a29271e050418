"""`dat-keras train`: train a recipe into a run folder."""

from __future__ import annotations

from pathlib import Path

import click

from dat_keras.cli._errors import verbose_option
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

EXAMPLES = """\b
Examples:
  dat-keras train
  dat-keras train --dataset cifar10 --architecture resnet8 --limit 10000
  dat-keras train --dataset cifar100 --set objective.beta=6 --epochs 30
  dat-keras train --output runs/shapes-dat --resume
"""


@click.command(epilog=EXAMPLES)
@click.option("--dataset", help="Name or folder.  [default: shapes]")
@click.option(
    "--method",
    help="Training method; additions such as `+awp` may follow."
    "  [default: dat]",
)
@click.option("--architecture", help="[default: resnet18; shapes: resnet8]")
@click.option("--recipe", help="Name of a recipe, instead of the three above.")
@click.option("--epochs", type=click.IntRange(1))
@click.option("--batch-size", type=click.IntRange(1))
@click.option("--limit", type=click.IntRange(1), help="Training images used.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="TFDS folder."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run folder.  [default: runs/<dataset>-<method>]",
)
@click.option("--seed", type=int)
@click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--resume", is_flag=True, help="Continue the run in --output.")
@click.option("--overwrite", is_flag=True, help="Replace the run in --output.")
@click.option("--tensorboard", is_flag=True, help="Log to <output>/logs.")
@click.option("--profile", is_flag=True, help="Say where steps spend time.")
@verbose_option
def train(
    data_dir: Path | None,
    output: Path | None,
    resume: bool,
    overwrite: bool,
    tensorboard: bool,
    profile: bool,
    verbose: bool,
    **choice: object,
) -> None:
    """Train a classifier and leave a run folder.

    Without options: dual adversarial training of a small net on drawn shapes,
    minutes on a laptop. The run folder holds recipe.json, best and last
    weights, history.csv and checkpoints.
    """
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._training import run_training

    run_training(
        choice, data_dir, output, (resume, overwrite), (tensorboard, profile)
    )
