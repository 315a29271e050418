"""The transfer matrix: closed form on linear nets, masked gradients."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from dat_keras.cli import main
from dat_keras.evaluation.transfer import TransferMatrix, transfer_matrix

SHAPE = (4, 4, 1)
EPS = 1 / 16


class Steps(keras.layers.Layer):
    """The identity, rounded to 1/64: its gradient is zero."""

    def call(self, x):
        return tf.stop_gradient(tf.round(x * 64) / 64)


def linear(weights, masked=False):
    layers = [Steps()] if masked else []
    layers += [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input(SHAPE), *layers])
    kernel = np.stack([np.zeros(16), weights], -1).astype("f")
    bias = np.array([weights.sum() / 2 + 1 / 128, 0.0], "f")
    model.layers[-1].set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def pair():
    """Two linear nets whose margins are exact in float32, and images."""
    rng = np.random.default_rng(1)
    x = (rng.integers(8, 57, size=(40, *SHAPE)) / 64).astype("f")
    weights = rng.choice([-3, -1, 1, 3], size=(2, 16)).astype("f")
    gaps = [x.reshape(40, 16) @ w - w.sum() / 2 - 1 / 128 for w in weights]
    return x, (gaps[0] > 0).astype(int), weights, np.array(gaps)


def test_linear_nets_are_as_calculated(pair):
    x, y, weights, gaps = pair
    models = {name: linear(w) for name, w in zip("ab", weights, strict=True)}
    matrix = transfer_matrix(models, (x, y), "fgsm", eps=EPS, batch_size=16)
    towards = 1 - 2 * y
    for i in range(2):
        for j in range(2):
            # Each image goes to the corner that the attacked net fears most.
            gain = EPS * np.sign(weights[i]) @ weights[j]
            moved = gaps[j] + towards * gain
            wrong = ((moved > 0) != y) | ((gaps[j] > 0) != y)
            np.testing.assert_array_equal(matrix.broken[i, j], wrong)
    assert matrix.accuracy.shape == (2, 2)
    assert (matrix.worst_case <= matrix.accuracy.min(0)).all()
    np.testing.assert_array_equal(matrix.natural, (gaps > 0) != y)
    assert matrix.cautions == ()


def test_a_surrogate_finds_masked_gradients(pair):
    x, y, weights, _ = pair
    models = {"open": linear(weights[0]), "masked": linear(weights[0], True)}
    matrix = transfer_matrix(models, (x, y), "fgsm", eps=EPS)
    assert matrix.accuracy[0, 1] < matrix.accuracy[1, 1]
    zero_grad, caution = matrix.cautions
    assert zero_grad.code == "zero_grad"
    assert zero_grad.advice.startswith("masked: ")
    assert caution.code == "transfer_beats_white_box"
    assert "attacked on open" in caution.advice
    assert "more of masked" in caution.advice
    assert "warning: transfer_beats_white_box" in str(matrix)


def test_the_sign_test_needs_more_than_chance():
    broken = np.zeros((2, 2, 20), bool)
    broken[0, 1, :3] = True
    few = TransferMatrix(("a", "b"), broken, *_rest(20))
    broken = broken.copy()
    broken[0, 1, :6] = True
    assert few.cautions == () and len(few.cells()) == 5
    (found,) = TransferMatrix(("a", "b"), broken, *_rest(20)).cautions
    assert "break 6 images more of b" in found.advice


def _rest(count):
    return np.zeros((2, count), bool), "fgsm", "linf", EPS, "toy", 0


def test_one_model_is_refused(pair):
    x, y, weights, _ = pair
    with pytest.raises(ValueError, match="two or more classifiers by name"):
        transfer_matrix({"a": linear(weights[0])}, (x, y))


def test_the_command_prints_and_writes_the_matrix(tmp_path):
    for name in "ab":
        image = keras.Input((32, 32, 3), name="image")
        logits = keras.layers.Dense(10, name="logits")
        net = keras.Model(image, logits(keras.layers.Flatten()(image)))
        net.save(tmp_path / f"{name}.keras")
    files = [str(tmp_path / f"{name}.keras") for name in "ab"]
    file = tmp_path / "matrix.json"
    result = CliRunner().invoke(
        main,
        [
            *("transfer", *files, "--dataset", "shapes", "--attack", "fgsm"),
            *("--n-examples", "8", "--json", str(file)),
        ],
    )
    assert result.exit_code == 0, result.output
    data = json.loads(file.read_text())
    assert data["models"] == files and data["n_examples"] == 8
    assert np.shape(data["accuracy"]) == (2, 2)
    rows = [line.split()[0] for line in result.stdout.splitlines()[2:6]]
    assert rows == ["natural", *files, "worst"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("a.keras",), "transfer takes two or more"),
        (("a.keras", "b.keras", "--attack", "fgms"), "Did you mean 'fgsm'?"),
        (("a.keras", "b.keras", "--attack", "natural"), "Unknown attack"),
        (("a.keras", "a.keras"), "is given twice"),
        (("a.keras", "b.keras"), "neither a run folder nor"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, line):
    result = CliRunner().invoke(main, ["transfer", *arguments])
    assert result.exit_code == 2
    assert line in result.stderr.splitlines()[-1]
