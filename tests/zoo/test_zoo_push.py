"""`dat-keras push` against a Hub that keeps the protocol."""

import json

import pytest
from hub_server import status
from huggingface_hub import ModelCard
from zoo_runs import OTHER, READ, WRITE

FILES = {
    ".gitattributes",
    "README.md",
    "config.json",
    "eval/results.json",
    "metadata.json",
    "model.safetensors",
    "model.weights.h5",
}


def commits(hub):
    return [p for m, p in hub.requests("POST") if "/commit/" in p]


def test_a_push_is_one_commit_with_all_files(hub, push, run, report):
    result = push("--report", report)
    assert set(hub.files("alice/net")) == FILES
    assert commits(hub) == ["/api/models/alice/net/commit/main"]
    head = hub.repos["alice/net"].refs["main"]
    assert result.stdout.splitlines() == [
        f"{hub.url}/alice/net/commit/{head}",
        f"dat-keras pull alice/net@{head}",
    ]
    assert not hub.repos["alice/net"].private
    config = json.loads(hub.files("alice/net")["config.json"])
    block = config["dat_keras"]
    assert block["architecture"] == "resnet8" and block["format"] == 1
    assert block["threat_model"]["eps_text"] == "8/255"
    assert config["compile_config"] is None
    table = json.loads(hub.files("alice/net")["eval/results.json"])
    measured = json.loads(report.read_text())
    assert table["runs"] == [{**measured, "eps_text": "8/255"}]
    assert (
        table["weights_sha256"] == block["files"]["model.safetensors"]["sha256"]
    )


def test_an_unchanged_push_makes_no_commit(hub, push):
    push()
    result = push()
    assert "nothing to push" in result.stdout
    assert len(commits(hub)) == 1


def test_a_dry_run_only_reads(hub, push):
    result = push("--dry-run")
    assert {m for m, _ in hub.requests()} <= {"GET", "HEAD"}
    lines = result.stdout.splitlines()
    assert lines[-1] == (
        "would push to alice/net@main: a new public repository"
    )
    assert {line.split()[0] for line in lines[:-1]} == {"add"}
    assert "alice/net" not in hub.repos
    push()
    hub.record.clear()
    for branch, line in (("main", "there already"), ("v2", "a new branch")):
        result = push("--dry-run", "--revision", branch)
        assert f"would push to alice/net@{branch}: {line}, " in result.stdout
    files = json.loads(push("--dry-run", "--json").stdout)["files"]
    assert {f["action"] for f in files} == {"unchanged"}
    assert {m for m, _ in hub.requests()} <= {"GET", "HEAD"}


def test_other_content_is_refused_then_forced(hub, push, other_run):
    push()
    before = dict(hub.files("alice/net"))
    result = push(source=other_run, code=7)
    assert "already holds other files (config.json, " in result.stderr
    assert hub.files("alice/net") == before
    push("--force", "--no-keras-copy", source=other_run)
    after = hub.files("alice/net")
    assert set(after) == FILES - {"model.weights.h5", "metadata.json"}
    assert after["model.safetensors"] != before["model.safetensors"]


def test_foreign_files_are_left_alone(hub, push):
    hub.put("alice/net", {"notes.txt": b"x"})
    assert "(notes.txt)" in push(code=7).stderr
    push("--force")
    assert hub.files("alice/net")["notes.txt"] == b"x"


def test_a_branch_is_a_way_out(hub, push, other_run):
    push()
    push("--revision", "v2", source=other_run)
    repo = hub.repos["alice/net"]
    assert repo.commits[repo.refs["v2"]] != repo.commits[repo.refs["main"]]
    assert len(repo.commits[repo.refs["main"]]) == len(FILES)


def test_a_pull_request_leaves_the_branch(hub, push, other_run):
    push()
    head = hub.repos["alice/net"].refs["main"]
    result = push("--create-pr", source=other_run)
    assert hub.repos["alice/net"].refs["main"] == head
    assert result.stdout.splitlines()[0].endswith("/discussions/1")


def test_visibility_is_set_once(hub, push):
    push("--private")
    assert hub.repos["alice/net"].private
    assert "is private already" in push("--public", code=7).stderr
    push("--private")


def test_the_repository_may_change_meanwhile(hub, push, other_run):
    push()
    hub.fail("POST .*/commit/", status(412))
    result = push("--force", source=other_run, code=7)
    assert "changed meanwhile" in result.stderr


def test_a_busy_commit_is_tried_again(hub, push, waits):
    hub.fail("POST .*/commit/", before(status(503)), times=2)
    push()
    assert waits == [1, 2]
    assert set(hub.files("alice/net")) == FILES


