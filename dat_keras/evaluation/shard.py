"""A shard: one of n equal parts of an evaluation's images."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from dat_keras.evaluation.results import Caution


@dataclass(frozen=True)
class Shard:
    """Which images a report is of, and what the report of all needs besides.

    Args:
        index: Number of the shard, from 1.
        count: Number of shards.
        total: Number of images of all shards.
        classes: Number of classes.
        image_shape: `(H, W, C)`.
        best_known: Accuracy above which AutoAttack's would be a record.
        sanity: Cautions about the classifier, from the first images of all.
        function: See `function_identity`; empty if unknown.

    Example:
    >>> Shard(2, 3, 100, 10, (32, 32, 3), 1.0).rows
    slice(33, 66, None)
    """

    index: int
    count: int
    total: int
    classes: int
    image_shape: tuple[int, ...]
    best_known: float
    sanity: tuple[Caution, ...] = ()
    function: str | list[list[float]] = ""

    @property
    def rows(self) -> slice:
        """Positions of its images."""
        return rows_of((self.index, self.count), self.total)

    def to_json(self) -> dict:
        """Returns the shard as plain data."""
        data = asdict(self)
        # Lists as JSON has them, so that it need not be written and read.
        return {**data, **{n: list(data[n]) for n in ("image_shape", "sanity")}}

    @classmethod
    def from_json(cls, data: dict) -> Shard:
        """Returns the shard that `to_json` wrote."""
        sanity = tuple(map(Caution.of_json, data["sanity"]))
        shape = tuple(data["image_shape"])
        return cls(**{**data, "image_shape": shape, "sanity": sanity})


def rows_of(shard: tuple[int, int], total: int) -> slice:
    """Returns the positions of a shard's images.

    Args:
        shard: Its number, from 1, and the number of shards.
        total: Number of images.

    Raises:
        ValueError: If there is no such shard, or it would be empty.

    Example:
    >>> rows_of((1, 3), 100)
    slice(0, 33, None)
    """
    index, count = shard
    if not 1 <= index <= count <= total:
        raise ValueError(
            f"`shard` must be (i, n) with 1 <= i <= n <= {total}, the number "
            f"of images. Received: {index}/{count}"
        )
    return slice((index - 1) * total // count, index * total // count)
