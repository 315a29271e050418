"""`Subject`: a classifier to analyse, and DAT's generator if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from dat_keras.analysis.along_training import AlongTraining, along_training
from dat_keras.objectives import DAT, RecombinedAT, method_of
from dat_keras.objectives.dat.generator import (
    AmplitudeAdversary,
    BorrowedAmplitude,
)
from dat_keras.training import checkpoint
from dat_keras.training.build import build
from dat_keras.training.model import AdversarialModel
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.run_folder import RunFolder

NO_RUN = "none: a model alone has no generator, analyse the run of DAT"


@dataclass(frozen=True, eq=False)
class Subject:
    """A classifier and the amplitudes that it was trained with.

    Args:
        classifier: Maps images to logits.
        adversary: Gives DAT's second amplitude; `None` if unknown.
        generator: Where the adversary comes from, or why there is none.
        along: Its images along training, if the run logged them.
    """

    classifier: keras.Model
    adversary: AmplitudeAdversary | BorrowedAmplitude | None = None
    generator: str = NO_RUN
    along: AlongTraining | None = None

    @classmethod
    def of(cls, model: keras.Model | Subject) -> Subject:
        """Returns the subject of a model; one in training has both parts.

        Raises:
            TypeError: If it is no model.
        """
        if isinstance(model, Subject):
            return model
        if not isinstance(model, keras.Model):
            raise TypeError(
                "`models` must be a Keras model or a mapping of names to "
                "models; `dk.load_model` loads one by its name. "
                f"Received: {type(model).__name__}"
            )
        if not isinstance(model, AdversarialModel):
            return cls(model)
        adversary = model.adversary.of_method()
        if isinstance(adversary, (AmplitudeAdversary, BorrowedAmplitude)):
            return cls(model.classifier, adversary, "of the model in training")
        return cls(model.classifier, None, _without(model.objective))


def subject_of_run(classifier: keras.Model, path: Path) -> Subject:
    """Returns the subject of a run folder: its newest generator, if any.

    With it come the images of earlier epochs, of a run that logged them.

    Args:
        classifier: The run's classifier, loaded before.
        path: The run folder.

    Raises:
        DamagedFileError: If the newest checkpoint is damaged.
    """
    run = RunFolder(path)
    info = RunInfo.read(run.recipe)
    if not isinstance(method_of(info.recipe.objective), (DAT, RecombinedAT)):
        return Subject(classifier, None, _without(info.recipe.objective))
    along = along_training(run.logged_images)
    found = checkpoint.steps(run.checkpoints)
    if not found:
        why = "none: the run folder holds no checkpoint"
        return Subject(classifier, None, why, along)
    model = build(info.recipe, info.image_shape, len(info.class_names), 1)
    step = checkpoint.restore(model, run.checkpoints)
    source = f"of the run's last checkpoint, step {step}"
    return Subject(classifier, model.adversary.of_method(), source, along)


def _without(objective: object) -> str:
    return f"none: {type(objective).__name__} generates no amplitudes"
