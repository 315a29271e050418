from pathlib import Path

import pytest

CIFAR = Path(__file__).parents[3] / "shared" / "tfds"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture(scope="session")
def cifar10():
    if not (CIFAR / "cifar10").is_dir():
        pytest.skip(f"needs CIFAR-10 prepared in {CIFAR}")
    from dat_keras.data.base import read_splits
    from dat_keras.data.tfds_source import TFDSImages

    names = ("train", "validation", "test")
    source = TFDSImages("cifar10", held_out=1_000)
    return dict(zip(names, read_splits(source, names, CIFAR), strict=True))
