"""Transfer matrix: each classifier on the adversarial images of each other.

    accuracy[i, j] = share of images that model j classifies correctly, both
                     clean and as attacked on model i

The diagonal is the white-box attack. Where a surrogate's images break more
than it, gradients of the attacked model are masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np

from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.validation import check_kind
from dat_keras.core.threat_models import threat_model_of
from dat_keras.evaluation.attack import attack as attack_images
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.feasibility import check_batch_size
from dat_keras.evaluation.progress import Progress
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.results import Caution
from dat_keras.evaluation.samples import (
    Data,
    Samples,
    batches_of,
    first_samples,
)
from dat_keras.evaluation.sanity_checks import check_fit, sanity_cautions
from dat_keras.utils.files import write_json
from dat_keras.utils.mcnemar import more_often
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.text_table import plain


@dataclass(frozen=True, eq=False)
class TransferMatrix:
    """Which image each model gets wrong, by the model that was attacked.

    Args:
        names: Names of the models.
        broken: Whether image `n`, attacked on model `i`, or clean, is wrong
            on model `j`, shape `(M, M, N)`.
        natural: Whether each clean image is wrong on model `j`, `(M, N)`.
        attack: Name of the attack.
        norm: Key of `THREAT_MODELS`.
        eps: Radius, in pixel units of `[0, 1]`.
        data: Name of the data.
        seed: Seed of all draws.
        sanity: Cautions about the models, from `sanity_cautions`.

    Example:
    >>> own, other = [True, False], [True, True]
    >>> matrix = TransferMatrix(
    ...     ("a", "b"), np.array([[own, other], [own, own]]),
    ...     np.zeros((2, 2), bool), "fgsm", "linf", 8 / 255, "toy", 0,
    ... )
    >>> matrix.accuracy.tolist(), matrix.worst_case.tolist()
    ([[0.5, 0.0], [0.5, 0.5]], [0.5, 0.0])
    """

    names: tuple[str, ...]
    broken: np.ndarray
    natural: np.ndarray
    attack: str
    norm: str
    eps: float
    data: str
    seed: int
    sanity: tuple[Caution, ...] = ()

    @property
    def accuracy(self) -> np.ndarray:
        """Shape `(M, M)`: the attacked model's row, the judge's column."""
        return 1.0 - self.broken.mean(-1)

    @property
    def worst_case(self) -> np.ndarray:
        """Share of images that no row breaks, for each column, `(M,)`."""
        return 1.0 - self.broken.any(0).mean(-1)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader must know of the models and of the numbers.

        Among them surrogates whose images break more than the white-box
        attack: McNemar's exact test at 5 % on the images that the two
        treat differently.
        """
        return self.sanity + tuple(
            caution
            for judge in range(len(self.names))
            for source in range(len(self.names))
            if (caution := self._caution(source, judge))
        )

    def _caution(self, source: int, judge: int) -> Caution | None:
        white, black = self.broken[judge, judge], self.broken[source, judge]
        gained, lost = int((black & ~white).sum()), int((white & ~black).sum())
        if not more_often(gained, lost):
            return None
        return Caution(
            "transfer_beats_white_box",
            f"Images attacked on {self.names[source]} break {gained - lost} "
            f"images more of {self.names[judge]} than those attacked on itself:"
            " its gradients are masked, and its accuracy is too high.",
        )

    def __str__(self) -> str:
        """Returns title, table and cautions as plain text."""
        return "\n".join([self.title(), plain(self.cells()), *self.notes()])

    def title(self) -> str:
        """Returns what was measured, in one line."""
        return (
            f"{self.broken.shape[-1]} images of {self.data}, {self.attack} in "
            f"{self.norm} eps {pixel_fraction(self.eps)}, seed {self.seed}: "
            "accuracy of columns on images attacked on rows"
        )

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its header first."""
        rows = {
            "natural": 1.0 - self.natural.mean(-1),
            **dict(zip(self.names, self.accuracy, strict=True)),
            "worst case": self.worst_case,
        }
        return [
            ["attacked on", *self.names],
            *([n, *(f"{100 * a:.2f} %" for a in r)] for n, r in rows.items()),
        ]

    def notes(self) -> list[str]:
        """Returns the cautions, one line each."""
        return [f"warning: {c.code}: {c.advice}" for c in self.cautions]

    def to_json(self) -> dict:
        """Returns the matrix as plain data."""
        return {
            "models": list(self.names),
            "accuracy": self.accuracy.tolist(),
            "natural": (1.0 - self.natural.mean(-1)).tolist(),
            "worst_case": self.worst_case.tolist(),
            "attack": self.attack,
            "norm": self.norm,
            "eps": self.eps,
            "data": self.data,
            "n_examples": self.broken.shape[-1],
            "seed": self.seed,
            "warnings": [asdict(caution) for caution in self.cautions],
        }

    def save(self, path: Path) -> None:
        """Writes the matrix as JSON, atomically."""
        write_json(Path(path), self.to_json())


def transfer_matrix(
    models: Mapping[str, keras.Model],
    data: Data,
    attack: str = "pgd20",
    *,
    norm: str = "linf",
    eps: float | None = None,
    n_examples: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> TransferMatrix:
    """Measures every model on the adversarial images of every model.

    A single attack gives its last iterate, for misclassified images too.
    AutoAttack and its parts give the clean image where nothing broke it,
    which says little about transfer.

    Args:
        models: Two or more classifiers by name. `dk.transfer_matrix` also
            takes what `dk.load_model` does in place of a classifier.
        data: See `evaluate`.
        attack: A name that `evaluate` takes, but `natural`.
        norm: Key of `THREAT_MODELS`.
        eps: Radius in pixel units of `[0, 1]`. Default: the norm's.
        n_examples: Number of images. Default: all.
        batch_size: Images per batch.
        seed: Seed of all draws.
        progress: Called as `progress(name, done, total)` after each batch.

    Raises:
        ValueError: If there is one model, or an argument is unknown or out of
            range, or a model does not fit the images.

    Example:
    >>> layers = [keras.Input((1, 1, 2)), keras.layers.Flatten()]
    >>> one, two = (keras.Sequential(layers) for _ in range(2))
    >>> x = np.array([[[[0.5, 0.4]]], [[[0.5, 0.1]]]])
    >>> found = transfer_matrix({"a": one, "b": two}, (x, [0, 0]), eps=0.1)
    >>> found.accuracy.tolist()
    [[0.5, 0.5], [0.5, 0.5]]

    Reference:
        [Papernot et al., 2016](https://arxiv.org/abs/1605.07277)
    """
    if not isinstance(models, Mapping) or len(models) < 2:
        raise ValueError(
            "`models` must be two or more classifiers by name. "
            f"Received: {len(models)}, a {type(models).__name__}"
        )
    check_batch_size(batch_size)
    samples = first_samples(data, n_examples)
    for model in models.values():
        check_kind(model)
        check_fit(model, samples)
    ball = threat_model_of(norm, eps)
    tell = progress or (lambda name, done, total: None)
    judges = [
        EvaluationContext(
            predict=Predictor(model),
            samples=samples,
            threat_model=ball,
            protocol=PROTOCOLS["strict"],
            batch_size=batch_size,
        )
        for model in models.values()
    ]
    sanity = tuple(
        replace(caution, advice=f"{name}: {caution.advice}")
        for name, judge in zip(models, judges, strict=True)
        for caution in sanity_cautions(judge)
    )
    x, y = samples.rows(np.arange(len(samples)))
    broken = np.zeros((len(models), len(models), len(samples)), bool)
    for i, (name, model) in enumerate(models.items()):

        def tell_of(task: str, done: int, total: int, name: str = name) -> None:
            tell(f"{task} on {name}", done, total)

        x_adv = attack_images(
            model,
            x,
            y,
            attack,
            norm=norm,
            eps=eps,
            batch_size=batch_size,
            seed=seed,
            progress=tell_of,
        )
        for j, judge in enumerate(judges):
            broken[i, j] = judge.wrong | _broken(judge, name, x_adv, samples)
    natural = np.stack([judge.wrong for judge in judges])
    return TransferMatrix(
        tuple(models),
        broken,
        natural,
        attack,
        norm,
        float(ball.eps),
        samples.name,
        seed,
        sanity,
    )


def _broken(
    judge: EvaluationContext, name: str, x_adv: np.ndarray, samples: Samples
) -> np.ndarray:
    """Whether each image is inside the threat model and wrong, `(N,)`."""
    broken = np.zeros(len(samples), bool)
    for rows in batches_of(np.arange(len(samples)), judge.batch_size):
        broken[rows], _, _ = judge.judge(name, rows, x_adv[rows])
    return broken
