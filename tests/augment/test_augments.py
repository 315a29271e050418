"""Every augmentation by its table line, then each by its own rules."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from dat_keras import augment as package
from dat_keras.augment import (
    AUGMENTS,
    ApplyToShare,
    AutoAugment,
    Chain,
    ColorShape,
    CropFlip,
    CropShift,
    CutMix,
    CutOut,
    MixUp,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Unchanged,
)
from dat_keras.augment.auto_augment import CIFAR10_POLICY
from dat_keras.core.random import BatchKey

BATCH = 24


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    x = rng.integers(1, 256, (BATCH, 12, 12, 3)) / 255
    return tf.constant(x, tf.float32), tf.range(BATCH) % 4


@pytest.fixture(params=AUGMENTS)
def augment(request):
    cls = AUGMENTS[request.param]
    names = {field.name for field in dataclasses.fields(cls)}
    return cls(**{"num_classes": 4} if "num_classes" in names else {})


def test_contract(augment, images, key):
    x, y = images
    made, labels = augment(x, y, key)
    assert made.shape == x.shape and made.dtype == tf.float32
    assert 0 <= made.numpy().min() <= made.numpy().max() <= 1
    assert labels.shape[0] == BATCH
    if labels.shape.rank == 1:
        np.testing.assert_array_equal(labels, y)
    else:
        np.testing.assert_allclose(tf.reduce_sum(labels, -1), 1.0, rtol=1e-5)
    again, _ = augment(x, y, key)
    np.testing.assert_array_equal(made, again)
    if augment != Unchanged():
        other, _ = augment(x, y, BatchKey.of(0, 1))
        assert not np.array_equal(made, other)
    assert eval(repr(augment), vars(package)) == augment


def test_image_size_survives_a_batch_of_unknown_size(augment, key):
    traced = tf.function(
        lambda x, y: augment(x, y, key)[0],
        input_signature=[
            tf.TensorSpec((None, 8, 8, 3)),
            tf.TensorSpec((None,), tf.int32),
        ],
    )
    spec = traced.get_concrete_function().structured_outputs
    assert spec.shape.as_list()[1:] == [8, 8, 3]


def test_chain_runs_in_order_with_keys_of_its_own(images, key):
    x, y = images
    first, second = CropFlip(2), CutOut(4)
    made, _ = Chain((first, second))(x, y, key)
    expected, _ = first(x, y, key.fold_in(0))
    expected, _ = second(expected, y, key.fold_in(1))
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize(("share", "changed"), [(0, 0), (0.4, 9), (1, BATCH)])
def test_apply_to_share_changes_the_first_images(share, changed, images, key):
    x, y = images
    everywhere, _ = CutOut(4)(x, y, key)
    made, labels = ApplyToShare(CutOut(4), share)(x, y, key)
    np.testing.assert_array_equal(made[:changed], everywhere[:changed])
    np.testing.assert_array_equal(made[changed:], x[changed:])
    np.testing.assert_array_equal(labels, y)


def test_apply_to_share_mixes_the_labels_of_the_mixed_images(images, key):
    x, y = images
    _, mixed = CutMix(4)(x, y, key)
    _, labels = ApplyToShare(CutMix(4))(x, y, key)
    np.testing.assert_array_equal(labels[:12], mixed[:12])
    np.testing.assert_array_equal(labels[12:], tf.one_hot(y[12:], 4))
    with pytest.raises(ValueError, match="Received: share=1.5"):
        ApplyToShare(CutMix(4), share=1.5)


def test_cutout_blackens_one_clipped_square(key):
    x = tf.ones((400, 12, 12, 1))
    made, _ = CutOut(4)(x, tf.zeros(400, tf.int32), key)
    holes = made.numpy()[..., 0] == 0
    assert set(holes.sum((1, 2))) <= {
        a * b for a in (2, 3, 4) for b in (2, 3, 4)
    }
    for hole in holes[:50]:
        rows, columns = np.where(hole.any(1))[0], np.where(hole.any(0))[0]
        assert hole[np.ix_(rows, columns)].all()
        assert np.ptp(rows) == len(rows) - 1 <= 3
        assert np.ptp(columns) == len(columns) - 1 <= 3
    # The centre is uniform: corners lose as often as chance has it.
    assert abs(holes[:, 0, 0].mean() - 9 / 144) < 0.05
    assert abs(holes[:, 6, 6].mean() - 16 / 144) < 0.065


def test_cutmix_labels_weigh_the_kept_area(key):
    # Every image is its own colour, so pixels tell where they come from.
    x = tf.tile(tf.range(64.0)[:, None, None, None] / 64, (1, 12, 12, 3))
    made, labels = CutMix(num_classes=64)(x, tf.range(64), key)
    shares = []
    for row, (image, label) in enumerate(zip(made, labels, strict=True)):
        source = np.round(image.numpy()[..., 0] * 64).astype(int)
        expected = np.bincount(source.ravel(), minlength=64) / 144
        np.testing.assert_allclose(label, expected, atol=1e-5)
        shares.append(expected[row])
    # Clipping keeps more than the uniform share of one half.
    assert 0.4 < np.mean(shares) < 0.85 and np.std(shares) > 0.15


def test_mixup_mixes_images_as_labels(key):
    x = tf.reshape(tf.one_hot(tf.range(64), 64), (64, 8, 8, 1))
    made, labels = MixUp(num_classes=64)(x, tf.range(64), key)
    np.testing.assert_allclose(tf.reshape(made, (64, 64)), labels, atol=1e-6)
    own = np.diag(labels)
    assert abs(own.mean() - 0.5) < 0.15 and own.std() > 0.2


def test_crop_shift_shows_one_window_elsewhere(key):
    height, width = 14, 12
    x = 1.0 + tf.range(height * width, dtype=tf.float32) / 1000
    x = tf.tile(tf.reshape(x, (1, height, width, 1)), (300, 1, 1, 1))
    augment = CropShift(0, 5)
    made = augment(x, tf.zeros(300, tf.int32), key)[0].numpy()[..., 0]
    lost = []
    for image in made:
        rows, columns = (np.where(image.any(axis))[0] for axis in (1, 0))
        window = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        lost.append((height - len(rows), width - len(columns)))
        assert (window > 0).all()
        place = round((window[0, 0] - 1) * 1000)
        row, column = divmod(place, width)
        expected = x[
            0, row : row + len(rows), column : column + len(columns), 0
        ]
        np.testing.assert_array_equal(window, expected)
    lost = np.array(lost)
    assert lost.sum(1).max() == 5 and lost.sum(1).min() == 0
    assert abs(lost[:, 0].mean() - lost[:, 1].mean()) < 0.35
    moved = (made[:, 0, 0] != 1).mean()
    assert 0.3 < moved < 0.95


def test_crop_shift_of_nothing_is_the_identity(images, key):
    x, y = images
    np.testing.assert_array_equal(CropShift(0, 0)(x, y, key)[0], x)
    with pytest.raises(ValueError, match="least=3, most=2"):
        CropShift(3, 2)


def test_random_erasing_keeps_to_its_ranges(key):
    x = tf.ones((300, 32, 32, 1))
    made, _ = RandomErasing(1.0)(x, tf.zeros(300, tf.int32), key)
    holes = made.numpy()[..., 0] == 0
    heights, widths = holes.any(2).sum(1), holes.any(1).sum(1)
    np.testing.assert_array_equal(holes.sum((1, 2)), heights * widths)
    area = heights * widths / 1024
    assert 0.01 < area.min() and area.max() < 0.36
    assert abs(area.mean() - 0.175) < 0.03
    ratio = heights / widths
    assert 0.2 < ratio.min() and ratio.max() < 5
    assert abs(np.log(ratio).mean()) < 0.15


def test_random_erasing_fires_by_chance(key):
    x, y = tf.ones((400, 8, 8, 1)), tf.zeros(400, tf.int32)
    np.testing.assert_array_equal(RandomErasing(0.0)(x, y, key)[0], x)
    erased = (RandomErasing()(x, y, key)[0].numpy() == 0).any((1, 2, 3))
    assert abs(erased.mean() - 0.5) < 0.12


def test_color_shape_changes_almost_every_image_in_many_ways(key):
    rng = np.random.default_rng(1)
    # A smaller image has too few pixels to be equalized.
    image = rng.uniform(0.1, 0.9, (1, 20, 20, 3)).astype("f")
    x = tf.repeat(image, 320, axis=0)
    made = ColorShape()(x, tf.zeros(320, tf.int32), key)[0].numpy()
    assert (np.abs(made - image).max((1, 2, 3)) > 1e-3).mean() > 0.9
    # Black corners come from shears and turns alone: a quarter of the moves.
    black = (made == 0).all(-1).any((1, 2)).mean()
    assert 0.1 < black < 0.32


def test_auto_augment_follows_its_table():
    assert len(CIFAR10_POLICY) == 25
    for move in (move for pair in CIFAR10_POLICY for move in pair):
        assert 0 <= move[1] <= 1 and 0 <= move[2] <= 9
    rng = np.random.default_rng(1)
    image = rng.integers(20, 230, (1, 20, 20, 3)) / 255
    image = tf.constant(image, tf.float32)
    x = tf.repeat(image, 500, axis=0)
    made = AutoAugment()(x, tf.zeros(500, tf.int32), BatchKey.of(1, 2))[0]
    # Share of images that no move of their policy reaches.
    idle = np.mean([(1 - a[1]) * (1 - b[1]) for a, b in CIFAR10_POLICY])
    same = (np.abs(made - image).max((1, 2, 3)) < 1e-6).mean()
    # Colour of magnitude 0 changes nothing either.
    assert idle - 0.06 < same < idle + 0.1
    distinct = {m.tobytes() for m in made.numpy()}
    assert len(distinct) > 25


def test_rand_augment_of_no_operations_is_the_identity(images, key):
    x, y = images
    np.testing.assert_array_equal(RandAugment(0)(x, y, key)[0], x)
    changed = RandAugment(2)(x, y, key)[0]
    assert (np.abs(changed - x).max((1, 2, 3)) > 1e-3).mean() > 0.7


def test_a_resized_crop_of_a_ramp_is_a_ramp_inside_it(key):
    """Interpolation is exact for pixels that grow linearly."""
    side, ramp = 16, tf.range(16.0) / 16
    rows = tf.broadcast_to(ramp[:, None], (side, side))
    x = tf.stack([rows, tf.transpose(rows)], -1)[None]
    x = tf.tile(x, (200, 1, 1, 1))
    crop = RandomResizedCrop((0.2, 0.5), (0.8, 1.25), flip=0.5)
    made = 16 * crop(x, tf.zeros(200, tf.int32), key)[0].numpy()
    down, across = made[:, :, 0, 0], made[:, 0, :, 1]
    # Rows depend on rows alone, columns on columns, or on them reversed.
    np.testing.assert_allclose(
        made[..., 0], down[:, :, None] + 0 * made[..., 0]
    )
    mirrored = across[:, 0] > across[:, -1]
    assert abs(mirrored.mean() - 0.5) < 0.15
    across = np.where(mirrored[:, None], across[:, ::-1], across)
    # Away from the border pixels lie a share of `length / side` apart.
    steps = [np.diff(v)[:, 5:-5] for v in (down, across)]
    for step in steps:
        assert np.ptp(step, axis=1).max() < 1e-4
    height, width = (step.mean(1) for step in steps)
    area, aspect = height * width, width / height
    assert 0.2 <= area.min() < 0.23 and 0.47 < area.max() <= 0.5 + 1e-4
    assert 0.8 <= aspect.min() + 1e-4 and aspect.max() <= 1.25 + 1e-4
    # The centre of the crop is anywhere that leaves it inside.
    middle = down[:, 7:9].mean(1) + 0.5
    assert (middle - 8 * height > -1e-3).all()
    assert (middle + 8 * height < 16 + 1e-3).all()
    assert np.ptp(middle) > 0.7 * (16 - 16 * height.min())
