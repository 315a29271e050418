"""The model card (`README.md`): text, tables, metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dat_keras.evaluation.corruption_report import CorruptionReport
from dat_keras.objectives import OBJECTIVES
from dat_keras.objectives.catalog import Description
from dat_keras.utils.extra_text import described_extra
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.registry import lookup
from dat_keras.utils.text_table import markdown
from dat_keras.zoo.cards.accuracies import certificate_of, interval, ordered
from dat_keras.zoo.cards.licenses import LICENSES
from dat_keras.zoo.cards.merge import document, marked
from dat_keras.zoo.cards.metadata import metadata
from dat_keras.zoo.cards.reports import Report
from dat_keras.zoo.cards.results import NORMS, cautions, results
from dat_keras.zoo.cards.spec import ModelSpec

BODY = """
# {name}

An image classifier for [dat_keras](https://pypi.org/project/dat-keras/):
{architecture}, {parameters:,} parameters, for {dataset}.

```python
import dat_keras as dk

model = dk.load_model("{repo}"){pin}
logits = model(images)  # (B, {shape}) pixels in [0, 1]
```

`dat-keras evaluate {repo}` measures it again.{keras}

## Threat model

The attacker of the evaluation may change an image by at most {ball}, knows
the weights, and wants any wrong label.

## Training

{training}

## Evaluation

{tables}

## Limits

Robust, as far as the table goes, in the stated norm and radius only. The
statistics of BatchNorm are part of the weights: call the model in inference
mode. Kernels are stored height, width, input, output, as in Keras.

## Weights

sha256 of `model.safetensors`: `{digest}`

## Citation

{citation}
"""

KERAS = """ Without dat_keras,
`keras.saving.load_model("hf://{repo}")` reads the copy for Keras. That runs
Keras' deserialiser on the newest files, so look at the repository first."""

PIN = '  # "{repo}@<commit>" pins these weights'


def model_card(
    spec: ModelSpec,
    repo: str,
    license: str,
    reports: Sequence[Report],
    facts: Mapping[str, Any],
) -> str:
    """The text of a model card.

    Args:
        spec: The model's config.
        repo: `namespace/name`, or the name of a bundled model.
        license: A key of `LICENSES`.
        reports: Its evaluations, as plain data.
        facts: `parameters`, `sha256` of the weights, whether there is a
            `keras_copy`, and the `provenance` of the training.

    Raises:
        ValueError: For an unknown licence.
    """
    lookup(LICENSES, license, "licence")
    data = metadata(spec, repo, license, reports)
    if not facts["keras_copy"]:
        # The Hub would show a Keras snippet that cannot work.
        data.library_name = "dat_keras"
    body = BODY.format(
        name=repo.split("/")[-1],
        repo=repo,
        pin=PIN.format(repo=repo) if "/" in repo else "",
        dataset=spec.dataset,
        architecture=spec.architecture,
        parameters=facts["parameters"],
        shape=", ".join(map(str, spec.input_shape)),
        ball=f"{pixel_fraction(spec.eps)} in the {NORMS[spec.norm]} norm",
        training=_training(spec, facts["provenance"]),
        tables="\n\n".join(_tables(reports)) or "Not evaluated yet.",
        digest=facts["sha256"],
        citation=_citation(spec),
        keras=KERAS.format(repo=repo) if facts["keras_copy"] else "",
    )
    return document(data.to_yaml(), marked(body))


def _training(spec: ModelSpec, provenance: Mapping[str, Any]) -> str:
    recipe = spec.training
    name = str(recipe.get("name", "a custom recipe"))
    shown = {
        name: recipe[name]
        for name in ("epochs", "batch_size", "seed")
        if isinstance(recipe.get(name), int)
    }
    extra = described_extra(recipe.get("extra"))
    shown |= {"extra_images": extra} if extra else {}
    facts = [
        f"- {name.replace('_', ' ')}: {value}"
        for name, value in (shown | dict(provenance)).items()
    ]
    return "\n".join(
        [f"{name}; all its settings are in `config.json`.", "", *facts]
    ).strip()


def _citation(spec: ModelSpec) -> str:
    version = f"dat_keras {spec.version}".strip()
    papers = [
        f"The method: [{about.paper}]({about.link})."
        for cls in OBJECTIVES.values()
        for about in [Description.of(cls)]
        if cls.__name__ == spec.method and about.link
    ]
    return " ".join([*papers, f"The library: {version}."])


def _tables(reports: Sequence[Report]) -> Iterator[str]:
    table = results("", reports)
    for run in table["runs"]:
        yield _table(run, f"{run['norm']} eps {run['eps_text']}")
        yield from _corruptions(run)
    for union in table.get("unions", ()):
        balls = [f"{b['norm']} eps {b['eps_text']}" for b in union["norms"]]
        yield _table(union, f"union of {', '.join(balls)}")
    told = [f"- {code}: {said}" for code, said in cautions(table).items()]
    if told:
        yield "\n".join(["Cautions of these evaluations:", "", *told])


def _table(measured: Mapping[str, Any], ball: str) -> str:
    header = ["attack", "accuracy", "95 % interval", "correct"]
    rows = {**ordered(measured["attacks"]), **certificate_of(measured)}
    cells = [header, *(_cells(name, row) for name, row in rows.items())]
    # Files of earlier versions have no date.
    date = measured.get("date")
    when = f", measured {date}" if date else ""
    return (
        f"{measured['n_examples']} images of {measured['data']['name']}, "
        f"{ball}, protocol {measured['protocol']}, seed {measured['seed']}"
        f"{when}.\n\n" + markdown(cells)
    )


def _corruptions(run: Mapping[str, Any]) -> Iterator[str]:
    if run.get("corruptions"):
        report = CorruptionReport.of_json(run["corruptions"])
        title = report.title()
        yield f"{title[0].upper()}{title[1:]}.\n\n{markdown(report.cells())}"


def _cells(name: str, row: Mapping[str, Any]) -> list[str]:
    low, high = interval(row)
    return [
        name,
        f"{100 * row['accuracy']:.2f} %",
        f"{low} - {high} %",
        f"{row['correct']}/{row['total']}",
    ]
