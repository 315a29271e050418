"""Extra images of a run: checked, labelled, kept for resuming."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from small_runs import NATURAL, FailAt, table

from dat_keras import data
from dat_keras.data import DataNotFoundError
from dat_keras.recipes import resolve
from dat_keras.recipes.extra_data import ExtraData
from dat_keras.training.extra_data import prepared, restored
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.train import train
from dat_keras.utils.errors import DamagedFileError

REAL, HELD, TEST = (
    np.random.default_rng(s).integers(0, 200, (40, 8, 8, 3)).astype(np.uint8)
    for s in range(3)
)
NAMES = tuple(f"class {i}" for i in range(10))


def split_of(images, name):
    return data.Split(images, np.arange(len(images)) % 10, NAMES, f"toy/{name}")


class Toy(data.Dataset):
    """Forty images of each part."""

    def open(self, data_dir):
        return {
            "train": lambda: split_of(REAL, "train"),
            "validation": lambda: split_of(HELD, "validation"),
            "test": lambda: split_of(TEST, "test"),
        }


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(data.DATASETS, "toy", Toy())


@pytest.fixture
def source(tmp_path):
    """Twenty images; two are test images, one of them brighter, one is held."""
    draw = np.random.default_rng(9)
    images = draw.integers(0, 200, (20, 8, 8, 3)).astype(np.uint8)
    images[4], images[6] = TEST[2], TEST[3] + np.uint8(20)
    images[11] = HELD[0]
    path = tmp_path / "extra.npz"
    np.savez(path, image=images, label=np.arange(20) % 10)
    return path


def recipe_of(source, **fields):
    extra = ExtraData(str(source), 0.5, **fields)
    small = {"limit": None, "batch_size": 8, "epochs": 2}
    return replace(NATURAL, dataset="toy", extra=extra, **small)


def begun(recipe, lines=None, load=None):
    batches = data.Batches(split_of(REAL, "train"), 8)
    say = (lambda line: None) if lines is None else lines.append
    held = split_of(HELD, "validation")
    return batches, prepared(recipe, batches, held, None, load, say)


def test_duplicates_of_test_and_validation_images_are_removed(source):
    lines = []
    _, extra = begun(recipe_of(source), lines)
    assert extra.removed.exact.tolist() == [4, 11]
    assert extra.removed.near.tolist() == [6]
    kept = [i for i in range(20) if i not in (4, 6, 11)]
    assert extra.rows.tolist() == kept
    assert extra.batches.extra.labels.tolist() == [i % 10 for i in kept]
    assert lines == [
        f"extra: 20 images of {source}; removed as duplicates of test and "
        "validation images: 2 exact (rows 4, 11) and 1 near ones (rows 6), "
        "whose dHash differs in at most 10 of 128 bits"
    ]


def test_a_source_of_test_images_alone_is_refused(tmp_path):
    np.savez(tmp_path / "leak.npz", image=TEST, label=np.arange(40) % 10)
    with pytest.raises(ValueError, match="all 40 were removed"):
        begun(recipe_of(tmp_path / "leak.npz"))


def test_a_run_gets_its_images_and_labels_back(source, tmp_path):
    net = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    recipe, lines = recipe_of(source, labels="net"), []
    batches, extra = begun(recipe, lines, {"net": net}.get)
    assert "labelled by net, confidence: 10 % below" in lines[1]
    extra.write(tmp_path / "kept.npz")
    # No labeller is loaded: its labels are in the file.
    again = restored(recipe, batches, None, tmp_path / "kept.npz")
    for step in (0, 7):
        pairs = zip(
            extra.batches.batch(step), again.batches.batch(step), strict=True
        )
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
    assert again.removed.exact.tolist() == [4, 11]


def test_other_images_or_a_damaged_file_are_refused(source, tmp_path):
    recipe = recipe_of(source)
    batches, extra = begun(recipe)
    extra.write(tmp_path / "kept.npz")
    with np.load(source) as file:
        image, label = file["image"], file["label"]
    image[0, 0, 0, 0] ^= 1
    np.savez(source, image=image, label=label)
    with pytest.raises(ValueError, match="other extra images than are there"):
        restored(recipe, batches, None, tmp_path / "kept.npz")
    image[0, 0, 0, 0] ^= 1
    np.savez(source, image=image, label=label)
    (tmp_path / "kept.npz").write_bytes(b"cut")
    with pytest.raises(DamagedFileError, match="again with --overwrite"):
        restored(recipe, batches, None, tmp_path / "kept.npz")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"source": "no.npz"}, DataNotFoundError),
        ({"fraction": 0.01}, ValueError),
        ({"source": None}, ValueError),
    ],
)
def test_bad_settings_leave_nothing_behind(source, tmp_path, change, error):
    recipe = recipe_of(source)
    recipe = replace(recipe, extra=replace(recipe.extra, **change))
    with pytest.raises(error):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_without_images_are_refused():
    with pytest.raises(ValueError, match="for the images of `extra.source`"):
        resolve({"settings": ("extra.fraction=0.5",)})
    assert resolve({"settings": ("extra.source=a.npz",)}).extra == ExtraData(
        "a.npz", 0.7
    )


@pytest.mark.thorough
def test_a_run_cut_off_resumes_with_the_same_bits(source, tmp_path):
    """Labelled by a run; the labeller is gone when the run is resumed."""
    fields = {"dataset": "toy", "limit": None, "validation_images": 40}
    labeller, whole, cut = (tmp_path / name for name in ("net", "a", "b"))
    train(replace(NATURAL, **fields), labeller)
    extra = ExtraData(str(source), 0.7, str(labeller))
    recipe = replace(NATURAL, **fields, extra=extra)
    train(recipe, whole)
    stop = FailAt(7, KeyboardInterrupt())
    options = RunOptions(callbacks=(stop,), checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, cut, options=options)
    labeller.rename(tmp_path / "gone")
    train(recipe, cut, options=RunOptions(resume=True))
    for name in ("best.safetensors", "last.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    assert table(cut) == table(whole)
