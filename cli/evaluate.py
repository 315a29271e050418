"""`dat-keras evaluate`: robust accuracy of runs, files and zoo models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dat_keras.cli import _complete
from dat_keras.cli._checking import (
    check,
    check_files,
    check_shard,
)
from dat_keras.cli._console import show, show_comparison, show_unions
from dat_keras.cli._corruptions import check_corruptions
from dat_keras.cli._datasets import check_dataset
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._evaluation_types import (
    CurveType,
    RadiiType,
    SeveritiesType,
    ShardType,
)
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
from dat_keras.cli._thresholds import (
    Threshold,
    ThresholdType,
    apply_thresholds,
    check_thresholds,
)
from dat_keras.cli._types import NewFile
from dat_keras.cli._unions import check_union
from dat_keras.utils.registry import split_names
from dat_keras.utils.runtime import quiet_tensorflow, use_fast_kernels

if TYPE_CHECKING:
    from dat_keras.cli._evaluating import Job
    from dat_keras.evaluation.report import Report


@click.command()
@sources_argument
@data_options("the run's")
@click.option(
    "--attack",
    "attacks",
    shell_complete=_complete.attacks,
    default="natural,fgsm,pgd20",
    show_default=True,
    help="Names separated by commas: natural, fgsm, pgdN for N steps (pgd20), "
    "cw, cw-dat, autoattack, its parts apgd-ce, apgd-dlr, apgd-t, fab, "
    "fab-t, square, fmn, autoattack-plus, autoattack-rand, and the short "
    "autoattack-monitor; package.module:attack is one of your own.",
)
@click.option(
    "--norm",
    default="linf",
    show_default=True,
    help="linf, l2 or l1; several, such as linf,l2,l1: a row for each and one "
    "for their union, in which an image must be robust in all.",
)
@click.option(
    "--eps",
    type=RadiiType(),
    help="Radius for pixels in [0, 1], or several, such as 2/255,4/255,8/255: "
    "one row for each. With several norms by name, such as linf=4/255,l2=1."
    "  [default: 8/255; l2: 0.5; l1: 12]",
)
@click.option("--n-examples", type=click.IntRange(1), help="First N images.")
@batch_size_option
@seed_option
@click.option(
    "--protocol",
    default="strict",
    show_default=True,
    help="strict, or dat for that of the published tables.",
)
@weights_option
@click.option(
    "--search-dtype",
    type=click.Choice(["bfloat16"]),
    help="Attack in bfloat16, judge in float32: faster, not standard.",
)
@certify_options
@eot_option
@click.option(
    "--eps-curve",
    type=CurveType(),
    is_flag=False,
    flag_value=(),
    metavar="[FROM:TO:N]",
    help="Also the accuracy at each of these radii, such as 0:16/255:9 or a "
    "list, from one run of fab or fmn.  [default: 0 to twice --eps]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue an interrupted AutoAttack, one of its parts, or FMN.",
)
@click.option(
    "--shard",
    type=ShardType(),
    help="The i-th of n parts of the images, such as 2/8, for --json, in one "
    "norm; "
    "`dat-keras merge-reports` makes one report of all.",
)
@click.option(
    "--save-adversarial",
    type=NewFile(),
    help="Also write labels and the images of each attack, as .npz of NumPy.",
)
@click.option(
    "--robustbench",
    "entry_file",
    type=NewFile(),
    help="Also write an entry in RobustBench's format.",
)
@click.option(
    "--json",
    "json_file",
    type=NewFile(),
    help="Also write JSON: a report, or several by their names.",
)
@click.option(
    "--corruptions",
    help="Also run every attack on corrupted images: all, or names such as "
    "fog,snow; severities and mean error follow the table.",
)
@click.option(
    "--severities",
    type=SeveritiesType(),
    help="Of the corruptions, such as 3 or 1-5.  [default: 1-5]",
)
@click.option(
    "--published",
    is_flag=True,
    help="Corrupted images of the published CIFAR-10-C, where prepared.",
)
@click.option(
    "--fail-under",
    "thresholds",
    multiple=True,
    type=ThresholdType(),
    metavar="ATTACK=ACCURACY",
    help="For CI jobs: exit code 9 if an accuracy is lower, such as "
    "autoattack=0.4; repeatable.",
)
@verbose_option
def evaluate(
    sources: tuple[str, ...],
    json_file: Path | None,
    entry_file: Path | None,
    thresholds: tuple[Threshold, ...],
    verbose: bool,
    **options: Any,
) -> None:
    """Measure accuracy under attack on the test images.

    RUN_OR_MODEL is a run folder, a .keras file that you trust, a pulled
    model's folder, a name of `dat-keras list`, or `namespace/name[@revision]`
    on the Hugging Face Hub. Several are compared in one table, in
    several norms with a table each. If one of them
    fails, the reports finished before are still printed and written.

    AutoAttack, its parts and FMN keep their state in the run folder, or next
    to a file, until they are done; --resume goes on from there with the same
    result. With several radii or norms no state is kept.
    """
    files = [json_file, entry_file, options["save_adversarial"]]
    check_dataset(options["dataset"], options["data_dir"])
    union = check_union(entry_file is not None, options)
    check(sources, entry_file is not None, options)
    corruptions = check_corruptions(entry_file is not None, options)
    check_thresholds(thresholds, split_names(options["attacks"]))
    if thresholds and options["shard"]:
        raise click.UsageError("--fail-under takes no --shard: all images.")
    check_shard(sources, json_file, entry_file, options)
    check_files([file for file in files if file is not None])
    use_fast_kernels()
    quiet_tensorflow(verbose)
    from dat_keras.cli._evaluating import forget, prepare
    from dat_keras.cli._union_jobs import UnionJob
    from dat_keras.evaluation.parallel import use_data_parallel_threads
    from dat_keras.evaluation.robustbench import save_entry

    use_data_parallel_threads()
    hub = connect(quiet=False, verbose=verbose)
    jobs = prepare(
        sources,
        options.pop("eps"),
        hub,
        corruptions=corruptions,
        union=union,
        **options,
    )
    if union:
        jobs = [UnionJob.of(job, union) for job in jobs]
    reports: dict[str, Report] = {}
    try:
        for job in jobs:
            reports[job.name] = job.run()
    finally:
        # Of a command that fails, too: what is finished is not lost.
        if reports:
            several = show_unions if union else show_comparison
            _output(jobs, reports, json_file, several)
    if entry_file:
        save_entry(reports[jobs[0].name], entry_file)
    for job in jobs:
        forget(job)
    apply_thresholds(reports, thresholds)


def _output(
    jobs: list[Job],
    reports: dict[str, Report],
    json_file: Path | None,
    show_several: Callable[..., None],
) -> None:
    """Prints the finished reports and writes them as JSON."""
    from dat_keras.evaluation.report import save_all

    if len(jobs) == 1:
        report = reports[jobs[0].name]
        show(report)
        if json_file:
            report.save(json_file)
        return
    show_several(reports, {job.name: job.source for job in jobs})
    if json_file:
        save_all(reports, json_file)
