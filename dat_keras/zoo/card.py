"""The model card: `README.md` with metadata that the Hub understands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from dat_keras.report import pixel_fraction
from dat_keras.tables import lookup
from dat_keras.text_table import markdown
from dat_keras.zoo.results import NORMS, metrics
from dat_keras.zoo.spec import ModelSpec

HUB_DATASETS = {
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10"),
    "cifar100": ("uoft-cs/cifar100", "CIFAR-100"),
    "tiny_imagenet": ("zh-plus/tiny-imagenet", "Tiny ImageNet"),
}
"""Data sets of the Hub: repository and name, by our name."""

LICENSES = dict.fromkeys(
    (
        "apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear "
        "cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 "
        "cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 "
        "cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
        "cc-by-nd-4.0 gpl gpl-2.0 gpl-3.0 agpl-3.0 lgpl lgpl-2.1 lgpl-3.0 "
        "mpl-2.0 artistic-2.0 bsl-1.0 ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 "
        "eupl-1.2 isc ncsa unlicense wtfpl zlib afl-3.0 openrail "
        "creativeml-openrail-m bigscience-openrail-m other unknown"
    ).split()
)
"""Identifiers of licences that the Hub knows."""

OWNED = frozenset(
    "library_name pipeline_tag license tags datasets metrics "
    "model-index".split()
)
"""Metadata that a push replaces; all other is the user's."""

_FRONT = re.compile(r"\A\s*---\r?\n(.*?)^---\s*?$\r?\n?", re.DOTALL | re.M)
_MARK = re.compile(r"\n<!-- dat_keras ([0-9a-f]{16}) -->\n\Z")

BODY = """
# {name}

An image classifier for [dat_keras](https://pypi.org/project/dat-keras/),
trained to resist adversarial images: {method} on {dataset}, {architecture},
{parameters:,} parameters.

```python
import dat_keras as dk

model = dk.load_model("{repo}")  # "{repo}@<commit>" pins these weights
logits = model(images)  # (B, {shape}) pixels in [0, 1]
```

`dat-keras evaluate {repo}` measures it again.{keras}

## Threat model

An attacker may change an image by at most {ball}, knows the weights, and
wants any wrong label.

## Evaluation

{tables}

## Limits

Robust, as far as the table goes, in the stated norm and radius only. The
statistics of BatchNorm are part of the weights: call the model in inference
mode. Kernels are stored height, width, input, output, as in Keras.

## Weights

sha256 of `model.safetensors`: `{digest}`
"""

KERAS = """ Without dat_keras,
`keras.saving.load_model("hf://{repo}")` reads the copy for Keras. That runs
Keras' deserialiser on the newest files, so look at the repository first."""


def model_card(
    spec: ModelSpec,
    repo: str,
    license: str,
    reports: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> str:
    """The text of a model card.

    Args:
        spec: What the model says of itself.
        repo: `namespace/name`.
        license: A key of `LICENSES`.
        reports: Its evaluations, as plain data.
        facts: `parameters`, `sha256` of the weights, and whether there is a
            `keras_copy`.

    Raises:
        ValueError: For an unknown licence.
    """
    lookup(LICENSES, license, "licence")
    data = _metadata(spec, repo, license, reports)
    if not facts["keras_copy"]:
        # The Hub would show a Keras snippet that cannot work.
        data.library_name = "dat_keras"
    body = BODY.format(
        name=repo.split("/")[-1],
        repo=repo,
        method=spec.training.get("name", "a custom recipe"),
        dataset=spec.dataset,
        architecture=spec.architecture,
        parameters=facts["parameters"],
        shape=", ".join(map(str, spec.input_shape)),
        ball=f"{pixel_fraction(spec.eps)} in the {NORMS[spec.norm]} norm",
        tables="\n\n".join(map(_table, reports)) or "Not evaluated yet.",
        digest=facts["sha256"],
        keras=KERAS.format(repo=repo) if facts["keras_copy"] else "",
    )
    return _document(data.to_yaml(), _marked(body))


def merge_card(theirs: str, ours: str) -> str:
    """Our card, or a text that somebody edited with our metadata.

    Args:
        theirs: The card that is there.
        ours: The card to be published.

    Returns:
        `ours` if nobody edited the text of `theirs`; else the text of
        `theirs`, with our values of the metadata that we know of.

    Example:
    >>> print(merge_card("---\\nlanguage: en\\n---\\nMine.\\n",
    ...                  "---\\nlicense: mit\\n---\\nOurs.\\n"))
    ---
    language: en
    license: mit
    ---
    Mine.
    """
    their_data, their_body = _parts(theirs)
    our_data, our_body = _parts(ours)
    mark = _MARK.search(their_body)
    if mark and _digest(their_body[: mark.start()]) == mark[1]:
        their_body = our_body
    foreign = {k: v for k, v in their_data.items() if k not in OWNED}
    if not foreign and their_body == our_body:
        return ours
    text = yaml.safe_dump(
        foreign | our_data, sort_keys=False, allow_unicode=True
    )
    return _document(text, their_body)


def _metadata(
    spec: ModelSpec,
    repo: str,
    license: str,
    reports: Sequence[Mapping[str, Any]],
) -> ModelCardData:
    dataset, title = HUB_DATASETS.get(spec.dataset, (None, spec.dataset))
    return ModelCardData(
        library_name="keras",
        pipeline_tag="image-classification",
        license=license,
        tags=[
            "dat_keras",
            "adversarial-robustness",
            "adversarial-training",
            "safetensors",
            spec.norm,
        ],
        datasets=[dataset] if dataset else None,
        metrics=["accuracy"],
        # Without results it would become a key of its own.
        model_name=repo.split("/")[-1] if reports else None,
        eval_results=[
            EvalResult(
                task_type="image-classification",
                task_name="Image classification",
                dataset_type=dataset or spec.dataset,
                dataset_name=title,
                dataset_split="test",
                metric_type="accuracy",
                metric_name=metric["name"],
                metric_value=metric["value"],
                metric_args=metric["args"],
            )
            for report in reports
            for metric in metrics(report)
        ]
        or None,
    )


def _table(report: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            f"{100 * row['accuracy']:.2f} %",
            f"{row['correct']}/{row['total']}",
        ]
        for name, row in report["attacks"].items()
    ]
    return (
        f"{report['n_examples']} images of {report['data']['name']}, "
        f"{report['norm']} eps {pixel_fraction(report['eps'])}, protocol "
        f"{report['protocol']}, seed {report['seed']}.\n\n"
        + markdown([["attack", "accuracy", "correct"], *rows])
    )


def _document(metadata: str, body: str) -> str:
    return f"---\n{metadata.strip()}\n---\n{body}"


def _parts(text: str) -> tuple[dict[str, Any], str]:
    found = _FRONT.match(text)
    if not found:
        return {}, text
    try:
        data = yaml.safe_load(found[1])
    except yaml.YAMLError:
        data = None
    return data if isinstance(data, dict) else {}, text[found.end() :]


def _marked(body: str) -> str:
    """Adds a mark by which a later push sees whether the text was edited."""
    return f"{body}\n<!-- dat_keras {_digest(body)} -->\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
