"""`dat-keras pull` and `load_model` against a Hub that may misbehave."""

import json
import threading

import numpy as np
import pytest
from zoo_runs import make_run

import dat_keras as dk
from dat_keras.zoo.commands.fetch import fetch, write_out
from dat_keras.zoo.errors import ConflictError
from dat_keras.zoo.hub.client import Hub

FETCHED = {"config.json", "model.safetensors", "README.md", "eval/results.json"}


def fetched(hub):
    return {
        path.split("/", 5)[5]
        for _, path in hub.requests("GET")
        if "/resolve/" in path
    }


def test_what_was_pushed_comes_back(
    hub, push, cli, net, images, tmp_path, capsys
):
    push()
    head = hub.repos["alice/net"].refs["main"]
    out = tmp_path / "out"
    result = cli("pull", "alice/net", "-o", out)
    assert result.stdout == f"alice/net@{head} in {out}\n"
    assert fetched(hub) == FETCHED
    found = {p.relative_to(out).as_posix() for p in out.rglob("*.*")}
    assert found == FETCHED
    logits = np.asarray(net(images))
    for name, said in (
        ("alice/net", f"alice/net is at commit {head}\n"),
        (f"hf://alice/net@{head}", ""),
    ):
        np.testing.assert_array_equal(dk.load_model(name)(images), logits)
        assert capsys.readouterr().err == said


def test_evaluate_takes_folders_and_references(
    on_hub, cli, monkeypatch, images, tmp_path
):
    split = dk.data.load_split("shapes", "test").take(6)
    split = type(split)(
        (images * 255).astype(np.uint8), np.arange(6) % 3, ("a", "b", "c"), "t"
    )
    asked = []
    monkeypatch.setattr(
        "dat_keras.data.load_split",
        lambda name, role, data_dir: asked.append(name) or split,
    )
    cli("pull", "alice/net", "-o", tmp_path / "out", "-q")
    result = cli(
        *("evaluate", tmp_path / "out", "alice/net", "--attack", "natural"),
    )
    assert asked == ["shapes"]  # read once for both
    first, second = result.stdout.splitlines()[2:4]
    assert first.split()[1:] == second.split()[1:]


def test_json_names_commit_and_hashes(on_hub, cli):
    told = json.loads(cli("pull", "alice/net", "--json").stdout)
    assert told["commit"] == on_hub.repos["alice/net"].refs["main"]
    assert told["repo"] == "alice/net" and told["revision"] == "main"
    files = {f["path"]: f for f in told["files"]}
    assert files.keys() == FETCHED
    assert {f["action"] for f in files.values()} == {"download"}
    block = json.loads(on_hub.files("alice/net")["config.json"])["dat_keras"]
    digest = block["files"]["model.safetensors"]["sha256"]
    assert files["model.safetensors"]["sha256"] == digest
    again = json.loads(cli("pull", "alice/net", "--json").stdout)
    assert {f["action"] for f in again["files"]} == {"cached"}


def test_a_dry_run_fetches_the_config_alone(on_hub, cli, tmp_path):
    result = cli("pull", "alice/net", "--dry-run", "-o", tmp_path / "out")
    assert fetched(on_hub) == {"config.json"}
    assert {m for m, _ in on_hub.requests()} <= {"GET", "HEAD"}
    assert "would pull alice/net@" in result.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("ref", "line"),
    [
        ("alice/nothing", "alice/nothing not found (or private): check the"),
        ("alice/net@v9", "alice/net has no revision 'v9'"),
        ("bob/data", "bob/data has no config.json: this is no dat_keras model"),
        ("bob/half", "bob/half has no model.safetensors: this is no dat_keras"),
        ("no-such-name", "Unknown zoo model 'no-such-name'"),
    ],
)
def test_what_is_not_there_is_exit_3(on_hub, cli, ref, line):
    on_hub.put("bob/data", {"README.md": b"x"})
    on_hub.put("bob/half", {"config.json": b"{}"})
    assert line in cli("pull", ref, code=3).stderr
    assert line in cli("info", ref, code=3).stderr
    told = json.loads(cli("pull", ref, "--json", code=3).stdout)["error"]
    assert told["code"] == 3
    assert told["message"].startswith(line.split(": ")[0])


@pytest.mark.parametrize(
    "ref", ["a/b/c", "../../etc", "hf://x", "a/b@../c", "a b", "", "@main"]
)
def test_a_malformed_reference_is_usage(on_hub, cli, ref):
    cli("pull", ref, code=2)
    cli("info", ref, code=2)
    assert on_hub.requests() == []


