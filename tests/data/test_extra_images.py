"""Extra images of a file, a folder and a name; what does not fit is refused."""

import pickle

import numpy as np
import pytest
from toy_splits import make_split

from dat_keras.data import DATASETS, DataNotFoundError, Dataset
from dat_keras.data.extra_images import read_extra
from dat_keras.data.split import Split
from dat_keras.utils.errors import DamagedFileError

REAL = Split(
    np.zeros((3, 8, 8, 3), np.uint8),
    np.arange(3),
    ("blue", "green", "red"),
    "colours/train",
)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("u1")
LABELS = np.array([2, 0, 1, 1, 0])


class Opened:
    """Says when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a file was unpickled",)


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "made.npz", **arrays)
        return str(tmp_path / "made.npz")

    return write


def test_a_file_is_read_with_its_labels_or_without(save):
    source = save(image=IMAGES, label=LABELS)
    split = read_extra(source, REAL, None)
    np.testing.assert_array_equal(split.images, IMAGES)
    assert split.labels.tolist() == LABELS.tolist()
    assert (split.class_names, split.name) == (REAL.class_names, "made.npz")
    unlabelled = read_extra(save(image=IMAGES), REAL, None, labelled=False)
    assert unlabelled.labels.tolist() == [0] * 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": IMAGES}, "arrays image and label. Received: image"),
        ({"x": IMAGES, "y": LABELS}, "Received: x, y"),
        ({"image": IMAGES / 255, "label": LABELS}, "Received: float64"),
        ({"image": IMAGES[..., 0], "label": LABELS}, "must be uint8 of shape"),
        ({"image": IMAGES[:, :4], "label": LABELS}, r"Received: \(4, 8, 3\)"),
        (
            {"image": IMAGES.transpose(0, 3, 1, 2), "label": LABELS},
            r"Received: \(3, 8, 8\)",
        ),
        (
            {"image": IMAGES, "label": LABELS[:3]},
            r"shape \(5,\), one per image",
        ),
        (
            {"image": IMAGES, "label": LABELS + 1},
            "label 3 at row 0 of made.npz",
        ),
        ({"image": IMAGES, "label": LABELS - 1}, "label -1 at row 1"),
        ({"image": IMAGES, "label": LABELS + 2**32}, "label 42949672"),
        ({"image": IMAGES, "label": LABELS / 1}, "integers. Received: float64"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(save, arrays, message):
    with pytest.raises(ValueError, match=message):
        read_extra(save(**arrays), REAL, None)


def test_a_file_is_never_unpickled(tmp_path, save):
    boxed = np.array([Opened()], dtype=object)
    sources = [save(image=boxed, label=LABELS)]
    for name, content in (("a", pickle.dumps(Opened())), ("b", b"no zip")):
        (tmp_path / f"{name}.npz").write_bytes(content)
        sources.append(str(tmp_path / f"{name}.npz"))
    cut = tmp_path / "cut.npz"
    whole = save(image=IMAGES, label=LABELS)
    with open(whole, "rb") as file:
        cut.write_bytes(file.read()[:-40])
    for source in (*sources[1:], str(cut)):
        with pytest.raises(DamagedFileError, match="cannot read"):
            read_extra(source, REAL, None)
    with pytest.raises(DamagedFileError, match="allow_pickle=False"):
        read_extra(save(image=boxed, label=LABELS), REAL, None)


def test_folders_of_classes(colours, tmp_path):
    for source in (colours, colours / "train"):
        split = read_extra(str(source), REAL, None)
        assert len(split) == 36 and split.class_names == REAL.class_names
        # The channel of a class is the brightest.
        means = np.asarray(split.images[:]).mean((1, 2))
        np.testing.assert_array_equal(means.argmax(-1), split.labels)
    other = Split(REAL.images, REAL.labels, ("blue", "green", "x"), "o/train")
    with pytest.raises(ValueError, match="classes that are in o/train.*'red'"):
        read_extra(str(colours), other, None)
    # A labeller asks for no names of classes.
    split = read_extra(str(colours / "train"), other, None, labelled=False)
    assert len(split) == 36 and not split.labels.any()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match="must hold images"):
        read_extra(str(tmp_path / "empty"), REAL, None)


class Toy(Dataset):
    """A set with a training part alone."""

    def open(self, data_dir):
        return {"train": lambda: make_split(20)}


def test_a_named_set_must_have_the_classes_or_a_labeller(monkeypatch):
    monkeypatch.setitem(DATASETS, "toy", Toy())
    # All of it: nothing is held out of extra images.
    assert len(read_extra("toy", make_split(3), None)) == 20
    named = make_split(3).images, make_split(3).labels, tuple("abcd"), "letters"
    with pytest.raises(ValueError, match="classes of letters, a, b, c, d"):
        read_extra("toy", Split(*named), None)
    split = read_extra("toy", Split(*named), None, labelled=False)
    assert split.class_names == tuple("abcd") and not split.labels.any()
    with pytest.raises(ValueError, match="size of those of colours/train"):
        read_extra("toy", REAL, None, labelled=False)


@pytest.mark.parametrize("source", ["no.npz", "./no", "/no/such", "~/no/such"])
def test_missing_paths_are_named(source):
    with pytest.raises(DataNotFoundError, match=f"{source}, which is not"):
        read_extra(source, REAL, None)
