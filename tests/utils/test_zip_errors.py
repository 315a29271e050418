"""What `numpy.load` raises for damaged archives is listed, method by method."""

import io

import numpy as np
import pytest

from dat_keras.utils.zip_errors import ZIP_ERRORS

FLAGS, METHOD = 8, 10
"""Offsets of an entry of the directory at an archive's end."""


def archive():
    file = io.BytesIO()
    np.savez_compressed(file, x=np.arange(100))
    return bytearray(file.getvalue())


def with_field(offset, value):
    content = archive()
    content[content.index(b"PK\x01\x02") + offset] = value
    return content


def with_byte(at):
    content = archive()
    content[at] ^= 255
    return content


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (with_field(FLAGS, 1), RuntimeError),  # encrypted
        (with_field(METHOD, 1), NotImplementedError),
        (archive()[:-30], None),
        (with_byte(70), None),
    ],
    ids=["encrypted", "unknown method", "cut", "flipped"],
)
def test_damage_is_told(content, kind):
    with pytest.raises(ZIP_ERRORS) as caught:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            file["x"]
    assert kind in (None, caught.type)
