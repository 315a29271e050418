"""Images along training, as they were written into a log."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.analysis.along_training import AMPLITUDE, COLUMNS, along_training

pytest.importorskip("tensorboard")


NAMES = (*COLUMNS.values(), AMPLITUDE)


def log(folder, epochs, level, names=NAMES):
    """Writes images of one value, which is the epoch, the name and the log's.

    In bytes it is `level + 10 * epoch + number of the name`; the second image
    of each epoch is white.
    """
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for epoch in epochs:
            for i, name in enumerate(names):
                value = (level + 10 * epoch + i) / 255
                images = np.ones((2, 3, 4, 1 if name == AMPLITUDE else 3), "f")
                images[0] = value
                tf.summary.image(name, images, epoch)
    writer.close()


def values(images):
    """The value of each image, which is constant."""
    flat = images.reshape(*images.shape[:-3], -1)
    assert (flat == flat[..., :1]).all()
    return flat[..., 0].tolist()


def test_epochs_are_rows_and_ratios_are_columns(tmp_path):
    log(tmp_path, (5, 0), 100)
    found = along_training(tmp_path)
    assert found.epochs == (0, 5)
    assert found.ratios == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert found.images.shape == (2, 5, 3, 4, 3)
    assert values(found.images) == [
        [100, 101, 102, 103, 104],
        [150, 151, 152, 153, 154],
    ]
    assert found.amplitudes.shape == (2, 3, 4, 1)
    assert values(found.amplitudes) == [105, 155]


def test_a_resumed_run_replaces_what_it_repeats(tmp_path):
    log(tmp_path, (0, 1), 0)
    (first,) = tmp_path.iterdir()
    # The names begin with the second of their making.
    first.rename(tmp_path / "events.out.tfevents.0")
    log(tmp_path, (1, 2), 100)
    found = along_training(tmp_path)
    assert found.epochs == (0, 1, 2)
    assert values(found.amplitudes) == [5, 115, 125]


def test_half_a_record_ends_the_log(tmp_path):
    log(tmp_path, (0, 1), 0)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    # The last record is the amplitude of epoch 1, which is left out.
    assert along_training(tmp_path).epochs == (0,)


def test_of_many_epochs_eight_are_shown(tmp_path):
    log(tmp_path, range(15), 0)
    assert along_training(tmp_path).epochs == (0, 2, 4, 6, 8, 10, 12, 14)


@pytest.mark.parametrize("names", [(), ("x", "x_adv"), tuple(COLUMNS.values())])
def test_other_logs_hold_none(names, tmp_path):
    log(tmp_path, (0,), 0, names)
    assert along_training(tmp_path) is None
    assert along_training(tmp_path / "nowhere") is None