def test_a_commit_whose_answer_was_lost_counts(hub, push, waits):
    hub.fail("POST .*/commit/", status(502))
    result = push()
    assert len(commits(hub)) == 1
    assert hub.repos["alice/net"].refs["main"] in result.stdout


def test_a_hub_that_stays_away_is_exit_5(hub, push, waits):
    hub.fail("POST .*/commit/", before(status(503)), times=9)
    result = push(code=5)
    assert result.stderr.splitlines()[-1] == (
        "error: the Hub answers with status 503: try again later"
    )
    assert waits == [1, 2, 4]
    assert set(hub.files("alice/net")) == {".gitattributes"}


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--no-token",), 4, "no token to log in with: run 'hf auth login'"),
        (("--token", OTHER), 4, "the token from --token may not do this"),
        (("--token", READ), 4, "the token from --token may not do this"),
        (("--token", "hf_nobodyNOBODYnobody"), 4, "--token was rejected"),
        (("--token", "hf_a\nb c"), 4, "the token given is no token"),
    ],
)
def test_access(hub, cli, run, arguments, code, line):
    fixed = ("push", run, "alice/net", "--license", "mit")
    result = cli(*fixed, *arguments, code=code)
    assert line in result.stderr.splitlines()[-1]
    assert "alice/net" not in hub.repos


def test_the_token_of_the_environment_is_stripped(hub, cli, run):
    fixed = ("push", run, "alice/net", "--license", "mit")
    cli(*fixed, env={"HF_TOKEN": WRITE + "\n"})
    cli(*fixed, "--token", WRITE + "\n")
    bad = cli(*fixed, env={"HF_TOKEN": "hf_expiredEXPIREDexpired"}, code=4)
    assert "the token from HF_TOKEN was rejected" in bad.stderr
    assert "expired" not in bad.output


@pytest.mark.parametrize("repo", ["net", "a/b/c", "../x", "a/..", "a b/c", "/"])
def test_a_malformed_name_is_usage(hub, push, repo):
    assert "a repository is `namespace/name`" in push(repo=repo, code=2).stderr
    assert hub.requests() == []


def test_unknown_licences_and_foreign_reports_stop_early(
    hub, cli, run, other_run, report
):
    fixed = ("push", run, "alice/net", "--token", WRITE)
    wrong = cli(*fixed, "--license", "mitt", code=2)
    assert "Did you mean 'mit'?" in wrong.stderr
    wrong = cli(
        *("push", other_run, "alice/net", "--license", "mit"),
        *("--report", report),
        code=6,
    )
    assert "measured other weights" in wrong.stderr
    assert hub.requests() == []


def test_metadata_that_the_hub_refuses_is_exit_6(hub, push):
    hub.fail(
        "POST /api/validate-yaml",
        lambda handler, answer: (
            400,
            {},
            b'{"errors": [{"message": "bad license"}]}',
        ),
    )
    assert "bad license" in push(code=6).stderr


def test_the_card_survives_and_keeps_edits(hub, push, report, tmp_path):
    push("--report", report)
    card = ModelCard(hub.files("alice/net")["README.md"].decode())
    results = card.data.eval_results
    assert card.data.license == "mit" and card.data.library_name == "keras"
    assert "dat_keras" in card.data.tags
    measured = json.loads(report.read_text())["attacks"]
    assert [r.metric_value for r in results] == [
        100 * measured["natural"]["accuracy"],
        100 * measured["fgsm"]["accuracy"],
    ]
    assert results[1].metric_args["eps"] == 8 / 255
    edited = hub.files("alice/net")["README.md"].decode()
    edited = edited.replace("## Limits", "## My words\n\n## Limits")
    edited = edited.replace("license: mit", "license: gpl\nlanguage: en")
    hub.put("alice/net", {"README.md": edited.encode()})
    push("--report", report)
    merged = hub.files("alice/net")["README.md"].decode()
    assert "## My words" in merged and "license: mit" in merged
    assert "language: en" in merged
    push("--report", report, "--overwrite-card")
    assert "## My words" not in hub.files("alice/net")["README.md"].decode()


def before(act):
    """The fault comes before the server does anything."""

    def fault(handler, answer):
        return act(handler, answer)

    fault.before = True
    return fault


def test_a_pulled_model_can_be_pushed_again(on_hub, push, cli, tmp_path):
    cli("pull", "alice/net", "-o", tmp_path / "out")
    push(repo="alice/copy", source=tmp_path / "out")
    old, new = on_hub.files("alice/net"), on_hub.files("alice/copy")
    assert new["model.safetensors"] == old["model.safetensors"]
