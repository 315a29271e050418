"""`dat-keras evaluate`: robust accuracy of runs, files and zoo models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dat_keras.cli._console import show
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._hub import connect
from dat_keras.cli._names import EVALUATIONS, PROTOCOLS
from dat_keras.cli._types import FractionType, NewFile
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels


@click.command()
@click.argument("sources", metavar="RUN_OR_MODEL", nargs=-1, required=True)
@click.option("--dataset", help="Data set.  [default: the run's own]")
@click.option("--data-dir", type=Path, help="Folder of prepared data sets.")
@click.option(
    "--attack",
    "attacks",
    default="natural,fgsm,pgd20",
    show_default=True,
    help="Names separated by commas: natural, fgsm, pgd20, pgd100, cw, "
    "autoattack, its parts apgd-ce, apgd-dlr, apgd-t, fab, fab-t, square, "
    "autoattack-plus, autoattack-rand, and the short autoattack-monitor.",
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
@click.option(
    "--search-dtype",
    type=click.Choice(["bfloat16"]),
    help="Attack in bfloat16, judge in float32: faster, not standard.",
)
@click.option("--resume", is_flag=True, help="Continue AutoAttack.")
@click.option(
    "--save-adversarial",
    type=NewFile(),
    help="Also write AutoAttack's images, as NumPy's .npz.",
)
@click.option(
    "--robustbench",
    "entry_file",
    type=NewFile(),
    help="Also write an entry in RobustBench's format.",
)
@click.option("--json", "json_file", type=NewFile(), help="Also write JSON.")
@verbose_option
def evaluate(
    sources: tuple[str, ...],
    json_file: Path | None,
    entry_file: Path | None,
    verbose: bool,
    **options: Any,
) -> None:
    """Measure accuracy under attack on the test images.

    RUN_OR_MODEL is a run folder, a .keras file that you trust, a pulled
    model's folder, a name of `dat-keras list`, or `namespace/name[@revision]`
    on the Hugging Face Hub. Several are compared in one table.

    AutoAttack keeps its state in the run folder, or beside a file, until it
    is done; --resume goes on from there with the same result.
    """
    _check(sources, entry_file is not None, options)
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._evaluating import forget, report_on
    from dat_keras.evaluation.parallel import use_data_parallel_threads
    from dat_keras.evaluation.report import save_all
    from dat_keras.evaluation.robustbench import save_entry

    use_data_parallel_threads()
    options["hub"] = connect(quiet=False, verbose=verbose)
    reports = {source: report_on(source, **options) for source in sources}
    show(reports)
    if json_file:
        save_all(reports, json_file)
    if entry_file:
        save_entry(reports[sources[0]], entry_file)
    for source in sources:
        forget(source)


def _check(
    sources: tuple[str, ...], entry: bool, options: dict[str, Any]
) -> None:
    """Refuses, while nothing heavy is imported, what cannot be meant."""
    from dat_keras.utils.norms import DEFAULT_EPS
    from dat_keras.utils.registry import lookup
    from dat_keras.zoo.commands.sources import check_source

    if (options["save_adversarial"] or entry) and len(sources) > 1:
        raise click.UsageError(
            "--save-adversarial and --robustbench take one model. "
            f"Received: {len(sources)}"
        )
    names = [name.strip() for name in options["attacks"].split(",")]
    for name in names:
        lookup(dict.fromkeys(EVALUATIONS), name, "attack")
    if entry and "autoattack" not in names:
        raise click.UsageError("--robustbench needs --attack autoattack.")
    if entry and options["search_dtype"]:
        raise click.UsageError("--robustbench takes no --search-dtype.")
    lookup(DEFAULT_EPS, options["norm"], "norm")
    lookup(dict.fromkeys(PROTOCOLS), options["protocol"], "protocol")
    for source in sources:
        check_source(source, options["weights"])
