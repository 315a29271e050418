"""Robust distillation: what methods that learn from a teacher share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import keras
import tensorflow as tf

from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.types import Images, Logits
from dat_keras.objectives.base import Objective
from dat_keras.objectives.step import Adversary, View

FITTING = (("image_shape", "images"), ("num_classes", "classes"))
"""What a teacher must share with the classifier."""


@dataclass(frozen=True)
class TaughtView(View):
    """A view with what the teacher says of its clean images.

    Args:
        taught: Logits of the teacher, shape `(B, K)`.
    """

    taught: Logits = field(kw_only=True)


@dataclass(frozen=True)
class Distillation(Objective):
    """A method whose targets are the predictions of a trained classifier.

    The teacher is read in inference mode, on its base branch. It is no part of
    the model that is trained: nothing moves it, and no checkpoint holds it.

    Args:
        teacher: The classifier, or the name that a recipe has of it: a run
            folder, a `.keras` file or, in the command, a zoo model.
    """

    teacher: str | keras.Model | None = None
    weights_examples: ClassVar[bool] = True

    def prepared(
        self, batch_size: int, load: Callable[[str], keras.Model]
    ) -> Objective:
        """Returns the method with its teacher loaded.

        Raises:
            ValueError: If no teacher is named.
        """
        if isinstance(self.teacher, keras.Model):
            return self
        self._check_named()
        return replace(self, teacher=load(str(self.teacher)))

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns none, if the teacher fits the classifier.

        Raises:
            ValueError: If there is no teacher, or it has other images or
                another number of classes.
        """
        self._check_named()
        if isinstance(self.teacher, str):
            raise ValueError(
                "`teacher` must be a loaded classifier outside a recipe: use "
                "`dat_keras.load_model`. Received: "
                f"teacher={self.teacher!r}"
            )
        of_teacher = ClassifierSpec.of(self.teacher)
        for name, what in FITTING:
            theirs, ours = getattr(of_teacher, name), getattr(spec, name)
            if theirs != ours:
                raise ValueError(
                    f"`teacher` must read the images and know the classes of "
                    f"the classifier that it teaches. Received: {what} "
                    f"{theirs}, where the classifier has {ours}"
                )
        return super().build_adversary(spec)

    def taught(self, x: Images) -> Logits:
        """Returns the teacher's logits, detached.

        Args:
            x: Images, shape `(B, H, W, C)`.
        """
        teacher: Any = self.teacher
        return tf.stop_gradient(Predictor(teacher).frozen()(x))

    def _check_named(self) -> None:
        if not self.teacher:
            raise ValueError(
                f"`{type(self).__name__}` learns from a trained classifier: "
                "name a run folder, a `.keras` file or a zoo model, such as "
                "`--set teacher=runs/cifar10-pgd-at`. Received: "
                f"teacher={self.teacher!r}"
            )
