"""`dat-keras bench`: what a training step costs on this machine."""

from __future__ import annotations

from typing import cast

import click

from dat_keras.cli import _complete
from dat_keras.cli._checking import check_architecture
from dat_keras.cli._datasets import check_dataset
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._recipe_names import check_method
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

EXAMPLES = """\b
Examples:
  dat-keras bench
  dat-keras bench --architecture resnet18 --batch-size 32 --method trades
  dat-keras bench --set attack_dtype=bfloat16 --set objective.update=fused
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--dataset",
    shell_complete=_complete.datasets,
    default="cifar10",
    show_default=True,
    help="As for `train`.",
)
@click.option(
    "--method",
    shell_complete=_complete.methods,
    default="dat",
    show_default=True,
    help="A name of `dat-keras list --methods`.",
)
@click.option(
    "--architecture",
    shell_complete=_complete.architectures,
    default="resnet8",
    show_default=True,
    help="A name of `dat-keras list --architectures`, such as resnet18 or "
    "wrn-34-10.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Images per step.  [default: the recipe's]",
)
@click.option(
    "--image-size",
    type=click.IntRange(8),
    default=32,
    show_default=True,
    help="Height and width of the images.",
)
@click.option(
    "--num-classes",
    type=click.IntRange(2),
    default=10,
    show_default=True,
    help="Number of classes.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    help="Type in which layers compute.  [default: float32]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any field of the recipe by its path; may be repeated.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Steps that are timed.",
)
@click.option("--jit", is_flag=True, help="Compile the step with XLA.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@verbose_option
def bench(
    image_size: int,
    num_classes: int,
    steps: int,
    jit: bool,
    as_json: bool,
    verbose: bool,
    **choice: object,
) -> None:
    """Time a training step of a recipe on random images.

    The recipe is that of `train` with the same --dataset, --method,
    --architecture and --set; their defaults differ: here cifar10 and resnet8.
    No data set is read.
    """
    check_method(cast("str", choice["method"]))
    check_architecture(cast("str", choice["architecture"]))
    check_dataset(cast("str", choice["dataset"]))
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._bench import run_bench

    shape = (image_size, image_size, 3)
    click.echo(run_bench(choice, shape, num_classes, steps, jit, as_json))
