"""A Keras model whose steps run on several replicas, in one or many processes.

Keras' own loop fails under `MultiWorkerMirroredStrategy` (keras#20585) and
logs the mean of the replicas' means where they have different numbers of rows.
Here steps return nothing, and metrics are read over all replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from dat_keras.data import Batches

LOG_EVERY = 10
"""Steps between two readings of the metrics, which all replicas wait for."""


class ReplicatedModel(keras.Model):
    """Runs Keras' `fit` and `evaluate` on the replicas of a strategy.

    In an epoch the logs of a batch are those of the last reading; the logs of
    the epoch are read at its end.
    """

    train_function: Any
    test_function: Any
    _phase = "train"

    @property
    def is_replicated(self) -> bool:
        """Whether the model runs on several replicas."""
        return self.distribute_strategy.num_replicas_in_sync > 1

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles as Keras does, but refuses what one replica alone can do.

        Args:
            *args: As for Keras.
            **kwargs: Likewise.

        Raises:
            ValueError: For XLA and for several steps in one call.
        """
        for name, allowed in (
            ("jit_compile", ("auto", False, None)),
            ("steps_per_execution", (1,)),
        ):
            value = kwargs.get(name, allowed[0])
            if self.is_replicated and value not in allowed:
                raise ValueError(
                    f"`{name}` needs a single replica: leave it out. "
                    f"Received: {name}={value}, "
                    f"{self.distribute_strategy.num_replicas_in_sync} replicas"
                )
        super().compile(*args, **kwargs)

    def make_train_function(self, force: bool = False) -> Callable:
        """Makes the function of a training step.

        Args:
            force: Whether to replace it.
        """
        if not self.is_replicated:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._replicated(self.train_step, "train")
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable:
        """Makes the function of a validation step.

        Args:
            force: Whether to replace it.
        """
        if not self.is_replicated:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._replicated(self.test_step, "test")
        return self.test_function

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Evaluates as `keras.Model.evaluate` does.

        Args:
            x: As for Keras, and so are `*args` and `**kwargs`.
            *args: `y`, `batch_size`, ...
            **kwargs: `steps`, ...
        """
        shared, steps = self.shared_out(x)
        if steps is not None:
            kwargs.setdefault("steps", steps)
        return super().evaluate(shared, *args, **kwargs)

    def shared_out(self, x: Any) -> tuple[Any, int | None]:
        """Lets each process read the rows of its own replicas only.

        Args:
            x: What `fit` was given.

        Returns:
            For `Batches` in several processes, batches without end and the
            number of an epoch; what was given and `None` otherwise.
        """
        strategy = self.distribute_strategy
        several = (
            isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
            and self.is_replicated
        )
        if not several or not isinstance(x, Batches):
            return x, None
        count = strategy.num_replicas_in_sync

        def own(context: tf.distribute.InputContext) -> tf.data.Dataset:
            here = count // context.num_input_pipelines
            first = context.input_pipeline_id * here
            return x.part_dataset(range(first, first + here), count)

        return strategy.distribute_datasets_from_function(own), len(x)

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the results of all metrics; of a phase, on replicas."""
        if not self.is_replicated:
            return super().get_metrics_result()
        return self.results_of(self._phase)

    def results_of(self, phase: str) -> dict[str, Any]:
        """Returns what a step of a phase logs, read over all replicas.

        Args:
            phase: `"train"` or `"test"`.
        """
        raise NotImplementedError

    def _replicated(
        self, step: Callable[[Any], Any], phase: str
    ) -> Callable[..., Any]:
        strategy = self.distribute_strategy

        def on_replicas(data: Any) -> None:
            strategy.run(step, (data,))

        run = on_replicas
        if not self.run_eagerly:
            run = tf.function(run, autograph=False, reduce_retracing=True)
        seen, logs = 0, {}

        def function(iterator: Any) -> dict[str, Any]:
            nonlocal seen, logs
            self._phase = phase
            run(next(iterator))
            # One batch by itself, as of `train_on_batch`, is logged always.
            alone = not isinstance(iterator, tf.distribute.DistributedIterator)
            if alone or seen % LOG_EVERY == 0:
                logs = self.results_of(phase)
            seen += 1
            return logs

        return function
