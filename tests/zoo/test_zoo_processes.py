"""Other processes: killed in the middle, and Keras without this library."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import dat_keras as dk

CLI = "from dat_keras.cli import main; main()"
KERAS_ALONE = """
import sys
import keras
import numpy as np
model = keras.saving.load_model("hf://alice/net")
assert "dat_keras" not in sys.modules
np.save(sys.argv[1], model(np.load(sys.argv[2])))
"""
WITHOUT_TENSORFLOW = """
import sys
from dat_keras.cli import main
main(standalone_mode=False)
sys.exit(bool({"keras", "tensorflow"} & sys.modules.keys()))
"""
PATIENCE = 120


def start(hub, home, *arguments, code=CLI):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment = kept | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "KERAS_BACKEND": "tensorflow",
    }
    # A shell's background jobs, and so their children, ignore SIGINT.
    heeding = "import signal; signal.signal(2, signal.default_int_handler); "
    return subprocess.Popen(
        [sys.executable, "-c", heeding + code, *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(process):
    process.kill()
    process.communicate()


@pytest.mark.thorough
def test_a_killed_pull_leaves_nothing_half(on_hub, tmp_path, cli):
    gate = on_hub.hold("GET .*/model.safetensors", 5000)
    out = tmp_path / "out"
    process = start(on_hub, tmp_path / "hf", "pull", "alice/net", "-o", out)
    assert gate.reached.wait(PATIENCE)
    kill(process)
    assert not out.exists()
    cli("pull", "alice/net", "-o", out)
    dk.load_model("alice/net", offline=True)


@pytest.mark.thorough
def test_an_interrupted_pull_says_so_and_leaves_nothing(on_hub, tmp_path):
    gate = on_hub.hold("GET .*/model.safetensors", 5000)
    out = tmp_path / "new" / "out"
    process = start(on_hub, tmp_path / "hf", "pull", "alice/net", "-o", out)
    assert gate.reached.wait(PATIENCE)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (130, "error: interrupted\n")
    assert not out.parent.exists()
    assert not list((tmp_path / "hf").rglob("*.incomplete"))


@pytest.mark.thorough
def test_processes_that_pull_at_once_get_the_same(on_hub, tmp_path, published):
    gate = on_hub.hold("GET .*/model.safetensors", 5000)
    processes = [
        start(
            *(on_hub, tmp_path / "hf", "pull", "alice/net"),
            *("-o", tmp_path / f"out{i % 2}"),
        )
        for i in range(3)
    ]
    assert gate.reached.wait(PATIENCE)
    gate.opened.set()
    said = [p.communicate(timeout=PATIENCE)[1] for p in processes]
    codes = [p.returncode for p in processes]
    assert sorted(codes) == [0, 0, 7] and codes[1] == 0, said
    for i in range(2):
        weights = (tmp_path / f"out{i}" / "model.safetensors").read_bytes()
        assert weights == published["model.safetensors"]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out")]


@pytest.mark.thorough
def test_a_killed_push_is_the_old_state_or_the_new(
    on_hub, tmp_path, other_run, push
):
    old = dict(on_hub.files("alice/net"))
    on_hub.put("alice/late", old)
    commit = "POST /api/models/alice/{}/commit/"
    gates = {
        "net": on_hub.hold(commit.format("net"), before=True),
        "late": on_hub.hold(commit.format("late")),
    }
    processes = [
        start(
            on_hub,
            tmp_path / "hf",
            *("push", other_run, f"alice/{name}", "--license", "mit"),
            *("--force", "--token", "hf_aliceWRITEaliceWRITE"),
        )
        for name in gates
    ]
    for gate, process in zip(gates.values(), processes, strict=True):
        assert gate.reached.wait(PATIENCE)
        kill(process)
    assert on_hub.files("alice/net") == old
    new = on_hub.files("alice/late")
    assert new["model.safetensors"] != old["model.safetensors"]
    result = push(repo="alice/late", source=other_run)
    assert "nothing to push" in result.stdout
    push("--force", source=other_run)
    assert on_hub.files("alice/net")["config.json"] == new["config.json"]


def test_keras_alone_loads_what_was_pushed(on_hub, net, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    process = start(
        on_hub,
        tmp_path / "hf",
        tmp_path / "logits.npy",
        tmp_path / "images.npy",
        code=KERAS_ALONE,
    )
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    logits = np.load(tmp_path / "logits.npy")
    np.testing.assert_allclose(logits, net(images), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        ("pull", "alice/net", "-o", "{out}"),
        ("info", "alice/net"),
        ("list", "--remote", "--dataset", "{out}"),
    ],
)
def test_fetching_does_not_wait_for_tensorflow(on_hub, tmp_path, arguments):
    arguments = [text.format(out=tmp_path / "out") for text in arguments]
    process = start(
        on_hub, tmp_path / "hf", *arguments, code=WITHOUT_TENSORFLOW
    )
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said


def test_help_imports_neither_tensorflow_nor_the_client():
    code = (
        "import sys; from dat_keras.cli import main\n"
        "for name in ('push', 'pull', 'list', 'info', 'export',\n"
        "             'import-torch'):\n"
        "    main([name, '--help'], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'huggingface_hub'}\n"
        "sys.exit(str(heavy & sys.modules.keys()) "
        "if heavy & sys.modules.keys() else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--dry-run" in done.stdout
