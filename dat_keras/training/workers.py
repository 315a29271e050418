"""The processes of a run: which one writes files, and what they agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from dat_keras.utils.errors import WorkerLostError

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
"""What collective operations raise when a process has ended."""


class Workers:
    """The processes that train together; one, unless there is a cluster.

    Every process must call the methods in the same order: each call is an
    exchange between all of them, and nothing where there is one.

    Args:
        strategy: The strategy of the run.

    Example:
    >>> alone = Workers(tf.distribute.get_strategy())
    >>> alone.is_chief, alone.any(False), alone.of_chief(7)
    (True, False, 7)
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy
        resolver = strategy.cluster_resolver
        spec = resolver.cluster_spec().as_dict() if resolver else {}
        self.count = max(sum(map(len, spec.values())), 1)
        self.is_chief = self.count == 1 or (
            resolver.task_id == 0
            and resolver.task_type == ("chief" if "chief" in spec else "worker")
        )
        self._sum: Callable | None = None

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return bool(flag) if self.count == 1 else self._total(int(flag)) > 0

    def of_chief(self, number: int) -> int:
        """Returns the number that the chief gives."""
        return self._total(number if self.is_chief else 0)

    def meet(self) -> None:
        """Waits until every process is here."""
        self.any(False)

    def _total(self, number: int) -> int:
        """Adds up the numbers of all processes."""
        if self.count == 1:
            return number
        if self._sum is None:
            self._sum = tf.function(self._summed, autograph=False)
        return int(self._sum(tf.constant(number, tf.int32)))

    def _summed(self, number: tf.Tensor) -> tf.Tensor:
        def of_replica(number: tf.Tensor) -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            own = replica.replica_id_in_sync_group
            # One replica speaks for each process.
            local = self.strategy.num_replicas_in_sync // self.count
            mine = tf.where(own % local == 0, number, 0)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, mine)

        results = self.strategy.run(of_replica, (number,))
        return self.strategy.experimental_local_results(results)[0]


@contextmanager
def watched(workers: Workers, kept: Callable[[], str]) -> Iterator[None]:
    """Says in one sentence that another process has ended.

    Args:
        workers: The processes of the run.
        kept: Returns where a resumed run goes on from.

    Raises:
        WorkerLostError: In place of what TensorFlow raises.
    """
    try:
        yield
    except LOST as error:
        if workers.count == 1:
            raise
        raise WorkerLostError(
            "another worker has ended or cannot be reached: its own last line "
            "says why. Start all workers again with --resume, which goes on "
            f"from {kept()}"
        ) from error
