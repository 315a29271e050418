"""Puts a trained run among the models that come with the package.

dat-keras evaluate runs/cifar10-dat --json attacks.json \
    --attack natural,fgsm,pgd20,pgd100,cw
dat-keras evaluate runs/cifar10-dat --json autoattack.json \
    --attack autoattack --n-examples 1000
python examples/bundle_model.py runs/cifar10-dat attacks.json \
    autoattack.json cifar10-dat-resnet8 \
    --command "dat-keras train --dataset cifar10 --architecture resnet8" \
    --hardware "2 CPU cores" --wall-time "43 min" --cpu-hours 1.2
"""

import argparse
from pathlib import Path

from dat_keras.core.weights import save_weights
from dat_keras.training.run_info import RunInfo
from dat_keras.utils.errors import DatKerasError
from dat_keras.utils.files import sha256_of, write_whole
from dat_keras.utils.report_data import of_norms
from dat_keras.utils.run_folder import RunFolder
from dat_keras.zoo.bundle.layout import WEIGHTS
from dat_keras.zoo.bundle.plain_json import canonical_json
from dat_keras.zoo.bundle.write import from_run
from dat_keras.zoo.cards.spec import FileRecord
from dat_keras.zoo.commands.bundled import read_card

ROOT = Path(__file__).resolve().parents[1] / "zoo"
LIMIT = 4_000_000
ATTACKS = ("natural", "fgsm", "pgd20", "pgd100", "cw", "autoattack")


def main(arguments: list[str] | None = None) -> None:
    given = parser().parse_args(arguments)
    bundle = from_run(given.run, given.weights, given.reports)
    parts = [part for report in bundle.reports for part in of_norms(report)]
    measured = {name for part in parts for name in part["attacks"]}
    missing = [name for name in ATTACKS if name not in measured]
    if missing:
        raise SystemExit(f"not measured yet: {', '.join(missing)}")
    info = RunInfo.read(RunFolder(given.run).recipe)
    path = given.root / "weights" / f"{given.name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(bundle.model, path)
    size = path.stat().st_size
    if size > LIMIT:
        path.unlink()
        raise SystemExit(f"{size} bytes are more than {LIMIT}: not bundled")
    record = FileRecord(sha256_of(path), size)
    about = {
        "command": given.command,
        "seed": info.recipe.seed,
        "hardware": given.hardware,
        "wall_time": given.wall_time,
        "cpu_hours": given.cpu_hours,
        "trained": bundle.date,
    }
    card = {
        "name": given.name,
        "dat_keras": bundle.spec.to_json({WEIGHTS: record}),
        "reports": list(bundle.reports),
        "provenance": about,
        "hub": None,
    }
    data = canonical_json(card)
    read_card(data, given.name)
    place = given.root / "cards" / f"{given.name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, lambda file: file.write(data))
    print(f"{place}: {size} bytes of weights, {record.sha256}")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    made.add_argument("run", type=Path)
    made.add_argument(
        "reports", type=Path, nargs="+", help="of `evaluate --json`"
    )
    made.add_argument("name")
    made.add_argument("--command", required=True, help="that trained it")
    made.add_argument("--hardware", required=True)
    made.add_argument("--wall-time", required=True)
    made.add_argument(
        "--cpu-hours", type=float, required=True, help="hours of CPU time"
    )
    made.add_argument("--weights", choices=["best", "last"], default="best")
    made.add_argument("--root", type=Path, default=ROOT)
    return made


if __name__ == "__main__":
    try:
        main()
    except DatKerasError as error:
        raise SystemExit(f"error: {error}") from None
