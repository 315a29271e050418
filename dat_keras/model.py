"""AdversarialModel: a Keras model that trains a classifier adversarially."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from dat_keras.attacks import Attack, pgd
from dat_keras.augment import Augment, CropFlip
from dat_keras.averaging import Averaging, WeightAverage
from dat_keras.checks import checked, finite, pair
from dat_keras.classifiers import (
    check_branches,
    check_classifier,
    image_shape_of,
)
from dat_keras.folding import DTYPES
from dat_keras.gradients import clipped, terms_and_gradients
from dat_keras.keys import BatchKey
from dat_keras.objectives import Objective
from dat_keras.predict import Predictor, feature_size
from dat_keras.tables import lookup
from dat_keras.threat_models import Linf
from dat_keras.types import Step
from dat_keras.weight_perturbation import WeightPerturbation


class AdversarialModel(keras.Model):
    """Trains a classifier on an objective with Keras' own `fit`.

    One step crafts adversarial views, descends the objective's loss in the
    classifier's weights and lets the objective's adversary, if it has one,
    climb the same loss. Give `fit` un-augmented float images in `[0, 1]` and
    integer labels. Validation reports `accuracy` and `robust_accuracy`.

    Every random number is a function of `seed` and the number of steps done,
    which is saved with the weights.

    Args:
        classifier: Maps images to logits. Objectives with split BatchNorm
            (DAT) want one built with `branches=2`.
        objective: The training method.
        augment: Applied to each batch inside the step. Default: crop with
            padding 4 and horizontal flip.
        eval_attack: Attack of `robust_accuracy`. Default: PGD-20 at eps
            8/255, the paper's.
        weight_perturbation: AWP; off by default.
        attack_dtype: Type in which attacks of the training step compute all
            convolutions but the first: `"bfloat16"`, or `None` for that of
            the layers. Images, gradients of pixels and the update of the
            weights keep theirs. Needs a functional classifier.
        seed: Seed of all draws during training.

    Raises:
        ValueError: If the classifier does not fit the objective, or does not
            return logits.

    Example:
    >>> from dat_keras.architectures import ResNet8
    >>> from dat_keras.objectives import DAT
    >>> from dat_keras.optimizers import SGD
    >>> model = AdversarialModel(ResNet8(num_classes=10, branches=2), DAT())
    >>> model.compile(optimizer=SGD(0.1, momentum=0.9, weight_decay=5e-4))
    """

    def __init__(
        self,
        classifier: keras.Model,
        objective: Objective,
        *,
        augment: Augment = CropFlip(),  # noqa: B008
        eval_attack: Attack = pgd(Linf(8 / 255)),  # noqa: B008
        weight_perturbation: WeightPerturbation = WeightPerturbation(),  # noqa: B008
        attack_dtype: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(name="adversarial_model")
        check_branches(classifier, objective)
        image_shape = image_shape_of(classifier)
        self.num_classes = check_classifier(classifier, image_shape)
        self.classifier = classifier
        self.objective = objective
        self.augment = augment
        self.eval_attack = eval_attack
        self.weight_perturbation = weight_perturbation
        if attack_dtype is not None:
            lookup(DTYPES, attack_dtype, "attack_dtype")
        self.attack_dtype = attack_dtype
        self.seed = seed
        self.adversary = objective.build_adversary(
            image_shape, self.num_classes, feature_size(classifier)
        )
        self.adversary.follow(classifier)
        self.average: WeightAverage | None = None
        self.step = self._counter("step", 0)
        self.total_steps = self._counter("total_steps", 1)
        names = ("loss", *objective.terms)
        self.train_metrics = {n: keras.metrics.Mean(name=n) for n in names}
        names = ("accuracy", "robust_accuracy")
        self.test_metrics = {n: keras.metrics.Mean(name=n) for n in names}
        self.built = True

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        averaging: Averaging | None = None,
        clip_norm: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Sets the optimizer of the classifier and of its allied weights.

        Args:
            optimizer: Moves the classifier.
            averaging: If given, a weight average is kept; validation and
                `inference_scope` use it.
            clip_norm: If given, the bound on the global norm of the
                classifier's gradient. The optimizer's own clipping acts
                before gradients are summed over replicas; this acts after.
            **kwargs: For `keras.Model.compile`, such as `jit_compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.optimizer.build(self._descending)
        self.clip_norm = clip_norm
        if averaging is not None:
            self.average = WeightAverage(self.classifier.weights, averaging)

    def fit(
        self,
        x: Any = None,
        *args: Any,
        shuffle: bool | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does.

        `Batches` and other `PyDataset`s order themselves: unless `shuffle` is
        given, Keras must not shuffle them a second time.
        """
        if shuffle is None:
            shuffle = not isinstance(x, keras.utils.PyDataset)
        return super().fit(x, *args, shuffle=shuffle, **kwargs)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns the classifier's logits, shape `(B, K)`."""
        return self.classifier(x, training=training)

    def inference_scope(self) -> AbstractContextManager:
        """Returns a scope in which the classifier reads its best weights.

        The averaged weights where an average is kept, else its own.
        """
        if self.average is None:
            return nullcontext()
        return self.average.scope(self.classifier.weights)

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict:
        """Runs one step of the min-max game on one batch."""
        x_raw, y = checked(*pair(data), self.num_classes)
        key = BatchKey.of(self.seed, self.step.value)
        x, y = self.augment(x_raw, y, key.fold_in("augment"))
        predict = Predictor(self.classifier).frozen(self.attack_dtype)
        step = Step(predict, x, x_raw, y, self.progress, key, self.adversary)
        views = self.objective.craft(step)
        attach = partial(self.objective.attach, step, views)

        statistics = keras.StatelessScope()
        training = partial(Predictor, self.classifier, training=True)
        moving = training(scope=lambda: statistics)
        frozen = training(scope=keras.StatelessScope)
        outer = partial(self.objective.loss, y=y)
        weights = self._descending
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        with self.weight_perturbation.applied(
            self.classifier.trainable_variables,
            lambda: self.objective.perturbation_loss(frozen, views, y),
            self.progress,
        ):
            terms, (gradients, joint) = terms_and_gradients(
                lambda: outer(
                    moving, self.adversary.joint_views(views, attach)
                ),
                weights,
                self.adversary.joint_weights,
                scale=1.0 / replicas,
            )
        if self.clip_norm is not None:
            gradients = clipped(gradients, self.clip_norm)
        # Nothing is written before the check has passed.
        with tf.control_dependencies([finite(terms, gradients)]):
            self.optimizer.apply(gradients, weights)
            _write(statistics, self.classifier.non_trainable_variables)
            moves = self.objective.ascent_updates_statistics
            climbing = training() if moves else frozen
            self.adversary.ascend(
                step,
                views,
                joint,
                lambda: self.objective.ascent_loss(climbing, attach(), y),
            )
            self.step.assign_add(1)
            if self.average is not None:
                self.average.update(self.classifier.weights, self.progress)
            return self._track(terms)

    def test_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict:
        """Measures natural and robust accuracy on one batch."""
        x, y = checked(*pair(data), self.num_classes)
        current = Predictor(self.classifier, scope=self.inference_scope)
        predict = current.frozen()
        key = BatchKey.of(self.seed, 0).fold_in("validation")
        x_adv = self.eval_attack(predict, x, y, key)
        for metric, images in zip(
            self.test_metrics.values(), (x, x_adv), strict=True
        ):
            labels = tf.argmax(predict(images), -1, output_type=y.dtype)
            metric.update_state(labels == y)
        return {name: m.result() for name, m in self.test_metrics.items()}

    @property
    def progress(self) -> tf.Tensor:
        """Share of the training done, in `[0, 1]`; see `total_steps`."""
        done = tf.cast(self.step.value, tf.float32)
        return tf.minimum(
            done / tf.cast(self.total_steps.value, tf.float32), 1.0
        )

    @property
    def _descending(self) -> list[keras.Variable]:
        """Everything that the optimizer moves."""
        return (
            self.classifier.trainable_variables + self.adversary.allied_weights
        )

    def _track(self, terms: dict[str, tf.Tensor]) -> dict:
        terms = {"loss": tf.add_n(list(terms.values())), **terms}
        for name, metric in self.train_metrics.items():
            metric.update_state(terms[name])
        return {name: m.result() for name, m in self.train_metrics.items()}

    def _counter(self, name: str, value: int) -> keras.Variable:
        return self.add_weight(
            shape=(),
            dtype="int64",
            trainable=False,
            initializer=keras.initializers.Constant(value),
            name=name,
        )


def _write(scope: keras.StatelessScope, variables: list) -> None:
    """Assigns what a scope held back."""
    for variable in variables:
        value = scope.get_current_value(variable)
        if value is not None:
            variable.assign(value)
