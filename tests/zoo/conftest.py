"""A local Hub, a client that can reach nothing else, and a tiny run."""

import os
import socket
import threading
from dataclasses import replace

import huggingface_hub
import numpy as np
import pytest
from click.testing import CliRunner
from hub_server import Hub
from zoo_runs import CLASSES, TOKENS, WRITE, make_run

from dat_keras.cli import main
from dat_keras.data import load_split
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.training.run_info import load_classifier
from dat_keras.zoo.bundle.write import base_of, from_run, write_bundle


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "dat")


@pytest.fixture(scope="session")
def other_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "other", seed=2)


@pytest.fixture(scope="session")
def split():
    """Four images of the run's size and classes."""
    split = load_split("shapes", "test").take(4)
    images = split.images[:, ::4, ::4]
    return replace(
        split, images=images, labels=split.labels % 3, class_names=CLASSES
    )


@pytest.fixture(scope="session")
def report(run, split, tmp_path_factory):
    """A report on the run's weights, as `evaluate --json` writes it."""
    path = tmp_path_factory.mktemp("reports") / "r.json"
    evaluate(load_classifier(run).model, split, "natural,fgsm").save(path)
    return path


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch):
    """Any other host is a failure."""
    known = socket.getaddrinfo

    def look_up(host, *args, **kwargs):
        if host not in ("127.0.0.1", b"127.0.0.1"):
            raise AssertionError(f"asked for {host}")
        return known(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith(("HF_", "HUGGING"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "hf"
    for name, value in {
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HUB_OFFLINE": False,
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
    }.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    server = Hub()
    server.tokens.update(TOKENS)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    huggingface_hub.close_session()
    server.close()
    left = [t.name for t in threading.enumerate() if "process_req" in t.name]
    assert not left, "the server left threads behind"


@pytest.fixture
def waits(monkeypatch):
    """The seconds that somebody would have slept."""
    asked = []
    monkeypatch.setattr("time.sleep", asked.append)
    return asked


@pytest.fixture
def cli():
    """Runs `dat-keras`; every output is searched for tokens."""

    def call(*arguments, env=None, code=0):
        arguments = [str(argument) for argument in arguments]
        result = CliRunner().invoke(main, arguments, env=env)
        for token in TOKENS:
            assert token not in result.output
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


@pytest.fixture
def push(cli, run):
    """Pushes the run as alice."""

    def call(*arguments, repo="alice/net", source=None, code=0):
        fixed = ("--license", "mit", "--token", WRITE)
        return cli("push", source or run, repo, *fixed, *arguments, code=code)

    return call


@pytest.fixture(scope="session")
def net(run):
    """The model that is published: branch 0 of the run's."""
    return base_of(load_classifier(run).model)


@pytest.fixture(scope="session")
def published(run, report, tmp_path_factory):
    """The files of the run's repository, by path."""
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(from_run(run, "best", [report]), folder, "alice/net", "mit")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def on_hub(hub, published):
    """The Hub with the run at `alice/net`."""
    hub.put("alice/net", published)
    return hub


@pytest.fixture
def images():
    return np.random.default_rng(5).uniform(size=(6, 8, 8, 3)).astype("f")
