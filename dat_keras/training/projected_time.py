"""A callback that says after a few steps how long the whole run will take."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras

from dat_keras.data import Batches
from dat_keras.training import running_means
from dat_keras.utils.durations import duration

SEVERAL = 3
"""Most batches of the longer of the two timed calls of `evaluate`."""


class ProjectedTime(keras.callbacks.Callback):
    """Says once how long the rest of the run will take, validation included.

    After the first step a call of `evaluate` compiles what every validation
    uses, then one of a single batch and one of several are timed: their
    difference is the time of the images, the rest is spent once a call.
    Then steps are timed. A first epoch with fewer steps ends the timing
    earlier; a single step, which compiled, is no measurement, and the next
    epoch goes on.

    Args:
        say: Receives the sentence.
        epochs: Epochs of the whole run.
        validation: The validation images of each epoch.
        closing_images: What is evaluated after training, as the number of
            validation images that take as long. Default: 0, not counted.
        clock: Returns seconds.
        after: Steps that are timed.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        epochs: int,
        validation: Batches,
        closing_images: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        after: int = 5,
    ) -> None:
        super().__init__()
        self.say = say
        self.epochs = epochs
        self.validation = validation
        self.closing_images = closing_images
        self.clock = clock
        self.after = after
        self._seen = 0
        self._said = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts to time steps, unless that is done."""
        self._epoch, self._timed = epoch, 0
        self._began = self.clock()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Times some of the validation after step 1, then steps."""
        self._seen += 1
        if self._said:
            return
        if self._seen == 1:
            self._per_call, self._per_image = self._validation_times()
            self._began = self.clock()
            return
        self._timed += 1
        if self._timed == self.after:
            self._project()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Ends the timing in an epoch of few steps."""
        if self._timed and not self._said:
            self._project()

    def _project(self) -> None:
        # Reading the counter waits for the steps that are still under way.
        left = int(self.model.total_steps.numpy() - self.model.step.numpy())
        pace = (self.clock() - self._began) / self._timed
        self._said = True
        self.say(
            projection(
                pace,
                left,
                self._per_call + self._per_image * len(self.validation.split),
                self.epochs - self._epoch,
                self._per_image * self.closing_images,
            )
        )

    def _validation_times(self) -> tuple[float, float]:
        """Seconds of a call of `evaluate` and of an image in it.

        The running means of training stay.
        """
        whole, size = self.validation.split, self.validation.batch_size
        one = min(size, len(whole))
        # Full batches: a smaller one takes more time for each of its images.
        several = min(SEVERAL, len(whole) // one) * one
        kept = running_means.read(self.model)
        self._evaluate(one)
        short = self._evaluate(one)
        if several == one:
            per_image = short / one
        else:
            per_image = (self._evaluate(several) - short) / (several - one)
        # Where the clock is too coarse to tell them apart.
        per_image = min(max(per_image, 0.0), short / one)
        running_means.write(self.model, kept)
        return short - per_image * one, per_image

    def _evaluate(self, count: int) -> float:
        """Evaluates the first images; returns seconds."""
        size = self.validation.batch_size
        split = self.validation.split.take(count)
        batches = Batches(split, min(size, count), shuffle=False)
        began = self.clock()
        self.model.evaluate(batches, verbose=0)
        return self.clock() - began


def projection(
    per_step: float,
    steps: int,
    per_validation: float,
    validations: int,
    closing: float = 0.0,
) -> str:
    """The sentence that tells how long the rest of a run will take.

    Args:
        per_step: Seconds of a training step.
        steps: Steps to go.
        per_validation: Seconds of a validation.
        validations: Validations to go.
        closing: Seconds of the evaluation after training; 0 if nobody knows.

    Example:
    >>> print(projection(0.5, 1200, 20.0, 3, 60.0))
    projected time: 12 min (1200 steps of 0.50 s, 3 validations of 20 s,
    closing table 60 s)
    """
    total = per_step * steps + per_validation * validations + closing
    last = (
        f", closing table {duration(closing)}"
        if closing
        else "; an evaluation after training is not counted"
    )
    sentence = (
        f"projected time: {duration(total)} ({steps} "
        f"step{'s' * (steps != 1)} of {per_step:.2f} s, {validations} "
        f"validation{'s' * (validations != 1)} of "
        f"{duration(per_validation)}{last})"
    )
    if total > 86400:
        sentence += (
            "; that is over a day here. Shorter: a GPU, --architecture "
            "resnet8, --limit N, or fewer --epochs"
        )
    return sentence
