"""Imports only point down the layers."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    "types losses threat_models gradients graphs winograd folding fused_norm "
    "remade abreast "
    "spectral keys tables checks augment optimizers predict averaging data "
    "architectures config errors files intervals versions weights startup "
    "allocator text_table schedules processes locks shares norms",
    "attacks",
    "adversary conditions amplitude mixup weight_perturbation objectives",
    "model classifiers",
    "recipes",
    "training evaluation checkpoint callbacks batch_statistics run_folder "
    "runs trials saving rows single plausibility preflight protocols report "
    "samples verification "
    "comparison analysis pursuit cascade suites journal passes costs machine "
    "profiling step_cost grids cells compare descriptions robustbench",
    "zoo",
    "torch_import export",
    "cli",
]
RANKS = {
    name: rank for rank, names in enumerate(LAYERS) for name in names.split()
}


def modules():
    """All modules by dotted name below `dat_keras`, with their files."""
    found = {}
    for folder, prefix in ((ROOT / "dat_keras", ()), (ROOT / "cli", ("cli",))):
        for path in sorted(folder.rglob("*.py")):
            parts = prefix + path.relative_to(folder).with_suffix("").parts
            name = ".".join(p for p in parts if p != "__init__")
            if name:
                found[name] = path
    return found


class Imports(ast.NodeVisitor):
    """Collects what a module imports of the project when it runs."""

    def __init__(self):
        self.found = set()

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    def visit_Import(self, node):
        self._add(alias.name for alias in node.names)

    def visit_ImportFrom(self, node):
        self._add(f"{node.module}.{alias.name}" for alias in node.names)

    def _add(self, names):
        self.found |= {
            name.removeprefix("dat_keras.")
            for name in names
            if name.startswith("dat_keras.")
        }


def imports_of(path):
    visitor = Imports()
    visitor.visit(ast.parse(path.read_text()))
    return visitor.found


FILES = modules()


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name):
    top = name.split(".")[0]
    assert top in RANKS, f"give `{top}` a place in LAYERS"
    for imported in imports_of(FILES[name]):
        below = imported.split(".")[0]
        assert RANKS.get(below, 0) <= RANKS[top], f"{name} imports {imported}"


def test_no_module_imports_itself_in_the_end():
    graph = {
        name: {
            part
            for imported in imports_of(path)
            for part in (imported, imported.rpartition(".")[0])
            if part in FILES and part != name
        }
        for name, path in FILES.items()
    }
    done = set()

    def walk(name, path):
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for imported in graph[name]:
                walk(imported, [*path, name])
            done.add(name)

    for name in graph:
        walk(name, [])


def test_library_modules_do_not_print_or_assert():
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert), name
            is_print = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
            )
            assert not is_print, name


def test_files_stay_short():
    long = {
        name: length
        for name, path in FILES.items()
        if (length := len(path.read_text().splitlines())) > 300
    }
    assert not long
