"""`dat-keras evaluate` on several models or radii: one table, nothing lost."""

import json

import keras
import pytest
from click.testing import CliRunner

from dat_keras.cli import _evaluating, main
from dat_keras.evaluation.evaluate import evaluate as measure


def run(*arguments):
    arguments = ["evaluate", *(str(a) for a in arguments)]
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, side, classes in (("a", 32, 10), ("b", 32, 10), ("c", 8, 3)):
        keras.utils.set_random_seed(1)
        image = keras.Input((side, side, 3), name="image")
        logits = keras.layers.Dense(classes, name="logits")
        model = keras.Model(image, logits(keras.layers.Flatten()(image)))
        model.save(folder / f"{name}.keras")
    return folder


COMMON = ("--dataset", "shapes", "--n-examples", 8)
NATURAL = (*COMMON, "--attack", "natural")


@pytest.fixture
def never(monkeypatch):
    """Fails if anything is measured."""

    def refuse(*args, **kwargs):
        raise AssertionError("an evaluation began")

    monkeypatch.setattr(_evaluating, "evaluate", refuse)


@pytest.mark.parametrize(
    ("second", "arguments", "line"),
    [
        ("c.keras", (), "8, 8"),
        ("d.keras", (), "neither a run folder nor"),
        ("b.keras", ("--eps", "2/255,8"), "Did you mean 8/255?"),
        ("b.keras", ("--json", "/proc/no/r.json"), "there is no folder"),
        ("b.keras", ("--json", "/proc/r.json"), "Cannot write /proc/r.json"),
        ("b.keras", ("--weights", "last"), "those of a run folder"),
        ("b.keras", ("--resume",), "--resume continues AutoAttack"),
        ("b.keras", ("--eps", "0.1,0.1"), "--eps is given twice: 0.1"),
        ("a.keras", (), "is given twice: "),
    ],
)
def test_what_can_fail_early_fails_before_anything_is_measured(
    models, never, second, arguments, line
):
    result = run(models / "a.keras", models / second, *NATURAL, *arguments)
    assert result.exit_code == 2, result.output
    assert line in result.stderr.splitlines()[-1]
    assert result.stdout == ""


def test_a_missing_data_set_of_the_second_model_is_found_first(
    models, never, monkeypatch
):
    load = _evaluating.load_source

    def load_source(source, *args):
        found = load(source, *args)
        name = "shapes" if source.endswith("a.keras") else "./nowhere"
        return _evaluating.LoadedModel(found.model, name)

    monkeypatch.setattr(_evaluating, "load_source", load_source)
    result = run(models / "a.keras", models / "b.keras", *NATURAL[2:])
    assert result.exit_code == 2
    assert "nowhere" in result.stderr.splitlines()[-1]


def test_one_report_takes_one_radius(models, tmp_path):
    curve = (*COMMON, "--eps", "2/255,4/255", "--attack", "autoattack")
    for option in (
        ("--resume",),
        ("--save-adversarial", tmp_path / "a.npz"),
        ("--robustbench", tmp_path / "b.json"),
    ):
        result = run(models / "a.keras", *curve, *option)
        assert result.exit_code == 2
        assert "take one --eps. Received: 2" in result.stderr


def test_finished_reports_are_printed_and_written_when_a_later_one_fails(
    models, tmp_path, monkeypatch
):
    count = []

    def failing(*args, **kwargs):
        count.append(1)
        if len(count) == 2:
            raise MemoryError
        return measure(*args, **kwargs)

    monkeypatch.setattr(_evaluating, "evaluate", failing)
    target = tmp_path / "r.json"
    first, second = models / "a.keras", models / "b.keras"
    result = run(first, second, *NATURAL, "--json", target)
    assert result.exit_code == 1
    assert "out of memory" in result.stderr.splitlines()[-1]
    assert "a.keras" in result.stdout and "b.keras" not in result.stdout
    assert list(json.loads(target.read_text())) == [str(first)]


def test_a_curve_is_one_row_and_one_report_for_each_radius(models, tmp_path):
    target, source = tmp_path / "r.json", models / "a.keras"
    options = (*COMMON, "--attack", "fgsm", "--eps", "2/255,4/255,8/255")
    result = run(source, *options, "--json", target)
    assert result.exit_code == 0, result.output
    _, header, *rows = result.stdout.splitlines()
    assert header.split() == ["model", "eps", "natural", "fgsm"]
    radii = ["2/255", "4/255", "8/255"]
    assert [row.split()[1] for row in rows[:3]] == radii
    reports = json.loads(target.read_text())
    assert list(reports) == [f"{source} eps {eps}" for eps in radii]
    found = [report["eps"] for report in reports.values()]
    assert found == [2 / 255, 4 / 255, 8 / 255]
    accuracies = [r["attacks"]["fgsm"]["accuracy"] for r in reports.values()]
    assert accuracies == sorted(accuracies, reverse=True)
