"""`dat-keras report`: training, robustness and failures on one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dat_keras.cli._datasets import check_dataset
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._evaluation_types import RadiiType, SeveritiesType
from dat_keras.cli._hub import connect
from dat_keras.cli._options import (
    batch_size_option,
    certify_options,
    data_options,
    eot_option,
    seed_option,
    sources_argument,
    weights_option,
)
from dat_keras.cli._report_checks import check_report
from dat_keras.cli._types import NewFile
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

EXAMPLES = """\b
Examples:
  dat-keras report runs/shapes-dat -o report.html
  dat-keras report runs/shapes-natural runs/shapes-dat -o report.html
  dat-keras report cifar10-dat-resnet18-w16 --n-examples 1000 -o report.html
  dat-keras report runs/shapes-dat --evaluation robust.json -o report.html
  dat-keras report runs/shapes-dat --distances fmn --corruptions all \\
    --severities 3 -o report.html
  dat-keras report runs/shapes-natural runs/shapes-dat --norm linf,l2,l1 \\
    --transfer -o report.html
"""


@click.command(epilog=EXAMPLES)
@sources_argument
@click.option(
    "-o",
    "--output",
    type=NewFile(),
    required=True,
    help="The HTML page; one that is there is replaced.",
)
@data_options("the models'")
@click.option(
    "--norm",
    default="linf",
    show_default=True,
    help="linf, l2 or l1; several, such as linf,l2,l1: the curve is in the "
    "first, and a section has all and their worst case.",
)
@click.option(
    "--eps",
    type=RadiiType(),
    help="Radius for pixels in [0, 1]; the curve ends at twice that. With "
    "several norms by name, such as linf=4/255,l2=1.  "
    "[default: 8/255; l2: 0.5; l1: 12]",
)
@click.option(
    "--n-examples",
    type=click.IntRange(1),
    help="First N images.  [default: 500, or all if there are fewer]",
)
@click.option(
    "--n-bisected",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Images for which the smallest eps that breaks them is searched.",
)
@click.option(
    "--apgd/--no-apgd",
    default=True,
    show_default=True,
    help="Attack what PGD-20 leaves by APGD, at three radii.",
)
@click.option(
    "--autoattack",
    is_flag=True,
    help="Run AutoAttack at --eps and show what each part leaves; slow.",
)
@click.option(
    "--distances",
    metavar="NAMES",
    help="Minimum-norm attacks whose distances are shown: fmn, fab or both; "
    "fab is slow.",
)
@click.option(
    "--corruptions",
    metavar="NAMES",
    help="Accuracy on common corruptions: all, or names such as fog,snow.",
)
@click.option(
    "--severities",
    type=SeveritiesType(),
    help="Of the corruptions, such as 3 or 1-5.  [default: 1-5]",
)
@click.option(
    "--transfer",
    is_flag=True,
    help="Each model on the adversarial images of each, by PGD-20.",
)
@certify_options
@eot_option
@click.option(
    "--evaluation",
    "evaluations",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="JSON of `dat-keras evaluate --json`, all of whose results are "
    "shown, in one norm or several; may be repeated.",
)
@batch_size_option
@seed_option
@weights_option
@verbose_option
def report(
    sources: tuple[str, ...], output: Path, verbose: bool, **options: Any
) -> None:
    """Write a page on the training and the robustness of models.

    RUN_OR_MODEL is what `evaluate` takes. The page shows accuracy against the
    radius under PGD-20 and APGD with warnings of masked gradients, what
    AutoAttack leaves, the worst case of several norms, certified accuracy,
    the smallest perturbations, accuracy on corrupted images and transfer
    where asked for, accuracy and confusion of classes, the least and the most
    robust images with their adversarial examples and, of runs, curves, cost
    and recipe. Needs matplotlib: pip install 'dat-keras[plots]'
    """
    check_dataset(options["dataset"], options["data_dir"])
    check_report(sources, output, options)
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._reporting import run_report
    from dat_keras.evaluation.parallel import use_data_parallel_threads

    use_data_parallel_threads()
    hub = connect(quiet=False, verbose=verbose)
    click.echo(run_report(sources, output, hub, **options))
    click.echo(f"wrote {output}", err=True)
