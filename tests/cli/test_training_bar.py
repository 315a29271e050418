"""What a terminal of 80 columns sees of a training."""

import io
import pickle
import re
from functools import partial

import pytest
from rich.console import Console

from dat_keras.cli._training_bar import TrainingBar, epoch_line, training_bar

LOGS = {f"train_metric_{i}": 1.0 for i in range(20)}


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def bar(screen):
    """A bar whose clock goes a second further at each reading."""
    seconds = iter(range(1000))
    console = partial(
        Console, file=screen, force_terminal=True, width=80, color_system=None
    )
    bar = TrainingBar(console, clock=lambda: next(seconds))
    bar.set_params({"epochs": 2, "steps": 1500})
    yield bar
    bar.close()


def drawn(bar, screen):
    """The lines on the screen after everything is drawn once more."""
    if bar._display is not None:
        bar._display.refresh()
    text = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "\n", screen.getvalue())
    return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def test_something_moves_from_compiling_to_the_end_of_validation(bar, screen):
    bar.on_train_begin()
    assert "compiling" in drawn(bar, screen)[-1]
    bar.on_epoch_begin(0)
    assert "epoch 1/2 compiling" in drawn(bar, screen)[-1]
    bar.on_train_batch_end(0, {"loss": 1.25, **LOGS})
    assert "epoch 1/2 loss 1.2500" in drawn(bar, screen)[-1]
    assert "1/1500" in drawn(bar, screen)[-1]
    bar.on_test_begin()
    assert "epoch 1/2 validating" in drawn(bar, screen)[-1]
    bar.on_test_batch_end(0)
    bar.on_test_batch_end(1)
    assert "2/?" in drawn(bar, screen)[-1]
    bar.on_test_end()
    bar.on_epoch_end(0, {"loss": 1.5, "val_accuracy": 0.5, **LOGS})
    lines = drawn(bar, screen)
    assert "epoch 1/2: 3 s, loss 1.5000, validation 50.00%" in lines
    # The length of a validation is known from the first on.
    bar.on_epoch_begin(1)
    bar.on_test_begin()
    assert "0/2" in drawn(bar, screen)[-1]
    assert not any("train_metric" in line for line in drawn(bar, screen))


def test_a_line_is_never_wider_than_the_terminal(bar, screen):
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    bar._name = "epoch 100000/100000"
    bar.on_train_batch_end(1498, {"loss": 123456.5, **LOGS})
    (line,) = drawn(bar, screen)[-1:]
    assert "…" in line and "1499/1500" in line and "left" in line
    bar.on_test_begin()
    bar.on_test_batch_end(7)
    bar.on_train_end()
    assert max(map(len, drawn(bar, screen))) <= 80


def test_a_sentence_stands_above_the_line_and_is_not_broken(bar, screen):
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    sentence = "projected time: [12 min] " + 12 * "and more "
    bar.say(sentence)
    assert sentence.strip() in drawn(bar, screen)
    assert "epoch 1/2" in drawn(bar, screen)[-1]


def test_a_training_that_ends_by_an_error_closes_the_line(screen):
    with pytest.raises(KeyboardInterrupt), training_bar(True) as bar:
        bar.make_console = partial(Console, file=screen, force_terminal=True)
        bar.on_train_begin()
        display = bar._display
        raise KeyboardInterrupt
    assert not display.live.is_started
    with training_bar(False) as bar:
        assert bar is None


def test_it_can_be_sent_to_the_process_of_a_run():
    assert pickle.loads(pickle.dumps(TrainingBar())).make_console is None


def test_the_line_of_an_epoch_fits_80_columns():
    logs = {"loss": 10.12345, "val_accuracy": 1.0, "val_robust_accuracy": 1.0}
    line = epoch_line("epoch 1000/1000", 86400.0, {**LOGS, **logs})
    assert line.endswith("loss 10.1235, validation 100.00%, robust 100.00%")
    assert len(line) <= 80
