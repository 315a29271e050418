import errno
import os

import keras
import numpy as np
import pytest

from dat_keras.core.weights import (
    fingerprint,
    load_weights,
    save_weights,
    write_whole,
)
from dat_keras.utils.errors import DamagedFileError


def net(units=3, name="dense"):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units, name=name)], name="net"
    )


def test_round_trip(tmp_path):
    saved, other = net(), net()
    other.layers[0].kernel.assign(np.zeros((4, 3)))
    path = tmp_path / "w.safetensors"
    digest = save_weights(saved, path)
    assert fingerprint(other) != digest
    assert load_weights(other, path) == digest == fingerprint(other)
    kernels = [model.layers[0].kernel for model in (other, saved)]
    np.testing.assert_array_equal(*kernels)


class Scaled(keras.layers.Layer):
    """A layer with a weight that is a single number."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        return self.scale * x


def test_scalars_keep_their_shape(tmp_path):
    saved, other = (
        keras.Sequential([keras.Input((2,)), Scaled(name="s")], name="net")
        for _ in range(2)
    )
    saved.layers[0].scale.assign(3.0)
    digest = save_weights(saved, tmp_path / "w")
    assert load_weights(other, tmp_path / "w") == digest
    assert other.layers[0].scale.numpy() == np.float32(3.0)


def test_equal_weights_make_equal_files(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        save_weights(net(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = net()
    model.layers[0].bias.assign([0.0, np.nan, 0.0])
    with pytest.raises(ValueError, match="bias` is not finite"):
        save_weights(model, tmp_path / "w")
    assert not list(tmp_path.iterdir())


def test_a_truncated_file_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "w"
    save_weights(net(), path)
    path.write_bytes(path.read_bytes()[:-5])
    model = net()
    before = fingerprint(model)
    with pytest.raises(DamagedFileError, match="cannot read"):
        load_weights(model, path)
    assert fingerprint(model) == before


@pytest.mark.parametrize(
    ("other", "message"),
    [(net(units=2), "shape"), (net(name="head"), "weights differ")],
)
def test_weights_of_another_model_are_refused(tmp_path, other, message):
    save_weights(net(), tmp_path / "w")
    with pytest.raises(DamagedFileError, match=message):
        load_weights(other, tmp_path / "w")


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "w"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        write_whole(path, write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
