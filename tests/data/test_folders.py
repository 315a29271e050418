import shutil

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.data import load, load_split, splits_of
from dat_keras.data.base import DataNotFoundError


def write(path, image, encode=tf.io.encode_png):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(image).numpy())


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pets"
    for part, count in (("train", 6), ("test", 2)):
        for label, name in enumerate(("cat", "dog")):
            for i in range(count):
                image = np.full((4, 5, 3), 100 * label + i, np.uint8)
                write(root / part / name / f"{i}.png", image)
    return root


def test_pixels_and_labels_come_from_the_files(folder):
    split = load_split(str(folder), "test")
    assert split.class_names == ("cat", "dog")
    assert split.images.shape == (4, 4, 5, 3)
    assert split.images[:, 0, 0, 0].tolist() == [0, 1, 100, 101]
    assert split.labels.tolist() == [0, 0, 1, 1]
    assert split.name == "pets/test"


def test_validation_is_held_out_of_train(folder):
    train, validation = load(str(folder), ("train", "validation"), batch_size=2)
    assert sorted(validation.split.labels) == [0, 1]
    pixels = [s.split.images[:, 0, 0, 0] for s in (train, validation)]
    assert sorted(np.concatenate(pixels)) == [*range(6), *range(100, 106)]
    assert train.shuffle and not validation.shuffle


@pytest.mark.parametrize("name", ["val", "validation"])
def test_own_validation_folder_is_used(folder, name):
    write(folder / name / "dog" / "x.PNG", np.full((4, 5, 3), 9, np.uint8))
    split = load_split(str(folder), "validation")
    assert split.images[:, 0, 0, 0].tolist() == [9]
    assert split.labels.tolist() == [1]
    assert len(load_split(str(folder), "train")) == 12


def test_grey_and_jpeg_files_become_rgb(folder):
    write(folder / "test" / "cat" / "g.png", np.full((4, 5, 1), 7, np.uint8))
    jpeg = np.full((4, 5, 1), 200, np.uint8)
    write(folder / "test" / "dog" / "j.JPEG", jpeg, tf.io.encode_jpeg)
    (folder / "test" / "dog" / "notes.txt").write_text("not an image")
    split = load_split(str(folder), "test")
    assert split.images[2, 0, 0].tolist() == [7, 7, 7]
    assert split.images[-1, 0, 0].tolist() == [200, 200, 200]
    assert len(split) == 6


def test_first_file_of_another_size_is_named(folder):
    for name in ("5.png", "6.png"):
        write(folder / "train" / "dog" / name, np.zeros((8, 4, 3), np.uint8))
    with pytest.raises(ValueError) as error:
        load_split(str(folder))
    assert "0.png is 5x4" in str(error.value)
    assert "dog/5.png, which is 4x8" in str(error.value)
    assert "Resize" in str(error.value)


def test_damaged_file_is_named(folder):
    (folder / "train" / "cat" / "3.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"Received: .*cat/3\.png"):
        load_split(str(folder))


def test_class_that_train_lacks_is_named(folder):
    write(folder / "test" / "emu" / "0.png", np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="Received: 'emu'"):
        load_split(str(folder), "test")


@pytest.mark.parametrize("part", ["test", "val"])
def test_class_that_train_lacks_is_refused_before_reading(folder, part):
    write(folder / part / "emu" / "0.png", np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="Received: 'emu'"):
        splits_of(str(folder))
    with pytest.raises(ValueError, match="Received: 'emu'"):
        load_split(str(folder), "train")


@pytest.mark.parametrize("part", ["train", "test"])
def test_class_without_images_is_named(folder, part):
    (folder / "train" / "emu").mkdir()
    if part == "test":
        image = np.zeros((4, 5, 3), np.uint8)
        write(folder / "train" / "emu" / "0.png", image)
        (folder / "test" / "emu").mkdir()
    with pytest.raises(ValueError, match=f"class of .*{part}.*none in 'emu'"):
        load_split(str(folder), "train")


def test_two_validation_folders_are_refused(folder):
    for name in ("val", "validation"):
        write(folder / name / "dog" / "0.png", np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="`val` and `validation`.*both"):
        splits_of(str(folder))


def test_splits_are_known_without_reading_an_image(folder):
    for path in folder.glob("*/*/*.png"):
        path.write_bytes(b"no image")
    assert splits_of(str(folder)) == ("train", "validation", "test")
    shutil.rmtree(folder / "test")
    assert splits_of(str(folder)) == ("train", "validation")


def test_folder_without_images_is_named(folder):
    (folder / "val").mkdir()
    with pytest.raises(DataNotFoundError, match="val must hold images"):
        load_split(str(folder), "validation")


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(DataNotFoundError, match="no folder .*nowhere/train"):
        load_split(str(tmp_path / "nowhere"))
