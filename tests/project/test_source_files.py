"""Rules that every source file keeps: no prints, no asserts, short files."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = {
    path.relative_to(ROOT).as_posix(): path
    for folder in ("dat_keras", "cli")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


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
