"""Data frames of reports, and the sentence where pandas is missing."""

import importlib.util

import pandas
import pytest

from dat_keras.utils.data_frame import data_frame
from dat_keras.utils.errors import MissingPackageError


def test_rows_and_columns_give_the_same_frame():
    rows = data_frame({"a": i, "b": 2 * i} for i in range(3))
    columns = data_frame({"a": [0, 1, 2], "b": [0, 2, 4]})
    pandas.testing.assert_frame_equal(rows, columns)


def test_a_missing_pandas_is_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"dat-keras\[pandas\]"):
        data_frame([])
