"""IDBH: PGD-AT on its own views of the raw images."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, CrossEntropy, RandomStart
from dat_keras.augment import CropFlip, CropShift, RandomErasing, Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import IDBH, PGDAT
from dat_keras.objectives.idbh import STRONG, WEAK

EPS = 8 / 255
SHORT = IDBH(PGD(Linf(EPS), steps=2))


def test_without_augmentation_it_is_pgd_at(tiny_model, make_step):
    ours, theirs = replace(SHORT, augment=Unchanged()), PGDAT(SHORT.attack)
    step = make_step(tiny_model, ours)
    ((a,), (b,)) = (o.craft(step) for o in (ours, theirs))
    np.testing.assert_array_equal(a.x_adv, b.x_adv)
    values = [
        o.loss(step.predict, o.craft(step), step.y) for o in (ours, theirs)
    ]
    assert float(values[0]["robust"]) == float(values[1]["robust"])


def test_views_come_from_the_raw_images(tiny_model, make_step, batch):
    step = make_step(tiny_model, SHORT, x=tf.zeros_like(batch[0]))
    (view,) = SHORT.craft(step)
    key = step.key.fold_in("idbh")
    np.testing.assert_array_equal(view.x, STRONG(batch[0], batch[1], key)[0])


@pytest.mark.parametrize(
    ("progress", "share"), [(0.0, 0.0), (0.01, 0.4), (0.025, 1.0), (0.5, 1.0)]
)
def test_warmup_scales_radius_and_step(progress, share, tiny_model, make_step):
    objective = replace(SHORT, warmup=0.025)
    step = make_step(tiny_model, objective, progress=tf.constant(progress))
    (view,) = objective.craft(step)
    distance = Linf(EPS).distance(view.x_adv, view.x).numpy()
    np.testing.assert_allclose(distance, share * EPS, rtol=1e-4, atol=1e-7)


def test_defaults_are_the_published_ones():
    assert IDBH().attack == PGD(
        Linf(EPS), CrossEntropy(), 10, 2 / 255, RandomStart()
    )
    flip, shift, _, erasing = STRONG.parts
    assert flip == CropFlip(pad=0) and shift == CropShift(0, 10)
    assert erasing == RandomErasing(1.0)
    assert WEAK.parts[-1] == RandomErasing(0.5)
