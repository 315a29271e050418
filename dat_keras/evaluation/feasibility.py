"""What an evaluation cannot do, found before its first attack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dat_keras.evaluation.context import Evaluation
from dat_keras.evaluation.samples import Samples

RESERVED = ("file", "y")
"""Names that the file of adversarial images has for something else."""


def check_batch_size(batch_size: int) -> None:
    """Refuses a batch without images.

    Args:
        batch_size: Images per batch.

    Raises:
        ValueError: If it is not positive.
    """
    if batch_size < 1:
        raise ValueError(
            "`batch_size` must be at least 1. "
            f"Received: batch_size={batch_size}"
        )


def check_attacks(
    evaluations: Mapping[str, Evaluation], classes: int, samples: Samples
) -> None:
    """Refuses attacks that do not work on such a classifier or such images.

    Args:
        evaluations: Attacks by name.
        classes: Number of classes.
        samples: The images.

    Raises:
        ValueError: If one does not work.
    """
    height, width, channels = samples.images.shape[1:]
    for evaluation in evaluations.values():
        evaluation.check(classes, (height, width, channels))


def check_images_file(
    path: Path | None, evaluations: Mapping[str, Evaluation]
) -> None:
    """Refuses a file of adversarial images that could not be written.

    Args:
        path: The file; `None` for none.
        evaluations: Attacks by name.

    Raises:
        ValueError: If no attack keeps images, the folder is missing, or the
            name of an attack is taken.
    """
    if path is None:
        return
    keeping = [n for n, each in evaluations.items() if each.keeps_images]
    if not keeping:
        raise ValueError(
            "`save_adversarial` needs an attack among `attacks`. "
            f"Received: attacks={', '.join(evaluations)}"
        )
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            "`save_adversarial` must be a file in a folder that exists. "
            f"Received: {path}"
        )
    for name in RESERVED:
        if name in keeping:
            raise ValueError(
                f"`save_adversarial` takes no attack named {name!r}, which the "
                "file has for something else: name it otherwise. Received: "
                f"attacks={', '.join(evaluations)}"
            )
