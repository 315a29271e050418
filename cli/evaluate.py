"""`dat-keras evaluate`: robust accuracy of runs, files and zoo models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dat_keras.cli._console import progress, show
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._hub import connect
from dat_keras.cli._types import FractionType, NewFile
from dat_keras.startup import quiet_tensorflow, use_fast_kernels

if TYPE_CHECKING:
    from dat_keras.report import Report
    from dat_keras.zoo.client import Hub
    from dat_keras.zoo.resolve import Resolved


@click.command()
@click.argument("sources", metavar="RUN_OR_MODEL", nargs=-1, required=True)
@click.option("--dataset", help="Data set.  [default: the run's own]")
@click.option("--data-dir", type=Path, help="Folder of prepared data sets.")
@click.option(
    "--attack",
    "attacks",
    default="natural,fgsm,pgd20",
    show_default=True,
    help="Names separated by commas: natural, fgsm, pgd20, pgd100, cw.",
)
@click.option("--norm", default="linf", show_default=True, help="linf or l2.")
@click.option(
    "--eps",
    type=FractionType(),
    help="Radius for pixels in [0, 1].  [default: 8/255; l2: 0.5]",
)
@click.option("--n-examples", type=click.IntRange(1), help="First N images.")
@click.option("--batch-size", type=click.IntRange(1), default=128)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--protocol",
    default="strict",
    show_default=True,
    help="strict, or dat for that of the published tables.",
)
@click.option("--weights", type=click.Choice(["best", "last"]), default="best")
@click.option("--json", "json_file", type=NewFile(), help="Also write JSON.")
@verbose_option
def evaluate(
    sources: tuple[str, ...],
    json_file: Path | None,
    verbose: bool,
    **options: Any,
) -> None:
    """Measure accuracy under attack on the test images.

    RUN_OR_MODEL is a run folder, a .keras file that you trust, a pulled
    model's folder, a name of `dat-keras list`, or `namespace/name[@revision]`
    on the Hugging Face Hub. Several are compared in one table.
    """
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.report import save_all
    from dat_keras.shares import leave_cores_to_shares

    leave_cores_to_shares()
    options["hub"] = connect(quiet=False, verbose=verbose)
    reports = {str(source): _report(source, **options) for source in sources}
    show(reports)
    if json_file:
        save_all(reports, json_file)


def _report(
    source: str,
    dataset: str | None,
    data_dir: Path | None,
    weights: str,
    hub: Hub,
    **options: Any,
) -> Report:
    from dat_keras.allocator import keep_freed_memory
    from dat_keras.data import load_split
    from dat_keras.evaluation import evaluate as measure
    from dat_keras.zoo.resolve import resolve

    loaded = resolve(source, weights, hub)
    dataset, data_dir = _data(loaded, dataset, data_dir)
    test = load_split(dataset, "test", data_dir=data_dir)
    with progress() as show_progress:

        def tell(name: str, done: int, total: int) -> None:
            # Takes effect only once TensorFlow has run something.
            keep_freed_memory()
            show_progress(name, done, total)

        return measure(loaded.model, test, progress=tell, **options)


def _data(
    loaded: Resolved, dataset: str | None, data_dir: Path | None
) -> tuple[str, Path | str | None]:
    """The data set to use: the one named, else that of the model."""
    if dataset:
        return dataset, data_dir
    if loaded.dataset is None:
        raise click.UsageError(
            "A model file does not say its data set: name it with --dataset."
        )
    return loaded.dataset, data_dir or loaded.data_dir
