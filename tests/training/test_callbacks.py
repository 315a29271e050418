from types import SimpleNamespace

from dat_keras.training.callbacks import (
    ProjectedTime,
    projection,
)
from dat_keras.utils.durations import duration


class Number:
    def __init__(self, value):
        self.value = value

    def numpy(self):
        return self.value


def attach(callback, **attributes):
    callback.set_model(SimpleNamespace(**attributes))
    return callback


def test_the_projection_times_steps_after_the_first():
    said = []
    times = iter([100.0, 110.0])
    callback = ProjectedTime(said.append, clock=lambda: next(times), after=5)
    attach(callback, total_steps=Number(1006), step=Number(6))
    callback.on_train_begin()
    for batch in range(10):
        callback.on_train_batch_end(batch)
    assert said == [projection(2.0, 1000)]
    assert "33 min" in said[0]


def test_a_run_of_days_is_told_what_would_shorten_it():
    assert "--limit" in projection(10.0, 10_000)
    assert "--limit" not in projection(1.0, 10_000)


def test_validation_and_closing_table_are_counted():
    said, times = [], iter([10.0, 70.0, 100.0])
    callback = ProjectedTime(said.append, clock=lambda: next(times))
    callback.set_params({"epochs": 4})
    callback.on_train_begin()
    for epoch in (1, 2):
        callback.on_epoch_begin(epoch)
        callback.on_test_begin()
        callback.on_test_end()
    (sentence,) = said
    assert "validation took 60 s" in sentence
    assert f"{duration(180.0)} more for 2 further" in sentence
