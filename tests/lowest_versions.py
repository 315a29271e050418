"""Prints the lowest versions that pyproject.toml allows, a line each.

    python tests/lowest_versions.py > constraints.txt

`make test-lowest` installs exactly these, of the dependencies and of what the
quick suite needs, into an environment of its own.
"""

import re
import sys
import tomllib
from pathlib import Path

TOOLS = ("hypothesis", "pandas", "pillow", "pytest", "pytest-xdist")
"""What of the extra `test` the quick suite needs."""


def lowest(requirements):
    """Pins each requirement to the version after its `>=`."""
    for requirement in requirements:
        found = re.match(r"([A-Za-z0-9_.-]+)>=([0-9.]+)", requirement)
        if found is None:
            raise SystemExit(f"no lowest version: {requirement}")
        yield f"{found[1]}=={found[2]}"


def main():
    """Prints the pins."""
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    tools = [
        requirement
        for requirement in project["optional-dependencies"]["test"]
        if re.split("[<>=]", requirement)[0] in TOOLS
    ]
    if len(tools) != len(TOOLS):
        raise SystemExit(f"the extra `test` lacks one of {TOOLS}")
    sys.stdout.write(
        "\n".join(lowest([*project["dependencies"], *tools])) + "\n"
    )


if __name__ == "__main__":
    main()
