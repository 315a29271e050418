"""The tutorial on publishing runs as printed, against the local Hub."""

import re
import shlex
from pathlib import Path

import pytest
from zoo_runs import WRITE

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "publish.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def without_digits(text, hub=None):
    """Lines whose numbers, hashes and column widths are taken out."""
    if hub is not None:
        text = text.replace(hub.url, "https://huggingface.co")
    text = re.sub(r"\b(?:[0-9a-f]{40,64}|\d[\d.]*)", "#", text)
    return [" ".join(line.split()) for line in text.strip().splitlines()]


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_commands_print_what_the_page_shows(hub, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", WRITE)
    names, printed = {}, ""
    for language, text in BLOCK.findall(PAGE.read_text()):
        if language == "python":
            exec(compile(text, PAGE.name, "exec"), names)
        elif language == "bash":
            told = [cli(*shlex.split(line)[1:]) for line in text.splitlines()]
            printed = "".join(result.stdout for result in told)
            print(text, printed, sep="\n")
        else:
            assert without_digits(printed, hub) == without_digits(text)
