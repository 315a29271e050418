"""`dat-keras compare`: train and evaluate several methods, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dat_keras.cli import _complete
from dat_keras.cli._checking import check_architecture
from dat_keras.cli._datasets import DATASETS, check_dataset
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._evaluation_types import RadiiType, SeveritiesType
from dat_keras.cli._names import CORRUPTIONS
from dat_keras.cli._options import eot_option
from dat_keras.cli._recipe_names import check_row
from dat_keras.cli._types import Listed
from dat_keras.utils.runtime import (
    quiet_tensorflow,
    share_of_cores,
    use_fast_kernels,
)

EXAMPLES = """\b
Examples:
  dat-keras compare --methods natural,trades,dat --epochs 1 --seeds 0,1
  dat-keras compare --dataset cifar10 --architecture resnet8 \\
      --methods pgd-at,trades,mart,dat --checkpoint best,last
  dat-keras compare --methods trades,dat --set trades:beta=3 --resume
  dat-keras compare --methods trades+awp,dat,dat+awp+swa,dat+no-js
  dat-keras compare --recipe dat-cifar10-resnet8 --recipe trades-cifar10-resnet8
  dat-keras compare --methods dat \\
      --row "match_mean: dat objective.amplitude_scale=match_mean" \\
      --row "soft: dat objective.beta=5 epochs=3"
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--dataset",
    shell_complete=_complete.datasets,
    help=f"{', '.join(DATASETS)}, a name in TensorFlow Datasets or a folder, "
    "for methods.  [default: shapes]",
)
@click.option(
    "--methods",
    type=Listed(),
    shell_complete=_complete.methods,
    default="",
    help="Names of `dat-keras list --methods`, separated by commas; additions "
    "such as `+awp` may follow a name.",
)
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    shell_complete=_complete.recipes,
    metavar="NAME",
    help="A recipe of `dat-keras list --recipes` as one more row; it fixes its "
    "data set and architecture. Repeatable.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="'LABEL: NAME KEY=VALUE ...'",
    help="A method or recipe NAME with settings of its own as one more row, "
    "called LABEL. Repeatable.",
)
@click.option(
    "--architecture",
    shell_complete=_complete.architectures,
    help="For methods: a name of `dat-keras list --architectures`, such as "
    "resnet18, preactresnet18, wrn-34-10, resnet8 or resnet50.  [default: "
    "resnet18; shapes: resnet8; imagenet2012: resnet50]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="Passes over the training images.  [default: the recipe's]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Images per training step.  [default: the recipe's]",
)
@click.option("--limit", type=click.IntRange(1), help="Training images used.")
@click.option(
    "--validation-images",
    type=click.IntRange(1),
    help="Validation images used.  [default: all; with --limit as many, but "
    "100 or more]",
)
@click.option("--seeds", type=Listed(click.INT), default="0", show_default=True)
@click.option(
    "--attack",
    "attacks",
    type=Listed(),
    shell_complete=_complete.attacks,
    default="natural,fgsm,pgd20",
    show_default=True,
    help="natural, fgsm, pgdN, cw, autoattack and the other names that "
    "`evaluate` takes, but no attack of your own.",
)
@click.option(
    "--norm",
    "norms",
    type=Listed(),
    default="linf",
    show_default=True,
    help="linf, l2 or l1; several, such as linf,l2,l1: a column of each attack "
    "for each and one for their union, in which an image must be robust in "
    "all.",
)
@click.option(
    "--eps",
    type=RadiiType(),
    help="Radii of the evaluation by name of the norm, such as "
    "linf=4/255,l2=1.  [default: linf 8/255, l2 0.5, l1 12]",
)
@click.option("--n-examples", type=click.IntRange(1), help="First N images.")
@click.option(
    "--checkpoint",
    "checkpoints",
    type=Listed(),
    default="best",
    show_default=True,
    help="best, last, or both.",
)
@click.option(
    "--certify",
    type=click.Choice(["ibp", "crown-ibp"]),
    help="Also the certified accuracy, by bounds of the classifier.",
)
@eot_option
@click.option(
    "--transfer",
    is_flag=True,
    help="Also the accuracy on the adversarial images of all rows, by PGD-20 "
    "in the first norm: a row that others break better masks gradients.",
)
@click.option(
    "--corruptions",
    type=Listed(),
    help="Also the mean accuracy on corrupted images: all, or names such as "
    "fog,snow.",
)
@click.option(
    "--severities",
    type=SeveritiesType(),
    help="Of the corruptions, such as 3 or 1-5.  [default: 1-5]",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of prepared data sets.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="[LABEL:]KEY=VALUE",
    help="For all rows, or for the one of that label.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the grid of runs.  [default: runs/<dataset>-compare]",
)
@click.option(
    "--workers",
    type=int,
    default=1,
    show_default=True,
    help="Runs at a time, each with its share of the processor cores.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the grid in --output, or begin it.",
)
@click.option("--overwrite", is_flag=True, help="Replace the grid in --output.")
@verbose_option
def compare(
    methods: tuple[str, ...],
    recipes: tuple[str, ...],
    rows: tuple[str, ...],
    verbose: bool,
    **options: Any,
) -> None:
    """Train and evaluate methods, recipes and variants of them with several
    seeds, and print the paper's table.

    Each row of the table and seed is a run folder in --output; finished runs
    are kept when a killed comparison is continued with --resume.
    """
    if options["resume"] and options["overwrite"]:
        raise click.UsageError(
            "--resume continues a comparison, --overwrite removes it: give "
            "either."
        )
    from dat_keras.comparison.row_spec import RowSpec, check_distinct

    named = [RowSpec.of(name) for name in (*methods, *recipes)]
    specs = [*named, *map(RowSpec.parse, rows)]
    if not specs:
        raise click.UsageError("Give --methods, --recipe or --row.")
    check_distinct("labels", [spec.label for spec in specs])
    if options["transfer"] and len(specs) < 2:
        raise click.UsageError("--transfer needs two rows.")
    for spec in specs:
        check_row(spec.source)
    check_architecture(options["architecture"])
    check_dataset(options["dataset"], options["data_dir"])
    _check_norms(options["norms"], options["eps"], options["certify"])
    _check_corruptions(
        options["corruptions"], options["severities"], options["eot"]
    )
    share_of_cores(options["workers"])
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._comparing import run_comparison

    run_comparison(specs, recipes, **options)


def _check_norms(norms: Sequence[str], eps: Any, certify: str | None) -> None:
    from dat_keras.utils.norms import union_radii

    if isinstance(eps, tuple):
        raise click.UsageError(
            "--eps takes each norm by its name, such as linf=4/255,l2=1."
        )
    union_radii(norms, eps or {})
    if certify and "linf" not in norms:
        raise click.UsageError(
            f"--certify {certify} needs linf in --norm. "
            f"Received: {','.join(norms)}"
        )


def _check_corruptions(
    names: Sequence[str] | None, severities: Sequence[int] | None, eot: int
) -> None:
    from dat_keras.utils.registry import lookup

    if severities and not names:
        raise click.UsageError("--severities needs --corruptions.")
    if eot > 1 and names:
        raise click.UsageError("--eot takes no --corruptions.")
    for name in names or ():
        if names != ("all",):
            lookup(dict.fromkeys(CORRUPTIONS), name, "corruption")
