"""Logs of an interrupted and resumed run: TensorBoard, W&B offline, MLflow."""

import csv
import importlib.util
import json
import struct

import pytest
import tensorflow as tf
from small_runs import NATURAL, FailAt

from dat_keras.cli._names import LOGS
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.loggers import LOGGERS, check_log
from dat_keras.training.train import train
from dat_keras.utils.errors import LogError, MissingPackageError

NAMES = ("loss", "val_accuracy", "val_robust_accuracy", "val_loss")
OFFLINE = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


@pytest.fixture(scope="module")
def logged(tmp_path_factory, small_shapes):
    """A run of two epochs that ended inside the second and was resumed.

    Yields its folder, and its history: the numbers of each epoch.
    """
    folder = tmp_path_factory.mktemp("logged")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in OFFLINE.items():
            patch.setenv(name, value)
        patch.setenv("MLFLOW_TRACKING_URI", (folder / "mlruns").as_uri())
        options = RunOptions(
            log=LOGS, callbacks=[FailAt(4, KeyboardInterrupt())]
        )
        with pytest.raises(KeyboardInterrupt):
            train(NATURAL, folder / "run", options=options)
        options = RunOptions(log=LOGS, resume=True)
        train(NATURAL, folder / "run", options=options)
        with (folder / "run" / "history.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["0", "1"]
        history = {
            name: [pytest.approx(float(row[name]), rel=1e-5) for row in rows]
            for name in NAMES
        }
        yield folder, history


@pytest.mark.thorough
def test_tensorboard_has_each_epoch_and_the_recipe(logged):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    folder, history = logged
    parts = {
        part: EventAccumulator(str(folder / "run" / "logs" / part)).Reload()
        for part in ("train", "validation")
    }
    for name in NAMES:
        part = "validation" if name.startswith("val_") else "train"
        events = parts[part].Tensors(f"epoch_{name.removeprefix('val_')}")
        found = {e.step: float(tf.make_ndarray(e.tensor_proto)) for e in events}
        assert found == dict(enumerate(history[name]))
    (first, *_) = parts["train"].Tensors("recipe")
    assert "batch_size = 8" in str(tf.make_ndarray(first.tensor_proto))


@pytest.mark.thorough
def test_mlflow_has_one_run_with_each_epoch_and_the_recipe(logged):
    mlflow = pytest.importorskip("mlflow")
    folder, history = logged
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FINISHED"
    assert run.info.run_name == NATURAL.name
    assert run.data.params["objective"] == "Natural"
    assert run.data.params["batch_size"] == "8"
    assert not [name for name in run.data.metrics if "validation" in name]
    for name in (*NAMES, "learning_rate"):
        found = client.get_metric_history(run.info.run_id, name)
        assert [each.step for each in found] == [0, 1]
        if name in history:
            assert [each.value for each in found] == history[name]


@pytest.mark.thorough
def test_wandb_offline_has_one_id_with_each_epoch_and_the_recipe(logged):
    pytest.importorskip("wandb")
    folder, history = logged
    files = sorted((folder / "run" / "logs").glob("wandb/*run-*/*.wandb"))
    identity = (folder / "run" / "logs" / "wandb-run-id").read_text()
    assert {file.stem for file in files} == {f"run-{identity}"}
    config, rows = {}, {}
    for record in (each for file in files for each in records(file)):
        for item in (*record.run.config.update, *record.config.update):
            config[item.key] = json.loads(item.value_json)
        if record.HasField("history"):
            row = {
                "/".join(item.nested_key) or item.key: item.value_json
                for item in record.history.item
            }
            rows[int(row["epoch/epoch"])] = row
    assert config["batch_size"] == 8
    assert config["objective"]["class"] == "Natural"
    for name in NAMES:
        found = [float(rows[epoch][f"epoch/{name}"]) for epoch in (0, 1)]
        assert found == history[name]


def records(file):
    """What W&B wrote offline: a header, then framed protocol buffers."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place = file.read_bytes(), 7
    while place < len(data):
        _, size, whole = struct.unpack_from("<IHB", data, place)
        assert whole == 1, "a file of several blocks of 32 KiB"
        place += 7 + size
        yield Record.FromString(data[place - size : place])


def test_unknown_logs_and_missing_packages_are_one_sentence(monkeypatch):
    assert tuple(LOGGERS) == LOGS
    with pytest.raises(ValueError, match="Did you mean 'wandb'"):
        RunOptions(log=("wandbb",))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"dat-keras\[mlflow\]"):
        check_log("mlflow")


def test_a_log_that_cannot_begin_is_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    (tmp_path / "mlflow-run-id").write_text("0" * 32)
    with pytest.raises(LogError, match="cannot begin or resume"):
        LOGGERS["mlflow"](tmp_path, NATURAL).__enter__()
