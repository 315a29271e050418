"""`dk.evaluate` takes whatever `dk.load_model` takes."""

import inspect

import numpy as np
import pytest

import dat_keras as dk
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.zoo.errors import NotFoundError


@pytest.fixture
def data():
    x = np.random.default_rng(0).random((6, 8, 8, 3), np.float32)
    return x, np.arange(6) % 4


def test_a_file_is_its_model(tiny_model, data, tmp_path):
    path = tmp_path / "net.keras"
    tiny_model.save(path)
    expected = evaluate(tiny_model, data, "natural,fgsm")
    for name in (path, str(path)):
        report = dk.evaluate(name, data, "natural,fgsm")
        assert report.model == expected.model
        assert report["fgsm"].accuracy == expected["fgsm"].accuracy


def test_other_names_are_refused(data):
    with pytest.raises(NotFoundError, match="Unknown zoo model 'no-such'"):
        dk.evaluate("no-such", data)
    with pytest.raises(ValueError, match="comes first. Received: None"):
        dk.evaluate(None, data)


def test_the_signature_is_that_of_evaluate():
    ours, theirs = map(inspect.signature, (dk.evaluate, evaluate))
    assert ours == theirs
