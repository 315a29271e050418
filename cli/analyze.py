"""`dat-keras analyze`: an attack's damage, split into amplitude and phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dat_keras.cli._checking import check_analysis
from dat_keras.cli._datasets import check_dataset
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._hub import connect
from dat_keras.cli._options import (
    batch_size_option,
    data_options,
    seed_option,
    sources_argument,
    weights_option,
)
from dat_keras.cli._types import FractionType, Listed
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

EXAMPLES = """\b
Examples:
  dat-keras analyze runs/shapes-dat -o analysis
  dat-keras analyze cifar10-pgd-at-resnet18-w16 runs/cifar10-dat -o analysis
  dat-keras analyze net.keras --dataset cifar10 --eps 2/255,8/255 -o analysis
"""


@click.command(epilog=EXAMPLES)
@sources_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for report.json, figures and the page index.html.",
)
@click.option("--overwrite", is_flag=True, help="Replace an analysis in it.")
@data_options("the models'")
@click.option(
    "--attack",
    default="pgd20",
    show_default=True,
    help="fgsm, pgdN for N steps, cw or cw-dat; its last iterate is taken.",
)
@click.option(
    "--norm", default="linf", show_default=True, help="linf, l2 or l1."
)
@click.option(
    "--eps",
    type=Listed(FractionType()),
    help="Radius for pixels in [0, 1], or several; spectra are those of the "
    "largest.  [default: 2/255,4/255,8/255; l2: "
    "0.125,0.25,0.5; l1: 3,6,12]",
)
@click.option(
    "--n-examples",
    type=click.IntRange(2),
    help="First N images.  [default: 1000, or all if there are fewer]",
)
@batch_size_option
@seed_option
@weights_option
@verbose_option
def analyze(
    sources: tuple[str, ...],
    output: Path,
    overwrite: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Split an attack into amplitude and phase, and measure both.

    RUN_OR_MODEL is what `evaluate` takes. Each image x is attacked; x'_amp
    has the amplitude of the attacked image x' and the phase of x, x'_pha the
    other way round. Also shown: the perturbation's spectrum, accuracy with
    another image's amplitudes in a band of frequencies and, for a run of DAT,
    what its generator makes of images. Needs matplotlib:
    pip install 'dat-keras[plots]'
    """
    check_dataset(options["dataset"], options["data_dir"])
    check_analysis(sources, output, overwrite, options)
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._analyzing import run_analysis
    from dat_keras.evaluation.parallel import use_data_parallel_threads

    use_data_parallel_threads()
    hub = connect(quiet=False, verbose=verbose)
    click.echo(run_analysis(sources, output, overwrite, hub, **options))
    click.echo(f"wrote {output / 'index.html'}", err=True)
