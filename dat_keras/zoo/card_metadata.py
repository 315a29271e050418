"""The metadata of a model card, which the Hub understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from dat_keras.objectives import OBJECTIVES
from dat_keras.zoo.results import HUB_DATASETS, metrics
from dat_keras.zoo.spec import ModelSpec

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


def metadata(
    spec: ModelSpec,
    repo: str,
    license: str,
    reports: Sequence[Mapping[str, Any]],
) -> ModelCardData:
    """The metadata of a model.

    Args:
        spec: What the model says of itself.
        repo: `namespace/name`, or the name of a bundled model.
        license: A key of `LICENSES`.
        reports: Its evaluations, as plain data.
    """
    dataset, title, config = HUB_DATASETS.get(
        spec.dataset, (None, spec.dataset, None)
    )
    return ModelCardData(
        library_name="keras",
        pipeline_tag="image-classification",
        license=license,
        tags=_tags(spec),
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
                dataset_config=config,
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


def _tags(spec: ModelSpec) -> list[str]:
    natural = spec.method == OBJECTIVES["natural"].__name__
    training = [] if natural else ["adversarial-training"]
    first = ("dat_keras", "adversarial-robustness")
    return [*first, *training, "safetensors", spec.norm]
