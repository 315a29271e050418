"""`dat-keras transfer`: models on the adversarial images of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dat_keras.cli import _complete
from dat_keras.cli._checking import check_files, check_transfer
from dat_keras.cli._console import progress, show_table
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
from dat_keras.cli._types import FractionType, NewFile
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels


@click.command()
@sources_argument
@data_options("the first run's")
@click.option(
    "--attack",
    shell_complete=_complete.attacks,
    default="pgd20",
    show_default=True,
    help="One attack that `dat-keras evaluate` takes.",
)
@click.option("--norm", default="linf", show_default=True, help="linf or l2.")
@click.option(
    "--eps",
    type=FractionType(),
    help="Radius for pixels in [0, 1].  [default: 8/255; l2: 0.5; l1: 12]",
)
@click.option("--n-examples", type=click.IntRange(1), help="First N images.")
@batch_size_option
@seed_option
@weights_option
@click.option(
    "--json", "json_file", type=NewFile(), help="Also write the matrix."
)
@verbose_option
def transfer(
    sources: tuple[str, ...],
    dataset: str | None,
    data_dir: Path | None,
    weights: str,
    json_file: Path | None,
    verbose: bool,
    **options: Any,
) -> None:
    """Measure models on the adversarial images of each other.

    RUN_OR_MODEL is as for `dat-keras evaluate`; two or more. The diagonal is
    the white-box attack. A warning names every model that another model's
    images break more often than its own: a sign of masked gradients.
    """
    check_dataset(dataset, data_dir)
    check_transfer(sources, weights, options)
    check_files([] if json_file is None else [json_file])
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._evaluating import check_own, data_of
    from dat_keras.data import load_split
    from dat_keras.evaluation.parallel import use_data_parallel_threads
    from dat_keras.evaluation.transfer import transfer_matrix
    from dat_keras.zoo.commands.load import load_source

    check_own([options["attack"]], options["norm"])
    use_data_parallel_threads()
    hub = connect(quiet=False, verbose=verbose)
    loaded = {s: load_source(s, weights, hub) for s in sources}
    first = sources[0]
    name, folder = data_of(first, loaded[first], dataset, data_dir)
    test = load_split(name, "test", data_dir=folder)
    models = {source: each.model for source, each in loaded.items()}
    with progress() as tell:
        matrix = transfer_matrix(models, test, progress=tell, **options)
    show_table(matrix)
    if json_file is not None:
        matrix.save(json_file)
