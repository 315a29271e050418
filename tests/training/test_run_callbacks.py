"""The history and the best weights of a run."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from dat_keras.objectives import DAT, Natural
from dat_keras.optimizers.schedules import StepDropConfig
from dat_keras.training.run_callbacks import (
    BestClassifier,
    HistoryCSV,
    LogLearningRate,
)


def test_history_drops_the_rows_of_a_killed_epoch(tmp_path):
    history = HistoryCSV(tmp_path / "h.csv")
    history.set_model(SimpleNamespace(step=tf.Variable(7)))
    for epoch, loss in [(0, 3.0), (1, 2.0), (2, 1.0), (1, 2.5)]:
        history.on_epoch_begin(epoch)
        history.on_epoch_end(epoch, {"loss": np.float32(loss)})
    assert [(r["epoch"], r["loss"]) for r in history.rows()] == [
        ("0", "3"),
        ("1", "2.5"),
    ]


def test_best_is_judged_by_robust_then_natural_accuracy(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        "dat_keras.training.run_callbacks.save_classifier",
        lambda model, path: saved.append(1),
    )
    history = HistoryCSV(tmp_path / "h.csv")
    best = BestClassifier(tmp_path / "best", history)
    for callback in (history, best):
        callback.set_model(
            SimpleNamespace(step=tf.Variable(0), objective=DAT())
        )
    scores = [(0.2, 0.5), (0.3, 0.4), (0.3, 0.4), (0.3, 0.6), (0.1, 0.9)]
    counts = []
    for epoch, (robust, natural) in enumerate(scores):
        logs = {"val_robust_accuracy": robust, "val_accuracy": natural}
        history.on_epoch_begin(epoch)
        history.on_epoch_end(epoch, logs)
        best.on_epoch_end(epoch, logs)
        counts.append(len(saved))
    assert counts == [1, 2, 2, 3, 3]


def test_natural_training_is_judged_by_natural_accuracy():
    assert Natural().selects_by == ("accuracy",)


def test_the_logged_rate_is_that_of_the_epochs_last_step():
    rates = StepDropConfig((1, 2), 0.1).build(0.4, 3, 5)
    logging, logs = LogLearningRate(rates, 0.5), {}
    for step, rate in ((5, 0.2), (10, 0.02), (15, 0.002)):
        logging.set_model(SimpleNamespace(step=tf.Variable(step)))
        logging.on_epoch_end(0, logs)
        np.testing.assert_allclose(logs["learning_rate"], rate, rtol=1e-6)
    constant = LogLearningRate(0.4)
    optimizer = SimpleNamespace(learning_rate=tf.Variable(0.3))
    constant.set_model(SimpleNamespace(optimizer=optimizer))
    constant.on_epoch_end(0, logs)
    np.testing.assert_allclose(logs["learning_rate"], 0.3, rtol=1e-6)
