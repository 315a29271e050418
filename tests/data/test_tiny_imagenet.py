import shutil

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.data import load_split
from dat_keras.data.base import DataNotFoundError, read_splits
from dat_keras.data.tiny_imagenet import ARCHIVE, TinyImageNet

WNIDS = ["n03", "n01", "n02"]
SOURCE = TinyImageNet(held_out=3)
SPLITS = ("train", "validation", "test")


def jpeg(value, channels=3):
    image = np.full((64, 64, channels), value, np.uint8)
    return tf.io.encode_jpeg(image, quality=100).numpy()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A small folder in the layout of tiny-imagenet-200."""
    root = tmp_path_factory.mktemp("unpacked") / ARCHIVE
    (root / "val" / "images").mkdir(parents=True)
    (root / "test" / "images").mkdir(parents=True)
    (root / "wnids.txt").write_text("\n".join(WNIDS) + "\n")
    (root / "words.txt").write_text("n01\tfish\n")
    lines = []
    for label, wnid in enumerate(sorted(WNIDS)):
        images = root / "train" / wnid / "images"
        images.mkdir(parents=True)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("0\n")
        for i in range(4):
            channels = 1 if i == 3 else 3
            (images / f"{wnid}_{i}.JPEG").write_bytes(
                jpeg(80 * label + 5 * i, channels)
            )
        name = f"val_{label}.JPEG"
        (root / "val" / "images" / name).write_bytes(jpeg(80 * label + 33))
        lines.append(f"{name}\t{wnid}\t0\t0\t62\t62")
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (root / "test" / "images" / "test_0.JPEG").write_bytes(jpeg(1))
    return root


def as_zip(original, data_dir):
    shutil.make_archive(
        str(data_dir / ARCHIVE), "zip", original.parent, ARCHIVE
    )
    return data_dir


def as_zip_without_top(original, data_dir):
    shutil.make_archive(str(data_dir / ARCHIVE), "zip", original)
    return data_dir


def as_folder(original, data_dir):
    shutil.copytree(original, data_dir / ARCHIVE)
    return data_dir


def as_data_dir(original, data_dir):
    return shutil.copytree(original, data_dir / "elsewhere")


@pytest.mark.parametrize(
    "place", [as_zip, as_zip_without_top, as_folder, as_data_dir]
)
def test_every_place_gives_the_same_images(
    original, tmp_path, place, no_network, capsys
):
    data_dir = place(original, tmp_path)
    train, validation, test = read_splits(SOURCE, SPLITS, data_dir)
    assert train.class_names == ("n01", "n02", "n03")
    assert (len(train), len(validation), len(test)) == (9, 3, 3)
    assert sorted(validation.labels) == [0, 1, 2]
    for split, offsets in ((train, (0, 5, 10, 15)), (test, (33,))):
        assert split.image_shape == (64, 64, 3)
        found = split.images.mean((1, 2, 3)) - 80 * split.labels
        assert np.isin(np.rint(found), offsets).all()
    assert capsys.readouterr().out == ""


def test_prepared_set_needs_no_archive(original, tmp_path, no_network):
    as_folder(original, tmp_path)
    before = read_splits(SOURCE, SPLITS, tmp_path)
    shutil.rmtree(tmp_path / ARCHIVE)
    after = read_splits(SOURCE, SPLITS, tmp_path)
    for a, b in zip(before, after, strict=True):
        assert a.fingerprint() == b.fingerprint()
        assert a.class_names == b.class_names


def test_missing_archive_is_one_line(tmp_path):
    with pytest.raises(DataNotFoundError) as error:
        load_split("tiny_imagenet", data_dir=tmp_path)
    message = str(error.value)
    assert str(tmp_path) in message and f"{ARCHIVE}.zip" in message
    assert "\n" not in message


def test_damaged_archive_leaves_nothing_prepared(tmp_path):
    (tmp_path / f"{ARCHIVE}.zip").write_bytes(b"PK no archive")
    with pytest.raises(DataNotFoundError, match=f"{ARCHIVE}.zip could not"):
        load_split("tiny_imagenet", data_dir=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [f"{ARCHIVE}.zip"]


def test_encrypted_archive_is_refused(original, tmp_path):
    as_zip(original, tmp_path)
    path = tmp_path / f"{ARCHIVE}.zip"
    # Bit 0 of the flags of each entry of the directory.
    entry = b"PK\x01\x02"
    first, *rest = path.read_bytes().split(entry)
    marked = [part[:4] + b"\x01" + part[5:] for part in rest]
    path.write_bytes(entry.join([first, *marked]))
    with pytest.raises(DataNotFoundError, match="encrypted"):
        load_split("tiny_imagenet", data_dir=tmp_path)


def test_archive_without_annotations_is_refused(original, tmp_path):
    as_folder(original, tmp_path)
    (tmp_path / ARCHIVE / "val" / "val_annotations.txt").unlink()
    with pytest.raises(DataNotFoundError, match="val_annotations.txt"):
        load_split("tiny_imagenet", data_dir=tmp_path)


def test_archive_of_another_layout_is_refused(original, tmp_path):
    as_zip_without_top(original / "train", tmp_path)
    with pytest.raises(ValueError, match=r"wnids\.txt"):
        load_split("tiny_imagenet", data_dir=tmp_path)
