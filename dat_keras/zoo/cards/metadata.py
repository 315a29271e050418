"""YAML metadata of a model card, in the Hub's schema."""

from __future__ import annotations

from collections.abc import Sequence

from huggingface_hub import EvalResult, ModelCardData

from dat_keras.objectives import OBJECTIVES
from dat_keras.zoo.cards.reports import Report
from dat_keras.zoo.cards.results import HUB_DATASETS, metrics, results
from dat_keras.zoo.cards.spec import ModelSpec


def metadata(
    spec: ModelSpec,
    repo: str,
    license: str,
    reports: Sequence[Report],
) -> ModelCardData:
    """The metadata of a model.

    Args:
        spec: The model's config.
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
            for metric in metrics(results("", reports))
        ]
        or None,
    )


def _tags(spec: ModelSpec) -> list[str]:
    natural = spec.method == OBJECTIVES["natural"].__name__
    training = [] if natural else ["adversarial-training"]
    first = ("dat_keras", "adversarial-robustness")
    return [*first, *training, "safetensors", spec.norm]
