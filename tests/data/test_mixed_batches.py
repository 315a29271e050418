"""Batches of real and extra images: exact share, order, pure in the step."""

import numpy as np
import pytest
from toy_splits import make_split, rows_of

from dat_keras.data.batches import Batches
from dat_keras.data.lazy_images import LazyImages
from dat_keras.data.mixed_batches import MixedBatches
from dat_keras.data.split import Split

N, M = 45, 23
OFFSET = 1000
"""Rows of extra images spell numbers from here on."""


def extra_split(count=M):
    whole = make_split(OFFSET + count)
    return whole.rows(slice(OFFSET, None), "toy/extra")


def mixed(fraction=0.7, size=8, count=M, **options):
    return MixedBatches(
        make_split(N), extra_split(count), fraction, size, **options
    )


def both(batch):
    """Rows of the real and of the extra images of a batch, in its order."""
    rows = rows_of(batch[0])
    np.testing.assert_array_equal(batch[1], rows % 4)
    return rows[rows < OFFSET], rows[rows >= OFFSET] - OFFSET


@pytest.mark.parametrize(
    ("fraction", "size", "extra"),
    [
        (0.7, 8, 6),
        (0.7, 10, 7),
        (0.5, 9, 4),
        (0.1, 8, 1),
        (0.9, 9, 8),
        (1, 8, 8),
    ],
)
def test_every_batch_has_the_exact_share(fraction, size, extra):
    batches = mixed(fraction, size)
    assert batches.steps_per_epoch == N // size
    for step in range(3 * batches.steps_per_epoch):
        real, other = both(batches.batch(step))
        assert (len(real), len(other)) == (size - extra, extra)


def test_real_rows_come_as_in_batches_of_their_share():
    """Extra images change neither the order nor what is left out."""
    batches = mixed(0.7, 8, seed=3)
    alone = Batches(make_split(N), 2, seed=3)
    for step in range(70):
        real, _ = both(batches.batch(step))
        np.testing.assert_array_equal(real, rows_of(alone.batch(step)[0]))


def test_extra_rows_come_once_before_any_comes_again():
    batches = mixed(0.7, 8)
    steps = M // 6
    passes = []
    for number in range(2):
        rows = [
            both(batches.batch(number * steps + i))[1] for i in range(steps)
        ]
        passes.append(np.concatenate(rows))
        assert len(set(passes[-1].tolist())) == 6 * steps
    assert passes[0].tolist() != passes[1].tolist()


def test_places_in_the_batch_are_drawn():
    """An augmentation of the first images must see both kinds."""
    batches = mixed(0.5, 8)
    first = [rows_of(batches.batch(s)[0])[0] >= OFFSET for s in range(40)]
    assert 8 < sum(first) < 32


def test_a_batch_depends_on_seed_and_step_alone():
    whole = mixed(seed=5).batch(11)
    again = mixed(seed=5, first_step=4)
    for step in (0, 3, 30):
        again.batch(step)
    resumed = mixed(seed=5).starting_at(11)
    # Five steps an epoch: step 11 is the first that is left of the third.
    for other in (again.batch(11), resumed[0]):
        for a, b in zip(whole, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (mixed(seed=6).batch(11)[0] != whole[0]).any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_replicas_share_a_batch_without_gaps(count):
    batches = mixed()
    parts = batches.starting_at(2).part_dataset(range(count), count)
    parts = parts.as_numpy_iterator()
    for step in range(2, 9):
        got = [next(parts) for _ in range(count)]
        for whole, *cut in zip(batches.batch(step), *got, strict=True):
            np.testing.assert_array_equal(np.concatenate(cut), whole)


def test_a_training_step_sees_an_ordinary_batch():
    """So every method takes it: shapes and types are those of `Batches`."""
    plain = Batches(make_split(N), 8)
    specs = [b.tf_dataset().element_spec for b in (plain, mixed())]
    assert specs[0] == specs[1]
    for ours, theirs in zip(plain.batch(0), mixed().batch(0), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    x, _ = mixed().batch(0)
    np.testing.assert_array_equal(np.rint(x * 255) / np.float32(255), x)


def test_extra_images_may_stay_in_files():
    images = extra_split().images
    lazy = LazyImages(lambda rows: images[rows], (1, 1, 3), np.arange(M))
    split = extra_split()
    lazy = Split(lazy, split.labels, split.class_names, split.name)
    batches = MixedBatches(make_split(N), lazy, 0.7, 8)
    for step in (0, 1, 9):
        for a, b in zip(batches.batch(step), mixed().batch(step), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fraction": 0.0}, r"`fraction` must be in \(0, 1\]. Received: 0.0"),
        ({"fraction": 1.1}, r"`fraction` must be in \(0, 1\]. Received: 1.1"),
        ({"fraction": 0.01}, "which is 0 extra and 8 real images"),
        ({"fraction": 0.99}, "which is 8 extra and 0 real images"),
        ({"size": 46}, "`batch_size` must be at most 45"),
        ({"count": 5}, "at least the 6 images of a batch. Received: 5"),
    ],
)
def test_what_cannot_be_mixed_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mixed(**options)


def test_other_images_and_classes_are_refused():
    real = make_split(N)
    wide = Split(
        np.zeros((9, 1, 2, 3), np.uint8),
        np.zeros(9, int),
        real.class_names,
        "w",
    )
    with pytest.raises(ValueError, match=r"images of shape \(1, 2, 3\) in w"):
        MixedBatches(real, wide, 0.5, 8)
    with pytest.raises(ValueError, match="classes, number 5 in toy/train"):
        MixedBatches(real, make_split(N, 5), 0.5, 8)
