"""A recipe: everything that decides a training run, as one plain value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import keras

from dat_keras import attacks, augment
from dat_keras.architectures import ARCHITECTURES
from dat_keras.attacks import Attack, pgd
from dat_keras.augment import Augment, CropFlip
from dat_keras.core.replicas import built_for_several
from dat_keras.core.threat_models import THREAT_MODELS, Linf
from dat_keras.kernels.fold_batch_norm import DTYPES
from dat_keras.objectives import (
    OBJECTIVES,
    UNIONS,
    Objective,
    Radii,
    RecombinedAT,
)
from dat_keras.objectives.dat import amplitude_mixup
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import Reward
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGDConfig, schedules
from dat_keras.optimizers.weight_averaging import Averaging
from dat_keras.recipes.extra_data import ExtraData
from dat_keras.recipes.pretrained import Pretrained
from dat_keras.utils.config import decode, encode
from dat_keras.utils.ranges import Range, RangeChecked, Share
from dat_keras.utils.registry import lookup
from dat_keras.utils.settings import tree


@dataclass(frozen=True)
class Recipe(RangeChecked):
    """The settings of a training run; two runs differ by what differs here.

    Args:
        name: `<method>-<dataset>-<architecture>`; additions follow the
            method, each after a `+`.
        dataset: Name or folder of the data set.
        architecture: Key of `ARCHITECTURES`.
        objective: The training method.
        optimizer: The classifier's optimizer and its schedule.
        epochs: Passes over the training images.
        batch_size: Images a step.
        width: Width of the architecture; `None` is its own default.
        limit: Number of training images used; `None` is all.
        validation_images: Number of validation images used; `None` is all,
            or with `limit` as many as that, but 100 or more.
        augment: Augmentation of the base view.
        eval_attack: Attack of the validation during training.
        weight_perturbation: AWP.
        averaging: Weight average; `None` for none.
        clip_norm: Bound on the gradient's global norm; `None` for none.
        seed: Seed of initial weights, order and draws.
        precision: Keras dtype policy of the classifier.
        attack_dtype: Type of the convolutions in the training's attacks:
            `"bfloat16"`, or `None` for that of `precision`.
        attack_warmup: Share of the run over which eps and step size of the
            training's attack grow from zero.
        init: The pretrained net that the run begins at, in place of an
            untrained one of `architecture`; `None` for that.
        extra: Extra training images, and their share of each batch.

    Example:
    >>> from dat_keras.recipes import RECIPES
    >>> RECIPES["dat-cifar10-resnet18"].epochs
    150
    """

    name: str
    dataset: str
    architecture: str
    objective: Objective
    optimizer: SGDConfig
    epochs: Annotated[int, Range(1)]
    batch_size: Annotated[int, Range(1)] = 128
    width: Annotated[int | None, Range(1)] = None
    limit: Annotated[int | None, Range(1)] = None
    validation_images: Annotated[int | None, Range(1)] = None
    augment: Augment = CropFlip()
    eval_attack: Attack = pgd(Linf(8 / 255))
    weight_perturbation: WeightPerturbation = WeightPerturbation()
    averaging: Averaging | None = None
    clip_norm: Annotated[float | None, Range(0.0, above=True)] = None
    seed: int = 0
    precision: str = "float32"
    attack_dtype: str | None = None
    attack_warmup: Share = 0.0
    init: Pretrained | None = None
    extra: ExtraData = ExtraData()

    def __post_init__(self) -> None:
        """Refuses unknown names and numbers out of range."""
        super().__post_init__()
        teacher = getattr(self.objective, "teacher", None)
        if isinstance(teacher, keras.Model):
            raise ValueError(
                "`teacher` in a recipe is a name: a run folder, a `.keras` "
                f"file or a zoo model. Received: {type(teacher).__name__}"
            )
        lookup(ARCHITECTURES, self.architecture, "architecture")
        own = {"width": self.width, "precision": self.precision}
        if self.init is not None and own != {
            "width": None,
            "precision": "float32",
        }:
            raise ValueError(
                "A run that begins at a pretrained net has the width and the "
                f"precision of that net. Received: {own} with init"
            )
        if self.attack_dtype is not None:
            lookup(DTYPES, self.attack_dtype, "attack_dtype")

    def __str__(self) -> str:
        """Returns all settings, a line each."""
        return tree(self)

    def classifier(
        self, image_shape: tuple[int, int, int], num_classes: int
    ) -> keras.Model:
        """Returns the untrained classifier, with the branches it needs."""
        options: dict[str, Any] = {}
        if self.width is not None:
            options["width"] = self.width
        if built_for_several():
            options["sync_bn"] = True
        return ARCHITECTURES[self.architecture](
            num_classes,
            input_shape=image_shape,
            branches=self.objective.branches,
            **options,
        )

    def to_json(self) -> str:
        """Returns the recipe as indented JSON."""
        return json.dumps(encode(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Returns the recipe that `to_json` wrote.

        Raises:
            ValueError: If the text is no recipe of this version.
        """
        try:
            recipe = decode(json.loads(text), CLASSES)
        except (TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"Expected a recipe: {error}.") from None
        if not isinstance(recipe, cls):
            raise ValueError("Expected a recipe, found other data.")
        return recipe

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Returns the recipe in a file."""
        return cls.from_json(path.read_text())


_CLASSES: tuple[type, ...] = (
    Recipe,
    *OBJECTIVES.values(),
    RecombinedAT,
    *UNIONS.values(),
    Radii,
    *THREAT_MODELS.values(),
    Averaging,
    ExtraData,
    Policy,
    Pretrained,
    Reward,
    SGDConfig,
    WeightPerturbation,
    attacks.PGD,
    attacks.CarliniWagner,
    attacks.CarliniWagnerDAT,
    attacks.CleanStart,
    attacks.CrossEntropy,
    attacks.CrossEntropyPlusKL,
    attacks.KLFromClean,
    attacks.KeepFirstBroken,
    attacks.KeepLast,
    attacks.Monitor,
    attacks.NoisyFGSM,
    attacks.NormalStart,
    attacks.RandomStart,
    *augment.AUGMENTS.values(),
    augment.Chain,
    augment.ApplyToShare,
    augment.KerasCV,
    amplitude_mixup.AmplitudeMixup,
    schedules.ConstantConfig,
    schedules.CosineConfig,
    schedules.StepDropConfig,
    schedules.OneCycleConfig,
)

CLASSES: dict[str, type] = {cls.__name__: cls for cls in _CLASSES}
"""The classes that a recipe's JSON may name."""

SETTABLE = {
    name: cls for name, cls in CLASSES.items() if not issubclass(cls, Objective)
}
"""Those that `--set` may name; a method is chosen by the recipe's name."""
