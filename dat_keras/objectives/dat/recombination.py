"""The second view of DAT: images recombined with another amplitude."""

from __future__ import annotations

from dataclasses import dataclass, field

import tensorflow as tf

from dat_keras.attacks import PGD
from dat_keras.augment import Augment
from dat_keras.core.types import Images
from dat_keras.objectives.base import (
    attacked_view,
    own_augmentation,
    raw_images,
)
from dat_keras.objectives.dat.adv_gradient import (
    needs_unprojected,
    unprojected,
)
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup, Spectrum
from dat_keras.objectives.step import Step, View


@dataclass(frozen=True)
class RecombinedView(View):
    """A view with the spectra that it was recombined from.

    Args:
        drawn: The numbers that the adversary drew for `x`, before their
            scale, shape `(B, C, H, W)`.
        clean: Spectrum behind `x`.
        adversarial: Spectrum behind `x_adv`, where that was recombined too.
        moved: What was projected to `x_adv`, where the generator's gradient
            needs it.
    """

    drawn: tf.Tensor = field(kw_only=True)
    clean: Spectrum = field(kw_only=True)
    adversarial: Spectrum | None = field(default=None, kw_only=True)
    moved: Images | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Recombination:
    """Makes recombined images, their augmentation and their attack.

    Args:
        mix: How amplitudes are mixed.
        augment: Applied to recombined images.
        branch: BatchNorm branch that reads them.
    """

    mix: AmplitudeMixup
    augment: Augment
    branch: int

    def attacked(
        self, step: Step, attack: PGD, rule: str = "none"
    ) -> RecombinedView:
        """Returns the recombined un-augmented images, augmented and attacked.

        Args:
            step: Context of the step.
            attack: The inner maximisation.
            rule: How `x_adv` will follow `x`, a key of `ADV_GRADIENTS`.
        """
        x = raw_images(step)
        spectrum = Spectrum.of(x, step.adversary.condition(step, x))
        x, drawn = self._drawn(step, spectrum)
        x = tf.stop_gradient(self.augmented(step, x))
        moved = None
        if needs_unprojected(rule, attack):
            moved = unprojected(attack, step, x, self.branch)
            x_adv = attack.threat_model.project(moved, x)
        else:
            x_adv = attacked_view(attack, step, x, branch=self.branch).x_adv
        return RecombinedView(
            x, x_adv, self.branch, drawn=drawn, clean=spectrum, moved=moved
        )

    def pair(self, step: Step, base: View) -> RecombinedView:
        """Returns both images of a view recombined, without another attack.

        Args:
            step: Context of the step.
            base: The attacked base view.
        """
        clean, adversarial = (
            Spectrum.of(x, step.adversary.condition(step, x))
            for x in (base.x, base.x_adv)
        )
        x, drawn = self._drawn(step, clean)
        return RecombinedView(
            tf.stop_gradient(x),
            tf.stop_gradient(self.mixed(step, adversarial)),
            self.branch,
            drawn=drawn,
            clean=clean,
            adversarial=adversarial,
        )

    def mixed(self, step: Step, spectrum: Spectrum) -> Images:
        """Returns images with mixed amplitudes, a function of the adversary."""
        return self._drawn(step, spectrum)[0]

    def augmented(self, step: Step, x: Images) -> Images:
        """Returns recombined images after their own augmentation."""
        key = step.key.fold_in("recombined augment")
        return own_augmentation(self.augment, x, step, key)

    def _drawn(
        self, step: Step, spectrum: Spectrum
    ) -> tuple[Images, tf.Tensor]:
        return self.mix(spectrum, step.adversary, step.key.fold_in("mix"))
