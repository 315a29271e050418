"""Builds sdist and wheel, and checks what the wheel would install."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "dat_keras/py.typed",
    "dat_keras/cli/train.py",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "build", "--outdir", folder, ROOT],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (wheel,) = Path(folder).glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    packages = {top for top in tops if not top.endswith(".dist-info")}
    sources = {
        f"dat_keras/{path.relative_to(ROOT / 'dat_keras').as_posix()}"
        for path in (ROOT / "dat_keras").rglob("*.py")
    }
    zoo = {
        f"dat_keras/_zoo/{path.relative_to(ROOT / 'zoo').as_posix()}"
        for path in (ROOT / "zoo").rglob("*")
        if path.is_file()
    }
    missing = (EXPECTED | sources | zoo) - set(names)
    if packages != {"dat_keras"} or missing:
        sys.exit(f"wheel installs {packages}, misses {sorted(missing)}")
    print(f"{wheel.name}: installs dat_keras alone, {len(names)} files")


if __name__ == "__main__":
    main()
