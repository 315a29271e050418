"""Damage, faults of the network, and who may read what."""

import huggingface_hub
import pytest
from hub_server import Hub as Server
from hub_server import cut, short, status, wrong_bytes
from zoo_runs import OTHER, READ, WRITE

import dat_keras as dk
from dat_keras.zoo.errors import UnreachableError

WEIGHTS = "GET .*/model.safetensors"


def test_damage_of_the_same_length_is_repaired_once(on_hub, cli):
    on_hub.fail(WEIGHTS, wrong_bytes)
    cli("pull", "alice/net")
    assert len([p for _, p in on_hub.requests("GET") if "safetens" in p]) == 2


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_lasting_damage_is_refused_and_not_kept(on_hub, cli, name):
    on_hub.fail(f"GET .*/{name}", wrong_bytes, times=2)
    result = cli("pull", "alice/net", code=6)
    assert f"{name} does not match its" in result.stderr
    assert result.stderr.endswith(": download repeated, still wrong\n")
    cli("pull", "alice/net", "--offline", code=5)
    cli("pull", "alice/net")


def test_a_wrong_length_is_repaired_once(on_hub, cli, published):
    size = len(published["model.safetensors"])
    on_hub.fail(WEIGHTS, short)
    cli("pull", "alice/net", "-q")
    assert len([p for _, p in on_hub.requests("GET") if "safetens" in p]) == 2
    on_hub.put("alice/other", published)
    on_hub.fail(WEIGHTS, short, times=2)
    result = cli("pull", "alice/other", code=5)
    assert f"(expected {size} bytes, got {size - 1}): try" in result.stderr
    cli("pull", "alice/other", "--offline", code=5)


@pytest.mark.parametrize(
    "fault", [cut(5000), status(429, {"Retry-After": "1"}), status(503)]
)
def test_a_passing_fault_is_sat_out(on_hub, cli, waits, fault):
    on_hub.fail(WEIGHTS, fault)
    cli("pull", "alice/net")
    assert len([p for _, p in on_hub.requests("GET") if "safetens" in p]) == 2


def test_a_stalled_download_starts_again(on_hub, cli, waits, monkeypatch):
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    on_hub.hold(WEIGHTS, 100)
    cli("pull", "alice/net")


def test_a_busy_hub_is_exit_5_and_says_its_retries(on_hub, cli, waits):
    on_hub.fail("GET /api/models", status(503), times=9)
    lines = cli("pull", "alice/net", code=5).stderr.splitlines()
    assert lines[0] == "server busy, retry 1/3 in 1 s"
    assert lines[-1] == (
        "error: the Hub answers with status 503: try again later"
    )
    assert waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("token", "private", "gated", "code", "line"),
    [
        (WRITE, True, False, 0, None),
        (READ, True, False, 0, None),
        (OTHER, True, False, 3, "alice/net not found (or private)"),
        (None, True, False, 3, "alice/net not found (or private)"),
        (READ, False, True, 0, None),
        (None, False, True, 4, "alice/net is gated: accept the terms"),
        ("hf_expiredEXPIRED", False, False, 4, "the token from --token was"),
    ],
)
def test_access(on_hub, cli, token, private, gated, code, line):
    repo = on_hub.repos["alice/net"]
    repo.private, repo.gated = private, gated
    arguments = ("--token", token) if token else ("--no-token",)
    result = cli("pull", "alice/net", *arguments, code=code)
    if line:
        assert line in result.stderr.splitlines()[-1]
        assert "expired" not in result.output
    else:
        sent = [h.get("authorization") for *_, h in on_hub.record]
        assert set(sent) == {f"Bearer {token}"}


def test_no_file_holds_a_token(hub, push, cli, run, tmp_path):
    push()
    cli("pull", "alice/net", "--token", READ, "-o", tmp_path / "out")
    cli("pull", "alice/none", "--token", READ, "-v", code=3)
    written = [
        p for p in (*tmp_path.rglob("*"), *run.rglob("*")) if p.is_file()
    ]
    assert len(written) > len(hub.files("alice/net"))
    for path in written:
        data = path.read_bytes()
        assert not [t for t in (READ, WRITE) if t.encode() in data], path


def test_another_port_does_not_see_the_token(on_hub, cli):
    on_hub.cdn = Server()
    on_hub.cdn.tokens.update(on_hub.tokens)
    try:
        cli("pull", "alice/net", "--token", READ)
        assert on_hub.cdn.requests("GET")
        for *_, headers in on_hub.cdn.record:
            assert "authorization" not in {h.lower() for h in headers}
    finally:
        on_hub.cdn.close()


def test_offline_serves_what_is_cached(on_hub, cli, monkeypatch, images):
    line = "not all of alice/net is cached"
    assert line in cli("pull", "alice/net", "--offline", code=5).stderr
    cli("pull", "alice/net")
    head = on_hub.repos["alice/net"].refs["main"]
    on_hub.record.clear()
    result = cli("pull", "alice/net", "--offline")
    assert f"offline: alice/net is at commit {head}" in result.stderr
    dk.load_model("alice/net", offline=True)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    dk.load_model(f"alice/net@{head}")
    cli("pull", f"alice/net@{head}")
    assert on_hub.requests() == []
    result = cli("pull", "alice/net", code=5)
    line = "cannot reach the Hub for alice/net (no connection): try again"
    assert line in result.stderr
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    cli("pull", "alice/net")
    with pytest.raises(UnreachableError):
        dk.load_model("alice/other")


def test_a_cached_file_that_rots_is_noticed(on_hub, cli):
    cli("pull", "alice/net")
    hub_cache = huggingface_hub.constants.HF_HUB_CACHE
    path = huggingface_hub.try_to_load_from_cache(
        "alice/net",
        "model.safetensors",
        cache_dir=hub_cache,
        revision=on_hub.repos["alice/net"].refs["main"],
    )
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    dk.load_model("alice/net")
    cli("pull", "alice/net", "--verify-remote")
