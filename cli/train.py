"""`dat-keras train`: train a recipe into a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from dat_keras.cli import _complete
from dat_keras.cli._checking import check_architecture
from dat_keras.cli._datasets import DATASETS, check_dataset
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._extra import check_extra
from dat_keras.cli._init import check_init
from dat_keras.cli._names import LOGS
from dat_keras.cli._recipe_names import check_method, check_recipe
from dat_keras.cli._trust import check_trust
from dat_keras.cli._types import FractionType, TrainFlags
from dat_keras.utils.cluster import Cluster
from dat_keras.utils.packages import check_installed
from dat_keras.utils.run_folder import RunFolder
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

EXAMPLES = """\b
Examples:
  dat-keras train
  dat-keras train --dataset cifar10 --architecture resnet8 --limit 10000
  dat-keras train --dataset cifar100 --set objective.beta=6 --epochs 30
  dat-keras train --method trades --show
  dat-keras train --output runs/shapes-dat --resume
  dat-keras train --init net.keras --trust --method trades --lr 0.01
  dat-keras train --dataset cifar10 --method trades --extra 1m.npz
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--dataset",
    shell_complete=_complete.datasets,
    help=f"{', '.join(DATASETS)}, a name in TensorFlow Datasets, or a folder "
    "with train/<class>/.  [default: shapes]",
)
@click.option(
    "--method",
    shell_complete=_complete.methods,
    help="natural, pgd-at, trades, mart, dat, ... of `dat-keras list "
    "--methods`; additions such as `+awp` may follow.  [default: dat]",
)
@click.option(
    "--architecture",
    shell_complete=_complete.architectures,
    help="A name of `dat-keras list --architectures`, such as resnet18, "
    "preactresnet18, wrn-34-10, resnet8 or resnet50.  [default: resnet18; "
    "shapes: resnet8; imagenet2012: resnet50]",
)
@click.option(
    "--recipe",
    shell_complete=_complete.recipes,
    help="A name of `dat-keras list --recipes`, instead of the three above.",
)
@click.option(
    "--init",
    metavar="SOURCE",
    help="Begin at a trained net: a run folder, a .keras file, a model of the "
    "zoo or the Hub, or a KerasHub preset folder.",
)
@click.option(
    "--trust",
    is_flag=True,
    help="For .keras files, presets and runs that began at one, as --init, "
    "--extra-labels or teacher: you trust who made it. Keras builds the layers "
    "that it names, in its safe mode.",
)
@click.option(
    "--preprocessing",
    type=click.Choice(["none", "0-255", "tf", "torch", "caffe"]),
    help="What the net of --init wants in place of pixels in [0, 1]; becomes "
    "its first layer. Presets bring their own.  [default: none]",
)
@click.option(
    "--trainable",
    metavar="all|head|last:N",
    help="Layers of the net of --init that are trained.  [default: all]",
)
@click.option(
    "--extra",
    metavar="SOURCE",
    help="Extra training images: an .npz file with `image` and `label`, a "
    "folder with <class>/, or a data set. Duplicates of test and validation "
    "images are removed.",
)
@click.option(
    "--extra-fraction",
    type=FractionType(),
    help="Share of each batch that is extra.  [default: 0.7]",
)
@click.option(
    "--extra-labels",
    metavar="MODEL",
    shell_complete=_complete.sources,
    help="Label the extra images by a run folder, a .keras file or a model of "
    "the zoo or the Hub.  [default: their own labels]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="Passes over the training images.",
)
@click.option(
    "--batch-size", type=click.IntRange(1), help="Images per training step."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Training images used; validation and the closing test then use at "
    "most as many, or 100.",
)
@click.option(
    "--validation-images",
    type=click.IntRange(1),
    help="Validation images used.  [default: all; with --limit as many, but "
    "100 or more]",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of prepared data sets.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run folder.  [default: runs/<dataset>-<method>]",
)
@click.option(
    "--seed",
    type=int,
    help="Seed of initial weights, order of images and random draws.  "
    "[default: 0]",
)
@click.option(
    "--lr", type=FractionType(), help="Learning rate, before its schedule."
)
@click.option(
    "--eps",
    type=FractionType(),
    help="Radius of the attacks of training and validation, such as 4/255; "
    "step sizes change in proportion.",
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
    help="Any field of the recipe by its path, such as objective.beta=6 or "
    "width=16; --show lists all. May be repeated.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the run in --output, or begin it; done if it is finished. "
    "The flag for restart loops and schedulers.",
)
@click.option(
    "--on-nan",
    type=click.Choice(["stop", "rollback"]),
    default="stop",
    show_default=True,
    help="When the loss is not finite: stop, or go back to the beginning of "
    "the epoch with half the learning rate.",
)
@click.option(
    "--distribute",
    type=click.Choice(["none", "mirrored", "multiworker"]),
    default="none",
    show_default=True,
    help="mirrored: all local devices share each batch; multiworker: the "
    "processes that TF_CONFIG names do, each started with this command, with "
    "one --output that all can read. BatchNorm reads the statistics of the "
    "whole batch: the numbers are those of one device but for rounding.",
)
@click.option("--overwrite", is_flag=True, help="Replace the run in --output.")
@click.option(
    "--log",
    multiple=True,
    type=click.Choice(LOGS),
    help="Log the epochs with this library, as its own settings say "
    "(WANDB_MODE=offline, MLFLOW_TRACKING_URI, ...); tensorboard writes "
    "numbers and adversarial images to <output>/logs; may be repeated.",
)
@click.option(
    "--show",
    is_flag=True,
    help="Print the resolved recipe: every key that --set takes, its value, "
    "type, range and meaning. Nothing is trained or written.",
)
@click.option(
    "--profile",
    is_flag=True,
    help="Profile some steps and print which operations take the time.",
)
@verbose_option
def train(
    data_dir: Path | None,
    output: Path | None,
    lr: float | None,
    settings: tuple[str, ...],
    show: bool,
    verbose: bool,
    trust: bool,
    **choice: object,
) -> None:
    """Train a classifier and leave a run folder.

    Without options: dual adversarial training of a small net on drawn shapes,
    minutes on a laptop. The run folder holds recipe.json, best and last
    weights, history.csv and checkpoints.
    """
    names = ("resume", "overwrite", "profile")
    flags = TrainFlags(
        **{name: bool(choice.pop(name)) for name in names},
        on_nan=str(choice.pop("on_nan")),
        log=cast("tuple[str, ...]", choice.pop("log")),
        distribute=str(choice.pop("distribute")),
    )
    if flags.resume and flags.overwrite:
        raise click.UsageError(
            "--resume continues a run, --overwrite removes it: give either"
        )
    for name in flags.log:
        check_installed(name, "logs", name)
    alone = flags.distribute != "multiworker"
    if not alone:
        Cluster.of_environment()
    # Of several processes the first one looks once all are there.
    if output is not None and not show and alone:
        RunFolder(output).check_free(flags.resume, flags.overwrite)
    if lr is not None:
        settings += (f"optimizer.learning_rate={lr}",)
    settings += check_extra(choice, data_dir)
    check_method(cast("str | None", choice["method"]))
    check_recipe(cast("str | None", choice["recipe"]))
    check_architecture(cast("str | None", choice["architecture"]))
    check_init(choice)
    check_trust(cast("str | None", choice["init"]), settings, trust)
    check_dataset(cast("str | None", choice["dataset"]), data_dir)
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._training import run_training, show_recipe

    carry_out = show_recipe if show else run_training
    carry_out({**choice, "settings": settings}, data_dir, output, flags)
