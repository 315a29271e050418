"""`dat-keras bench`: what it prints, and its one-line errors."""

import json

import pytest
from click.testing import CliRunner

from dat_keras.cli import main

SMALL = [
    *("--method", "natural", "--batch-size", "2", "--image-size", "8"),
    *("--set", "width=2", "--steps", "1"),
]


def run(*arguments):
    return CliRunner().invoke(main, ["bench", *arguments])


@pytest.mark.thorough
def test_a_step_is_measured_for_people():
    text = run(*SMALL)
    assert text.exit_code == 0, text.output
    assert text.stdout.startswith("recipe")
    assert "natural-cifar10-resnet8, batch 2" in text.stdout


def test_a_step_is_measured_for_machines():
    result = run(*SMALL, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["passes"] == {"forward": 1, "to_input": 0, "to_weights": 1}
    assert len(found["seconds"]) == 1
    assert found["machine"]["cores"]


def test_an_unknown_method_is_one_line_with_the_nearest_name():
    result = run("--method", "naturl")
    assert result.exit_code == 2
    assert "Did you mean 'natural'?" in result.stderr
    assert len(result.stderr.splitlines()) == 1
