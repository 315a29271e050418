"""`dat-keras bench`: what a training step costs on this machine."""

from __future__ import annotations

from typing import cast

import click

from dat_keras.cli import _complete
from dat_keras.cli._checking import check_architecture
from dat_keras.cli._datasets import check_dataset
from dat_keras.cli._errors import verbose_option
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
    help="resnet18, preactresnet18, wrn-34-10, wrn-28-10, resnet8.",
)
@click.option("--batch-size", type=click.IntRange(1))
@click.option("--image-size", type=click.IntRange(8), default=32)
@click.option("--num-classes", type=click.IntRange(2), default=10)
@click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--steps", type=click.IntRange(1), default=5, show_default=True)
@click.option("--jit", is_flag=True, help="Compile the step with XLA.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
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

    The recipe is the one that `train` would take with the same options; no
    data set is read.
    """
    check_architecture(cast("str", choice["architecture"]))
    check_dataset(cast("str", choice["dataset"]))
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._bench import run_bench

    shape = (image_size, image_size, 3)
    click.echo(run_bench(choice, shape, num_classes, steps, jit, as_json))
