"""Imports point down the floors of the package, and form no circle.

`docs/architecture.svg` shows the same floors.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = (
    ("utils",),
    ("core",),
    ("losses", "spectral"),
    (
        "architectures",
        "attacks",
        "augment",
        "corruptions",
        "data",
        "kernels",
        "optimizers",
    ),
    ("classifiers", "certification"),
    ("objectives",),
    ("recipes",),
    ("training", "evaluation"),
    ("profiling", "analysis"),
    ("comparison",),
    ("zoo",),
    ("interop",),
    ("cli",),
)
"""Rooms from the ground up. A room imports from rooms on lower floors only."""

ZOO = ("errors", "cards", "bundle", "hub", "commands")
"""Rooms inside `zoo`, from the ground up."""

RANKS = {room: rank for rank, rooms in enumerate(FLOORS) for room in rooms}


def modules():
    """Every module below `dat_keras`, by dotted name without the prefix."""
    found = {}
    for folder, prefix in ((ROOT / "dat_keras", ()), (ROOT / "cli", ("cli",))):
        for path in sorted(folder.rglob("*.py")):
            parts = prefix + path.relative_to(folder).with_suffix("").parts
            name = ".".join(p for p in parts if p != "__init__")
            if name:
                found[name] = path
    return found


FILES = modules()


def imports_of(tree):
    """Names that a module imports of the project, with `TYPE_CHECKING`'s."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (n for n in names if n.split(".")[0] == "dat_keras")


def module_of(name):
    """The module that provides an imported name, without the prefix."""
    name = name.removeprefix("dat_keras").lstrip(".")
    while name and name not in FILES:
        name = name.rpartition(".")[0]
    return name


GRAPH = {
    name: {module_of(n) for n in imports_of(ast.parse(path.read_text()))}
    for name, path in FILES.items()
}


def room(module):
    return module.split(".")[0]


def wrong_imports(name, imported):
    """Imports of a module that do not point down."""
    for other in imported:
        if not other:
            yield f"{name} imports the root: name the module instead"
        elif room(other) != room(name) and (
            RANKS[room(other)] >= RANKS[room(name)]
        ):
            yield f"{name} imports {other}, which is not on a lower floor"


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name):
    assert room(name) in RANKS, f"give `{room(name)}` a floor"
    assert list(wrong_imports(name, GRAPH[name])) == []


def test_an_import_upward_is_seen():
    tree = ast.parse(
        "if TYPE_CHECKING:\n    from dat_keras.training.model import M\n"
        "from dat_keras import __version__\n"
        "from dat_keras.utils.errors import DatKerasError\n"
    )
    imported = {module_of(name) for name in imports_of(tree)}
    assert imported == {"training.model", "", "utils.errors"}
    assert len(list(wrong_imports("objectives.trades", imported))) == 2


def test_rooms_of_the_zoo_keep_their_order_too():
    for name in (n for n in FILES if n.startswith("zoo.")):
        for other in (n for n in GRAPH[name] if n.startswith("zoo.")):
            own, below = (ZOO.index(n.split(".")[1]) for n in (name, other))
            assert below <= own, f"{name} imports {other}"


def test_every_room_has_its_place_and_no_other():
    assert {room(name) for name in FILES} == RANKS.keys()


def test_the_root_holds_what_is_public_by_path():
    files = {p.name for p in (ROOT / "dat_keras").glob("*.py*")}
    assert files == {"__init__.py", "__init__.pyi", "losses.py", "spectral.py"}


def test_no_import_circle():
    done = set()

    def walk(name, path):
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for imported in GRAPH[name] - {"", name}:
                walk(imported, [*path, name])
            done.add(name)

    for name in GRAPH:
        walk(name, [])
