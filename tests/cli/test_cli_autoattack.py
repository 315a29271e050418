"""`dat-keras evaluate --attack autoattack`: state, images, entry."""

import json
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from dat_keras.attacks import APGD, EachTarget, Square, TargetedDLR
from dat_keras.cli import main
from dat_keras.data import load_split
from dat_keras.evaluation import resume_state
from dat_keras.evaluation.resume_state import ResumeFolder


def run(*arguments):
    arguments = ["evaluate", *(str(a) for a in arguments)]
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    keras.utils.set_random_seed(1)
    image = keras.Input((32, 32, 3), name="image")
    logits = keras.layers.Dense(10, name="logits")
    model = keras.Model(image, logits(keras.layers.Flatten()(image)))
    # Classes as a nearest mean tells them, so that a few images are right.
    split = load_split("shapes", "train").take(400)
    means = [split.images[split.labels == k].mean(0).ravel() for k in range(10)]
    kernel = np.array(means, "f").T / 255
    model.set_weights([8 * kernel, -4 * (kernel**2).sum(0)])
    path = tmp_path_factory.mktemp("models") / "net.keras"
    model.save(path)
    return path


@pytest.fixture
def quick(monkeypatch):
    """AutoAttack in a second."""

    def parts(ball):
        targeted = APGD(ball, TargetedDLR(), steps=2)
        return {
            "apgd-t": EachTarget(targeted, targets=2),
            "square": Square(ball, queries=4, chunk=2),
        }

    monkeypatch.setattr("dat_keras.evaluation.suites.standard", parts)


COMMON = ("--dataset", "shapes", "--attack", "autoattack", "--eps", "1/255")
COMMON += ("--n-examples", 60, "--batch-size", 8)


DYING = """
import os, signal, sys
from dat_keras.attacks import APGD, EachTarget, Square, TargetedDLR
from dat_keras.evaluation import resume_state, suites
from dat_keras.cli import main
from dat_keras.evaluation.resume_state import ResumeFolder

resume_state.SECONDS = 0.0
suites.standard = lambda ball: {
    "apgd-t": EachTarget(APGD(ball, TargetedDLR(), steps=2), targets=2),
    "square": Square(ball, queries=4, chunk=2),
}
save, left = ResumeFolder.save, int(sys.argv.pop(1))

def dying(folder, name, arrays):
    global left
    save(folder, name, arrays)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

ResumeFolder.save = dying
main()
"""


def in_a_process(saves, model, *arguments):
    """Evaluates elsewhere; killed after so many saves, none of them if 0."""
    arguments = ("evaluate", model, *COMMON, *arguments)
    command = [sys.executable, "-c", DYING, saves, *arguments]
    return subprocess.run([str(a) for a in command], capture_output=True)


@pytest.mark.thorough
def test_a_process_killed_outright_resumes_with_the_same_bits(
    model_file, tmp_path
):
    found = {}
    for name, saves in (("whole", ()), ("killed", (3, 2))):
        for count in saves:
            resume = ["--resume"] if count == 2 else []
            killed = in_a_process(count, model_file, *resume)
            assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
        files = (tmp_path / f"{name}.json", tmp_path / f"{name}.npz")
        done = in_a_process(
            *(0, model_file, "--resume", "--json", files[0]),
            *("--save-adversarial", files[1]),
        )
        assert done.returncode == 0, done.stderr[-2000:]
        row = json.loads(files[0].read_text())["attacks"]["autoattack"]
        with np.load(files[1]) as images:
            bits = images["autoattack"].tobytes()
        same = ("broken", "broken_by", "forwards", "gradients", "max_distance")
        found[name] = ([row[key] for key in same], bits)
    assert found["whole"] == found["killed"]


class Killed(BaseException):
    """The process is gone."""


def test_a_killed_evaluation_goes_on_and_leaves_nothing(
    quick, model_file, tmp_path, monkeypatch
):
    whole = run(model_file, *COMMON, "--json", tmp_path / "whole.json")
    assert whole.exit_code == 0, whole.output
    state = model_file.with_name("net.keras.evaluation")
    assert not state.exists()
    save, left = ResumeFolder.save, [3]

    def dying(folder, name, arrays):
        save(folder, name, arrays)
        left[0] -= 1
        if not left[0]:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(resume_state, "SECONDS", 0.0)
        patch.setattr(ResumeFolder, "save", dying)
        with pytest.raises(Killed):
            run(model_file, *COMMON)
    assert (state / "evaluation.json").exists()
    again = run(model_file, *COMMON)
    assert again.exit_code == 2
    assert "go on with --resume" in again.stderr.splitlines()[-1]
    other = run(model_file, *COMMON, "--resume", "--seed", 1)
    assert other.exit_code == 2 and "seed was 0, now 1" in other.stderr
    resumed = run(
        model_file,
        *(*COMMON, "--resume", "--json", tmp_path / "resumed.json"),
        *("--save-adversarial", tmp_path / "images.npz"),
    )
    assert resumed.exit_code == 0, resumed.output
    assert not state.exists()
    one, two = (
        json.loads((tmp_path / name).read_text())["attacks"]["autoattack"]
        for name in ("whole.json", "resumed.json")
    )
    for key in ("broken", "broken_by", "forwards", "gradients"):
        assert one[key] == two[key]
    assert 0 < one["correct"] < 60
    images = np.load(tmp_path / "images.npz")
    assert images["autoattack"].shape == (60, 32, 32, 3)


def test_a_damaged_state_is_one_line_and_stays(quick, model_file):
    state = model_file.with_name("net.keras.evaluation")
    state.mkdir()
    (state / "evaluation.json").write_text("{")
    result = run(model_file, *COMMON, "--resume")
    assert result.exit_code not in (0, 2)
    assert "evaluation.json" in result.stderr.splitlines()[-1]
    assert (state / "evaluation.json").read_text() == "{"
    (state / "evaluation.json").unlink()
    state.rmdir()


def test_robustbench_entry_holds_what_is_known(quick, model_file, tmp_path):
    target = tmp_path / "Me2026Net.json"
    result = run(model_file, *COMMON, "--robustbench", target)
    assert result.exit_code == 0, result.output
    found = json.loads(target.read_text())
    assert found["eps"] == "1/255" and found["dataset"] is None
    assert found["footnote"] == "first 60 test images"
    line = next(
        line for line in result.stdout.splitlines() if "autoattack" in line
    )
    assert f"{found['autoattack_acc']} %" in line
    unknown = ("link", "name", "authors", "venue", "architecture", "reported")
    assert all(found[key] is None for key in unknown)
    assert "external" not in found and "unreliable" not in found
    flags = json.loads((tmp_path / "Me2026Net.warnings.json").read_text())
    assert isinstance(flags, list)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--attack", "fgsm", "--robustbench", "e.json"), "--attack autoat"),
        (
            ("--attack", "autoattack", "--search-dtype", "bfloat16")
            + ("--robustbench", "e.json"),
            "takes no --search-dtype",
        ),
    ],
)
def test_files_are_promised_only_where_they_can_be(model_file, arguments, line):
    with CliRunner().isolated_filesystem():
        result = run(model_file, "--dataset", "shapes", *arguments)
        assert result.exit_code == 2
        assert line in result.stderr.splitlines()[-1]
