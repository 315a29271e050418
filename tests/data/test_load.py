import numpy as np
import pytest

from dat_keras.data import DATASETS, load, load_split, shapes


@pytest.fixture(autouse=True)
def fewer_shapes(monkeypatch):
    monkeypatch.setitem(shapes.COUNTS, "train", 1_000)


def test_load_gives_one_or_several_batches():
    validation = load("shapes", "validation", batch_size=64)
    x, y = validation[0]
    assert x.shape == (64, 32, 32, 3) and x.dtype == np.float32
    assert 0 <= x.min() and x.max() <= 1
    assert not validation.shuffle and len(validation) == 16
    train, test = load("shapes", ("train", "test"), seed=4)
    assert train.shuffle and train.seed == 4 and len(train) == 1_000 // 128
    assert not test.shuffle and len(test.split) == 2_000


def test_limit_takes_training_images_of_every_class():
    train, validation = load("shapes", ("train", "validation"), limit=200)
    assert (len(train.split), len(validation.split)) == (200, 1_000)
    assert len(np.unique(train.split.labels)) == 10
    more = load_split("shapes", "train", limit=300)
    np.testing.assert_array_equal(more.images[:200], train.split.images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "`limit` must be at least 1. Received: 0"),
        ({"split": "dev"}, "`split` must be one of .*Received: 'dev'"),
        ({"limit": 100}, "`batch_size` must be at most 100"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        load("shapes", **options)


@pytest.mark.parametrize(
    ("name", "near"),
    [("cifr10", "cifar10"), ("shape", "shapes"), ("Tiny-Imagenet", None)],
)
def test_unknown_name_is_answered_with_the_nearest(name, near, no_network):
    with pytest.raises(ValueError) as error:
        load(name)
    message = str(error.value)
    assert f"Unknown data set {name!r}" in message
    assert near is None or f"Did you mean {near!r}?" in message
    assert all(known in message for known in DATASETS)
    assert "\n" not in message