def test_a_folder_that_is_in_use_is_refused(on_hub, cli, tmp_path):
    out = tmp_path / "out"
    cli("pull", "alice/net", "-o", out)
    on_hub.record.clear()
    assert "is not empty" in cli("pull", "alice/net", "-o", out, code=7).stderr
    assert on_hub.requests() == []
    (out / "README.md").write_text("old")
    cli("pull", "alice/net", "-o", out, "--force")
    assert (out / "README.md").read_text() != "old"
    (out / "thesis.txt").write_text("mine")
    result = cli("pull", "alice/net", "-o", out, "--force", code=7)
    assert "holds files of others (thesis.txt)" in result.stderr
    assert (out / "thesis.txt").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir() if p.name[0] == "."] == []


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt, 130), (OSError(28, "full"), 1)]
)
def test_an_interrupted_write_leaves_nothing(
    on_hub, cli, monkeypatch, tmp_path, error, code
):
    def stop(*arguments):
        raise error

    monkeypatch.setattr("shutil.copyfile", stop)
    cli("pull", "alice/net", "-o", tmp_path / "new" / "out", code=code)
    assert list((tmp_path / "new").iterdir()) == []


def test_concurrent_pulls_share_a_cache(on_hub, tmp_path):
    done = []

    def work(index):
        pulled = fetch("alice/net", Hub(False))
        write_out(pulled, tmp_path / f"out{index}")
        try:
            write_out(pulled, tmp_path / "same")
            done.append("written")
        except ConflictError:
            done.append("refused")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["refused"] * 3 + ["written"]
    contents = {
        (tmp_path / name / "model.safetensors").read_bytes()
        for name in ("same", "out0", "out1", "out2", "out3")
    }
    assert len(contents) == 1
    assert [p for p in tmp_path.iterdir() if p.name[0] == "."] == []


def test_info_reads_no_weights(on_hub, cli, report):
    told = json.loads(cli("info", "alice/net", "--json").stdout)
    assert fetched(on_hub) == {"config.json", "eval/results.json"}
    assert told["architecture"] == "resnet8"
    assert told["classes"] == ["cat", "dog", "owl"]
    assert told["threat_model"] == "linf 8/255"
    row = json.loads(report.read_text())["attacks"]["natural"]
    low, high = (100 * end for end in row["wilson95"])
    line = (
        f"{100 * row['accuracy']:.2f} % ({row['correct']}/4, 95 %: "
        f"{low:.1f} - {high:.1f} %)"
    )
    assert told["accuracy"]["natural"] == line
    lines = cli("info", "alice/net").stdout.splitlines()
    assert lines[0].split() == ["name", "alice/net"]
    assert f"accuracy natural  {line}" in lines
    assert [n for n in told["accuracy"]] == ["natural", "fgsm"]


def test_info_reads_the_folder_of_a_model(on_hub, cli, tmp_path):
    out = tmp_path / "out"
    cli("pull", "alice/net", "-o", out)
    remote = json.loads(cli("info", "alice/net", "--json").stdout)
    on_hub.record.clear()
    local = json.loads(cli("info", out, "--json").stdout)
    assert local.pop("name") == str(out)
    assert {n: v for n, v in remote.items() if n in local} == local
    assert on_hub.requests() == []


def test_info_keeps_a_strangers_text_from_the_terminal(hub, cli, published):
    config = json.loads(published["config.json"])
    config["dat_keras"]["training"]["name"] = "\x1b[2J"
    data = json.dumps(config).encode()
    files = {"config.json": data, "eval/results.json": b'{"runs": [7]}'}
    hub.put("mallory/net", {"config.json": data, "model.safetensors": b""})
    assert "?[2J" in cli("info", "mallory/net").stdout
    hub.put("mallory/net", files)
    assert (
        "results.json is refused" in cli("info", "mallory/net", code=6).stderr
    )


def test_list_searches_the_hub_by_tags(on_hub, cli):
    on_hub.put("bob/other", {"README.md": b"tags: [something]"})
    head = on_hub.repos["alice/net"].refs["main"]
    told = json.loads(cli("list", "--remote", "--json").stdout)
    assert told == {"models": [{"repo": "alice/net", "commit": head}]}
    result = cli("list", "--remote", "--author", "bob")
    assert (result.stdout, result.stderr) == ("", "no models found\n")
    unknown = cli("list", "--remote", "--threat-model", "lnf", code=2)
    assert "Did you mean 'linf'?" in unknown.stderr
    assert "--author needs" in cli("list", "--author", "bob", code=2).stderr


@pytest.mark.parametrize(
    "width",
    [
        pytest.param(32, marks=pytest.mark.thorough),
        pytest.param(100, marks=pytest.mark.slow),
    ],
)
def test_large_models_make_the_round_trip(
    hub, push, cli, images, tmp_path, width
):
    source = make_run(tmp_path / "big", architecture="resnet18", width=width)
    push(source=source, repo="alice/big")
    assert len(hub.files("alice/big")["model.safetensors"]) > 1e4 * width**2
    wanted = dk.load_model(source).base(images)
    found = dk.load_model("alice/big")(images)
    np.testing.assert_array_equal(found, wanted)
