import numpy as np
import pytest
from tfds_folder import prepare

from dat_keras.data import load, load_split
from dat_keras.data.base import DataNotFoundError


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    prepare("cifar10", "3.0.2", folder)
    prepare("toy_images", "1.0.0", folder)
    return folder


@pytest.mark.parametrize("name", ["cifar100", "mnist"])
def test_unprepared_set_without_network_is_one_line(
    name, tmp_path, no_network, caplog
):
    with pytest.raises(DataNotFoundError) as error:
        load_split(name, data_dir=tmp_path)
    message = str(error.value)
    assert f"not prepared in {tmp_path}/{name}" in message
    assert "does not answer" in message and "t.builder(" in message
    assert "\n" not in message
    assert caplog.text == ""
    assert list(tmp_path.iterdir()) == []


def test_host_that_answers_starts_the_download(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    asked, started = [], []

    class Connection:
        def close(self):
            pass

    def connect(address, timeout):
        asked.append((address, timeout))
        return Connection()

    def prepare(self, *, download_config):
        started.append(self.name)
        raise OSError("the line broke\nin the middle")

    monkeypatch.setattr("socket.create_connection", connect)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", prepare
    )
    with pytest.raises(DataNotFoundError, match="failed: the line broke. Pre"):
        load_split("cifar100", data_dir=tmp_path)
    assert asked == [(("www.cs.toronto.edu", 443), 3.0)]
    assert started == ["cifar100"]


def test_proxy_is_asked_where_there_is_one(tmp_path, monkeypatch):
    asked = []

    def refuse(address, timeout):
        asked.append(address)
        raise OSError

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr(
        "urllib.request.getproxies", lambda: {"https": "http://gate:3128"}
    )
    monkeypatch.setattr("urllib.request.proxy_bypass", lambda host: False)
    with pytest.raises(DataNotFoundError):
        load_split("cifar100", data_dir=tmp_path)
    assert asked == [("gate", 3128)]


@pytest.mark.parametrize("name", ["cifar10", "toy_images"])
def test_prepared_set_is_read_without_network(
    name, data_dir, no_network, caplog, capsys
):
    test = load_split(name, "test", data_dir=data_dir)
    assert test.images.shape == (10, 32, 32, 3)
    pixels = test.images[:, 0, 0, 0].astype(int)
    assert sorted(pixels) == list(range(100, 110))
    np.testing.assert_array_equal(test.labels, pixels % 10)
    assert test.labels.dtype == np.int32
    again = load_split(name, "test", data_dir=str(data_dir))
    assert again.fingerprint() == test.fingerprint()
    assert caplog.text == ""
    assert capsys.readouterr().out == ""


def test_two_percent_or_one_of_each_class_are_held_out(data_dir, no_network):
    train, validation = load(
        "toy_images", ("train", "validation"), data_dir=data_dir, batch_size=5
    )
    assert (len(train.split), len(validation.split)) == (50, 10)
    pixels = [b.split.images[:, 0, 0, 0] for b in (train, validation)]
    assert sorted(np.concatenate(pixels)) == list(range(60))


def test_set_without_classes_is_refused(tmp_path, no_network):
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(32, 32, 3)),
            "label": tfds.features.Scalar(np.int64),
        }
    )
    prepare("depths", "1.0.0", tmp_path, features)
    with pytest.raises(ValueError, match="`depths` is not an image-class"):
        load_split("depths", data_dir=tmp_path)


def test_set_of_many_sizes_is_refused(tmp_path, no_network):
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    prepare("sizes", "1.0.0", tmp_path, features)
    with pytest.raises(ValueError, match=r"of one size.*\(None, None, 3\)"):
        load_split("sizes", data_dir=tmp_path)


def test_cifar10_splits(cifar10):
    sizes = {name: len(split) for name, split in cifar10.items()}
    assert sizes == {"train": 49_000, "validation": 1_000, "test": 10_000}
    assert cifar10["train"].class_names[:2] == ("airplane", "automobile")
    counts = sum(
        np.bincount(cifar10[name].labels) for name in ("train", "validation")
    )
    assert counts.tolist() == [5000] * 10
    assert np.bincount(cifar10["validation"].labels).min() > 60


def test_cifar10_validation_shares_no_image_with_the_others(cifar10):
    held = {image.tobytes() for image in cifar10["validation"].images}
    train = {image.tobytes() for image in cifar10["train"].images}
    test = {image.tobytes() for image in cifar10["test"].images}
    # CIFAR-10 itself repeats a few images.
    assert len(held & train) < 10
    assert len(held & test) < 10
