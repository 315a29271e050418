"""A model with metrics: its own, and those that `compile` is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.regularization import Regularization
from dat_keras.core.keras_private import (
    forget_compiled_metrics,
    forget_losses,
    has_compiled_metrics,
    results_of_compiled_metrics,
    update_compiled_metrics,
    with_directions,
)
from dat_keras.core.random import Key
from dat_keras.core.replicas import count_here
from dat_keras.core.types import Predict
from dat_keras.objectives.base import hard_labels
from dat_keras.objectives.step import Terms
from dat_keras.training.batch import Batch
from dat_keras.training.compile_arguments import check_names, split_metrics
from dat_keras.training.guarded_model import GuardedModel
from dat_keras.training.guards import Flags
from dat_keras.training.validation import Validation


class MeasuredModel(GuardedModel):
    """Keeps the means of a training epoch and the results of a validation.

    A subclass has a classifier and its regularization, and calls
    `make_metrics`.
    """

    classifier: keras.Model
    regularization: Regularization
    train_metrics: dict[str, keras.Metric]
    validation: Validation

    def make_metrics(
        self, terms: Sequence[str], measures: Sequence[str]
    ) -> None:
        """Makes all metrics.

        Args:
            terms: Names of the terms of the loss.
            measures: Names of what is logged beside them.
        """
        self.train_metrics = {
            name: keras.metrics.Mean(name=name)
            for name in ("loss", *terms, *measures)
        }
        self.validation = Validation()
        self.flags = Flags()

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        *,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Sets optimizer and metrics.

        Args:
            optimizer: As for Keras.
            metrics: See `AdversarialModel.compile`.
            weighted_metrics: Likewise.
            **kwargs: For `keras.Model.compile`.
        """
        own = (*self.train_metrics, *self.validation.metrics)
        plain, robust = split_metrics(metrics, own, "metrics")
        weighted, weighted_robust = split_metrics(
            weighted_metrics, own, "weighted_metrics"
        )
        check_names(
            [*(plain or ()), *robust], [*(weighted or ()), *weighted_robust]
        )
        forget_compiled_metrics(self)
        super().compile(
            optimizer=optimizer,
            metrics=plain,
            weighted_metrics=weighted,
            **kwargs,
        )
        self.validation.plain = robust
        self.validation.weighted = weighted_robust

    @property
    def metrics(self) -> list[keras.Metric]:
        """All metrics; `mode="auto"` of callbacks finds their directions."""
        own = list(getattr(self, "train_metrics", {}).values())
        listed = {id(m) for m in own}
        if hasattr(self, "validation"):
            own += self.validation.all
        others = [m for m in super().metrics if id(m) not in listed]
        return [*others, with_directions(own)]

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        # Only metrics of `compile` are not built yet.
        if not has_compiled_metrics(self):
            return
        if iterator is not None and self.is_replicated:
            # Keras adds up the replicas' rows, which fails where one has more
            # than another, and in several processes.
            _, _, batches = next(iter(iterator))
            strategy = self.distribute_strategy
            data_batch = tf.nest.map_structure(
                lambda v: strategy.experimental_local_results(v)[0],
                next(batches),
            )
            iterator = None
        super()._maybe_symbolic_build(iterator, data_batch)

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints the classifier as Keras does, and the adversary's size.

        Args:
            *args: For the classifier's `summary`.
            **kwargs: Likewise, such as `print_fn`.
        """
        self.classifier.summary(*args, **kwargs)
        count = sum(
            v.value.shape.num_elements() for v in self.adversary.weights
        )
        if count:
            say = kwargs.get("print_fn") or print
            say(
                f"Learned adversary `{self.adversary.name}`: {count:,} "
                "parameters, no part of the classifier"
            )

    def compiled_metrics(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Measures a training batch by the metrics of `compile`, if any."""
        if not has_compiled_metrics(self):
            return {}
        logits = Predictor(self.classifier)(batch.x)
        return update_compiled_metrics(self, batch.y, logits, batch.weight)

    def tracked(
        self, terms: Terms, measured: Terms, share: float | tf.Tensor = 1.0
    ) -> dict[str, tf.Tensor]:
        """Takes a step into the means of the epoch.

        Args:
            terms: Terms of the loss.
            measured: What is logged beside them.
            share: Weight of this replica's means in those of the batch.
        """
        loss = tf.add_n(list(terms.values()))
        values = {"loss": loss, **terms, **measured}
        # The weights of the replicas have a mean of 1.
        weight = None if isinstance(share, float) else share * count_here()
        for name, metric in self.train_metrics.items():
            metric.update_state(values[name], sample_weight=weight)
        self._forget_losses()
        return {name: m.result() for name, m in self.train_metrics.items()}

    def results_of(self, phase: str) -> dict[str, tf.Tensor]:
        """Returns what a step of a phase logs.

        Args:
            phase: `"train"` or `"test"`.
        """
        own = self.train_metrics
        if phase == "test":
            own = {m.name: m for m in self.validation.all}
        found = {name: metric.result() for name, metric in own.items()}
        return found | results_of_compiled_metrics(self)

    def measured(
        self, predict: Predict, batch: Batch, attack: Attack, key: Key
    ) -> dict[str, tf.Tensor]:
        """Measures a validation batch by all metrics.

        Args:
            predict: The classifier in inference mode.
            batch: Images and labels.
            attack: Attack of `robust_accuracy` and `loss`.
            key: Source of the attack's draws.
        """
        x_adv = attack(predict, batch.x, hard_labels(batch.y), key)
        logits, attacked = predict(batch.x), predict(x_adv)
        logs = self.validation.update(batch, logits, attacked)
        logs |= self.validation.attack(predict, batch, key)
        self._forget_losses()
        return logs | update_compiled_metrics(
            self, batch.y, logits, batch.weight
        )

    def _forget_losses(self) -> None:
        if self.regularization.in_passes:
            forget_losses(self.classifier)
