"""Jobs of `dat-keras evaluate`: everything is loaded and checked, then run."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import keras

from dat_keras import data
from dat_keras.attacks.user_attack import user_attack
from dat_keras.cli._console import progress
from dat_keras.cli._names import STAGED
from dat_keras.core.threat_models import THREAT_MODELS, threat_model_of
from dat_keras.data import Split
from dat_keras.evaluation.cautions import setting_cautions
from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.evaluation.corruptions import evaluate_corruptions
from dat_keras.evaluation.eps_curve import usual_radii
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import Caution
from dat_keras.evaluation.resume_state import IDENTITY
from dat_keras.evaluation.samples import first_samples
from dat_keras.evaluation.sanity_checks import check_fit
from dat_keras.utils.attack_names import is_reference
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.registry import split_names
from dat_keras.utils.runtime import keep_freed_memory
from dat_keras.zoo.commands.load import LoadedModel, load_source
from dat_keras.zoo.hub.client import Hub


@dataclass(frozen=True)
class Job:
    """One evaluation: a classifier at one radius.

    Args:
        name: Key of its report, unique in the command.
        source: The model, as the user wrote it.
        model: The classifier.
        test: The test images.
        state: Folder of its resume state; `None` keeps none.
        options: Arguments of `dat_keras.evaluate`.
        cautions: What the report says of these settings.
        corruptions: Arguments of `evaluate_corruptions` beside these; `None`
            leaves it out.
    """

    name: str
    source: str
    model: keras.Model
    test: Split
    state: Path | None
    options: dict[str, Any]
    cautions: tuple[Caution, ...] = ()
    corruptions: dict[str, Any] | None = None

    @property
    def states(self) -> tuple[Path, ...]:
        """Folders of its resume state."""
        return () if self.state is None else (self.state,)

    def run(self) -> Report:
        """Evaluates the classifier, with progress on stderr."""
        with progress() as show_progress:

            def tell(name: str, done: int, total: int) -> None:
                # Takes effect only once TensorFlow has run something.
                keep_freed_memory()
                show_progress(name, done, total)

            report = evaluate(
                self.model,
                self.test,
                progress=tell,
                resume=self.state,
                **self.options,
            )
            if self.corruptions:
                corrupted = self._corrupted(tell)
                said = set(report.cautions)
                own = tuple(c for c in corrupted.cautions if c not in said)
                corrupted = replace(corrupted, cautions=own)
                report = replace(report, corruptions=corrupted)
        return replace(report, cautions=(*self.cautions, *report.cautions))

    def _corrupted(self, tell: Progress) -> CorruptionReport:
        """Evaluates the classifier on corrupted images."""
        names = "attacks", "norm", "eps", "n_examples", "batch_size", "seed"
        shared = {n: self.options[n] for n in (*names, "protocol")}
        return evaluate_corruptions(
            self.model,
            self.test,
            progress=tell,
            **shared,
            **(self.corruptions or {}),
        )


def prepare(
    sources: Sequence[str],
    radii: Sequence[float] | None,
    hub: Hub,
    *,
    dataset: str | None,
    data_dir: Path | None,
    weights: str,
    resume: bool,
    certify: str | None,
    sigma: float | None,
    draws: int | None,
    corruptions: dict[str, Any] | None = None,
    union: Mapping[str, float] | None = None,
    **options: Any,
) -> list[Job]:
    """Loads all models and images, and checks that they fit.

    What can fail within seconds fails here, before hours are spent.

    Args:
        sources: Models, as the command takes them.
        radii: Values of `--eps`; `None` is the default of the norm.
        hub: Client of the Hub.
        dataset: Name of the data set, if not the model's own.
        data_dir: Folder of prepared data sets.
        weights: `"best"` or `"last"`, of a run.
        resume: Whether to continue interrupted evaluations.
        certify: Key of `CERTIFIERS`, if images are to be certified.
        sigma: Setting of smoothing.
        draws: The same.
        corruptions: See `Job`.
        union: Radii by the name of the norm, if there are several; the norm
            of the jobs is then the first.
        **options: Arguments of `dat_keras.evaluate`.
    """
    certifier = (
        certifier_of(certify, sigma=sigma, draws=draws) if certify else None
    )
    for radius in radii or ():
        THREAT_MODELS[options["norm"]](radius)
    for norm, radius in (union or {}).items():
        threat_model_of(norm, radius)
    for norm in union or (options["norm"],):
        check_own(split_names(options["attacks"]), norm)
    states = {
        s: _state(s, radii, resume, options, tuple(union or ()))
        for s in sources
    }
    splits: dict[tuple[str, str], Split] = {}
    jobs = []
    for source in sources:
        loaded = load_source(source, weights, hub)
        place = data_of(source, loaded, dataset, data_dir)
        key = (place[0], str(place[1]))
        if key not in splits:
            splits[key] = data.load_split(place[0], "test", data_dir=place[1])
        samples = first_samples(splits[key], options["n_examples"])
        check_fit(loaded.model, samples)
        if certifier is not None:
            certifier.check(loaded.model)
        trained = loaded.dataset, loaded.norm
        in_union = loaded.norm if loaded.norm in (union or ()) else None
        measured = place[0], in_union or options["norm"]
        cautions = setting_cautions(trained, measured)
        for caution in cautions:
            click.echo(
                f"warning: {source}: {caution.code}: {caution.advice}", err=True
            )
        for eps in radii or (None,):
            jobs.append(
                Job(
                    name_of(source, eps if radii and radii[1:] else None),
                    source,
                    loaded.model,
                    splits[key],
                    states[source],
                    {
                        **options,
                        "eps": eps,
                        "certify": certifier,
                        "eps_curve": _curve(options, eps),
                    },
                    cautions,
                    corruptions and {**corruptions, "data_dir": place[1]},
                )
            )
    return jobs


def _curve(
    options: dict[str, Any], eps: float | None
) -> Sequence[float] | None:
    """The radii of `--eps-curve`: the usual ones where it names none."""
    radii: Sequence[float] | None = options["eps_curve"]
    return usual_radii(options["norm"], eps) if radii == () else radii


def check_own(attacks: Sequence[str], norm: str) -> None:
    """Imports attacks of the user's own, also from the working directory.

    Args:
        attacks: Names of attacks.
        norm: Key of `THREAT_MODELS`.
    """
    for name in filter(is_reference, attacks):
        if "" not in sys.path:
            sys.path.insert(0, "")
        user_attack(name, threat_model_of(norm))


def name_of(source: str, eps: float | None) -> str:
    """Returns the key of a report; of a curve it names the radius.

    Example:
    >>> name_of("runs/a", 4 / 255)
    'runs/a eps 4/255'
    """
    return source if eps is None else f"{source} eps {pixel_fraction(eps)}"


def state_of(source: str) -> Path:
    """Returns the folder of an evaluation's state: in a run, or by its name.

    Example:
    >>> str(state_of("someone/their-net"))
    'someone-their-net.evaluation'
    """
    path = Path(source)
    if path.is_dir():
        return path / "evaluation"
    if path.exists():
        return path.with_name(path.name + ".evaluation")
    # A name in the zoo or on the Hub.
    return Path(source.replace("/", "-") + ".evaluation")


def forget(job: Job) -> None:
    """Removes the state of an evaluation that came to its end."""
    for state in job.states:
        if (state / IDENTITY).exists():
            for file in (*state.glob("*.npz"), state / IDENTITY):
                file.unlink()
            if not any(state.iterdir()):
                state.rmdir()
    if job.state and job.state.is_dir() and not any(job.state.iterdir()):
        job.state.rmdir()


def _state(
    source: str,
    radii: Sequence[float] | None,
    resume: bool,
    options: dict[str, Any],
    norms: Sequence[str],
) -> Path | None:
    names = set(split_names(options["attacks"]))
    if not names & set(STAGED) or (radii and radii[1:]):
        return None
    state = state_of(source)
    if options["shard"]:
        # Shards may run side by side.
        index, count = options["shard"]
        state = state.with_name(f"{state.name}-shard-{index}-of-{count}")
    for folder in [state / norm for norm in norms] or [state]:
        if not resume and (folder / IDENTITY).exists():
            raise click.UsageError(
                f"An interrupted evaluation lies in {folder}: go on with "
                "--resume, or delete the folder."
            )
    return state


def data_of(
    source: str,
    loaded: LoadedModel,
    dataset: str | None,
    data_dir: Path | None,
) -> tuple[str, Path | str | None]:
    """Returns the data set, the one named or the model's own, and its folder.

    Args:
        source: The model, as the user wrote it.
        loaded: The model.
        dataset: Name of the data set; `None` is the model's own.
        data_dir: Folder of prepared data sets; `None` is the run's own.
    """
    if dataset:
        return dataset, data_dir
    if loaded.dataset is None:
        raise click.UsageError(
            f"{source} does not say its data set: name it with --dataset."
        )
    return loaded.dataset, data_dir or loaded.data_dir
