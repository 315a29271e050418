from dataclasses import dataclass

import numpy as np
import pytest
from toy_splits import make_split, rows_of

from dat_keras.data.base import Dataset, hold_out, read_splits
from dat_keras.data.split import Split


@dataclass(frozen=True)
class Toy(Dataset):
    counts: dict
    reads: list | None = None

    def open(self, data_dir):
        def reader(part):
            def read():
                if self.reads is not None:
                    self.reads.append(part)
                return make_split(self.counts[part], name=f"toy/{part}")

            return read

        return {part: reader(part) for part in self.counts}


def rows(split):
    return rows_of(split.images / 255)


def test_hold_out_is_a_partition_in_the_given_order():
    train, validation = hold_out(make_split(500), 100)
    assert (len(train), len(validation)) == (400, 100)
    both = np.concatenate([rows(train), rows(validation)])
    assert sorted(both) == list(range(500))
    assert (np.diff(rows(train)) > 0).all()
    assert (train.name, validation.name) == ("toy/train", "toy/validation")
    again = hold_out(make_split(500), 100)
    np.testing.assert_array_equal(rows(again[1]), rows(validation))


def test_hold_out_mixes_the_set():
    _, validation = hold_out(make_split(500), 100)
    # The mean of 100 of 500 rows is 250 with a deviation of 13.
    assert 180 < rows(validation).mean() < 320


def test_hold_out_takes_two_percent_or_one_of_each_class():
    assert len(hold_out(make_split(1000))[1]) == 20
    train, validation = hold_out(make_split(30, num_classes=10))
    assert sorted(validation.labels) == list(range(10))
    assert len(train) == 20


def test_hold_out_leaves_a_single_image_of_a_class_in_training():
    split = make_split(20)
    labels = np.where(np.arange(20) == 7, 3, np.arange(20) % 3)
    split = Split(split.images, labels, split.class_names, split.name)
    train, validation = hold_out(split)
    assert sorted(validation.labels) == [0, 1, 2]
    assert 3 in train.labels


def test_hold_out_needs_images():
    with pytest.raises(ValueError, match="more than 5 images.*Received: 5"):
        hold_out(make_split(5), 5)


def test_own_parts_are_used_as_they_are():
    toy = Toy(counts={"train": 30, "validation": 5, "test": 7})
    found = read_splits(toy, ("test", "train", "validation"), None)
    assert [len(split) for split in found] == [7, 30, 5]


def test_validation_part_without_test_becomes_the_test_split():
    toy = Toy(counts={"train": 100, "validation": 7}, held_out=9)
    found = read_splits(toy, ("train", "validation", "test"), None)
    assert [len(split) for split in found] == [91, 9, 7]


def test_training_part_is_read_once():
    toy = Toy(counts={"train": 100, "test": 7}, reads=[])
    read_splits(toy, ("train", "validation"), None)
    assert toy.reads == ["train"]


def test_missing_split_is_named():
    with pytest.raises(ValueError, match="no 'test' split. It has: train"):
        read_splits(Toy(counts={"train": 100}), ("test",), None)


def test_unknown_split_is_named():
    with pytest.raises(ValueError, match="train, validation, test.*'val'"):
        read_splits(Toy(counts={"train": 100}), ("val",), None)
