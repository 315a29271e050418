"""AdversarialModel: a Keras model that trains a classifier adversarially."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dat_keras.attacks import Attack, pgd
from dat_keras.augment import Augment, CropFlip
from dat_keras.augment.base import augmented
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.regularization import Regularization
from dat_keras.core.random import BatchKey
from dat_keras.core.replicas import Rows, count_here, never_empty, share_of
from dat_keras.core.threat_models import Linf
from dat_keras.core.types import Predict
from dat_keras.objectives import OBJECTIVES, Objective
from dat_keras.objectives.example_weights import weighted_by
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.training.arguments import (
    as_attack,
    as_augment,
    as_instance,
    check_kinds,
)
from dat_keras.training.ascent import ascend
from dat_keras.training.attack_warmup import check_warmup, warmed
from dat_keras.training.batch import Batch
from dat_keras.training.checks import check_branches, check_weights, spec_of
from dat_keras.training.compile_arguments import (
    check_arguments,
    check_optimizer,
    check_trained,
)
from dat_keras.training.descent import outer_descent
from dat_keras.training.run_length import reader_of_progress
from dat_keras.training.serialization import SerializableModel


@keras.saving.register_keras_serializable("dat_keras")
class AdversarialModel(SerializableModel):
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
        objective: The training method, or its name in `OBJECTIVES`.
        augment: Applied to each batch inside the step, or its name in
            `AUGMENTS`, made for the classifier's number of classes. Default:
            crop with padding 4 and horizontal flip.
        eval_attack: Attack of `robust_accuracy`, or its name in `ATTACKS`, at
            eps 8/255. Default: PGD-20 at eps 8/255, the paper's.
        weight_perturbation: AWP; off by default.
        attack_warmup: Share of the run over which eps and step size of the
            training's attack grow from zero, in proportion to the steps done.
            Default: none. For methods with a PGD as their `attack`.
        attack_dtype: Type in which attacks of the training step compute all
            convolutions but the first: `"bfloat16"`, or `None` for that of
            the layers. Images, gradients of pixels and the update of the
            weights keep theirs. Needs a functional classifier.
        seed: Seed of all draws during training.

    Raises:
        ValueError: If the classifier does not fit the objective, or does not
            return logits, or an argument is of another kind.

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
        objective: Objective | str,
        *,
        augment: Augment | str = CropFlip(),  # noqa: B008
        eval_attack: Attack | str = pgd(Linf(8 / 255)),  # noqa: B008
        weight_perturbation: WeightPerturbation = WeightPerturbation(),  # noqa: B008
        attack_warmup: float = 0.0,
        attack_dtype: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(name="adversarial_model")
        check_kinds(weight_perturbation, attack_dtype, seed)
        objective = as_instance(objective, Objective, OBJECTIVES, "objective")
        spec = spec_of(classifier)
        check_branches(spec.branches, objective)
        check_warmup(attack_warmup, objective)
        self.image_shape = spec.image_shape
        self.num_classes = spec.num_classes
        self.classifier = classifier
        self.objective = objective
        self.augment = as_augment(augment, spec.num_classes)
        self.eval_attack = as_attack(eval_attack)
        self.weight_perturbation = weight_perturbation
        self.attack_warmup = attack_warmup
        self.attack_dtype = attack_dtype
        self.seed = seed
        self.adversary = objective.build_adversary(spec)
        self.adversary.build_from(classifier)
        self.average = None
        self.step = self._counter("step", 0)
        self.total_steps = self._counter("total_steps", 0)
        self.regularization = Regularization.of(classifier, spec.image_shape)
        self.make_metrics(
            self.regularization.names(objective.terms), objective.measures
        )
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
            averaging: If given, a weight average is kept. Validation and
                `inference_scope` use it, and the classifier holds it when
                `fit` has ended; the weights that train are kept for the next
                `fit`, and saved. An average with the same settings goes on
                when the model is compiled again; with others, or none, the
                classifier keeps the weights that it holds.
            clip_norm: If given, the bound on the global norm of the
                classifier's gradient. The optimizer's own clipping acts
                before gradients are summed over replicas; this acts after.
            **kwargs: For `keras.Model.compile`, such as `jit_compile`.
                `metrics` and `weighted_metrics` see the logits of images
                that are neither attacked nor augmented: in validation and,
                by one more pass, before each training step. Those of
                attacked images are `dk.metrics.RobustAccuracy`.

        Raises:
            ValueError: For an argument of another kind or without effect,
                such as `loss`; for a classifier without trainable weights,
                or one that needs a scaled loss.
        """
        check_arguments(averaging, clip_norm, kwargs)
        self.auto_scale_loss = kwargs.get("auto_scale_loss", True)
        check_trained(self.classifier, self.auto_scale_loss)
        super().compile(optimizer=optimizer, **kwargs)
        check_optimizer(self.optimizer)
        self.optimizer.build(self.descending)
        self.clip_norm = clip_norm
        self.keep_average(averaging)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns the classifier's logits, shape `(B, K)`."""
        return self.classifier(x, training=training)

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict:
        """Runs one step of the min-max game on one batch.

        Augment, craft the adversarial views (inner maximisation), descend in
        the classifier's weights (outer minimisation), ascend in those of the
        learned adversary.

        Raises:
            ValueError: If the length of the run is needed and was never set.
        """
        self.check_run_length()
        batch = self.checked(data)
        compiled = self.compiled_metrics(batch)
        step = self._augment(batch)
        check_weights(self.objective, step, batch)
        objective = warmed(self.objective, self.progress, self.attack_warmup)
        views = objective.craft(step)
        measured = objective.measure(step, views)
        with weighted_by(batch.weight):
            return self._step(objective, step, views, measured) | compiled

    def _step(
        self, objective: Objective, step: Step, views: Views, measured: Terms
    ) -> dict:
        descent = outer_descent(
            self.classifier,
            objective,
            step,
            views,
            weights=self.descending,
            perturbation=self.weight_perturbation,
            regularization=self.regularization,
        )
        if self.clip_norm is not None:
            descent = descent.clipped(self.clip_norm)
        # Nothing is written, or all undone, unless the checks have passed.
        with self.guard.writing(descent, self.written):
            # BatchNorm statistics move along.
            self.optimizer.apply(descent.gradients, self.descending)
            descent.updates.write()
            ascend(
                self.classifier,
                objective,
                step,
                views,
                descent,
                self.regularization,
            )
            self.step.assign_add(1)
            if self.average is not None:
                self.average.update(self.classifier.weights, self.progress)
            return self.tracked(descent.terms, measured, step.share)

    def test_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict:
        """Measures natural and robust accuracy, and `loss`, on one batch."""
        batch = self.checked(data)
        current = Predictor(self.classifier, scope=self.inference_scope)
        predict: Predict = current.frozen()
        if count_here() > 1:
            predict = never_empty(predict)
        key = BatchKey.of(self.seed, 0, Rows.of(batch.x)).fold_in("validation")
        return self.measured(predict, batch, self.eval_attack, key)

    @property
    def _reads_progress(self) -> str | None:
        average = self.average and self.average.averaging
        return reader_of_progress(
            self.objective,
            self.weight_perturbation,
            average,
            self.attack_warmup,
        )

    @property
    def descending(self) -> list[keras.Variable]:
        """Everything that the optimizer moves."""
        return (
            self.classifier.trainable_variables
            + self.adversary.cooperative_weights
        )

    def _augment(self, batch: Batch) -> Step:
        """Augments the batch; returns the context of the step."""
        x_raw, y = batch.x, batch.y
        rows = Rows.of(x_raw)
        key = BatchKey.of(self.seed, self.step.value, rows)
        x, y, mixed = augmented(self.augment, x_raw, y, key.fold_in("augment"))
        predict = Predictor(self.classifier).frozen(self.attack_dtype)
        progress, adversary = self.progress, self.adversary
        share = share_of(rows)
        return Step(
            predict, x, x_raw, y, progress, key, adversary, mixed, share
        )
