"""Writes the pages of docs/ that are made from code and data.

    python docs/write_pages.py

cli.md from click, recipes.md from `RECIPES`, reference.md from the public
names, zoo.md from the cards. tests/project/test_generated_pages.py asserts
that the committed ones are fresh.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click

import dat_keras
from dat_keras.cli import main
from dat_keras.objectives.catalog import methods_table
from dat_keras.recipes import RECIPES, Recipe
from dat_keras.utils.norms import pixel_fraction
from dat_keras.utils.text_table import markdown
from dat_keras.zoo.cards.accuracies import interval
from dat_keras.zoo.cards.results import cautions, results
from dat_keras.zoo.commands.bundled import ZooCard, cards

DOCS = Path(__file__).resolve().parent
NOTE = "<!-- written by `python docs/write_pages.py` -->\n"
WIDTH = 80
CODES = "\n\n  Exit codes:"
"""Where the part of a help begins that all commands have."""


def cli() -> str:
    """Every command with the text of its `--help`."""
    parts = [
        "# Command line",
        "Each text is what the command prints for `--help`; the exit codes, "
        "the same for\nall commands, stand once.",
        _help("dat-keras", main),
    ]
    for name, command in sorted(main.commands.items()):
        shown = _help(f"dat-keras {name}", command)
        parts += [f"## {name}", shown.partition(CODES)[0] + "\n```"]
    return "\n\n".join(parts) + "\n"


def _help(path: str, command: click.Command) -> str:
    settings = {**main.context_settings, **command.context_settings}
    settings |= {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, info_name=path, **settings)
    return f"```text\n{command.get_help(context)}\n```"


def recipes() -> str:
    """All recipes by name, with the settings by which they differ most."""
    header = "recipe", "epochs", "batch", "schedule", "AWP", "average", "limit"
    rows = [header, *(_recipe(name, RECIPES[name]) for name in sorted(RECIPES))]
    return (
        "# Recipes\n\n"
        "`dat-keras train --recipe NAME` takes one of these; "
        "`--set key=value`\nchanges it. All settings of one: "
        "`print(dk.recipes.RECIPES[NAME])`.\nWhat the names mean is "
        "in [methods.md](methods.md#recipes).\n\n"
        f"{markdown([list(row) for row in rows])}\n\n"
        "## Methods\n\n"
        f"{_methods()}\n"
    )


def _methods() -> str:
    rows = [("method", "what it does", "paper"), ("---",) * 3]
    for name, summary, paper, link in methods_table()[1:]:
        rows.append(
            (f"`{name}`", summary, f"[{paper}]({link})" if link else paper)
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _recipe(name: str, recipe: Recipe) -> tuple[str, ...]:
    schedule = type(recipe.optimizer.schedule).__name__.removesuffix("Config")
    gamma = recipe.weight_perturbation.gamma
    return (
        f"`{name}`",
        str(recipe.epochs),
        str(recipe.batch_size),
        schedule,
        f"{gamma:g}" if gamma else "-",
        "yes" if recipe.averaging else "-",
        str(recipe.limit or "-"),
    )


def reference() -> str:
    """A directive of mkdocstrings for every public name."""
    parts = [
        "# Python",
        "Every public name of `import dat_keras as dk`, from its docstring. "
        "A list with a line for each is in [api.md](api.md).",
    ]
    for name in sorted(dat_keras.__all__):
        parts += _entry(name, getattr(dat_keras, name))
    return "\n\n".join(parts) + "\n"


def _entry(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, ModuleType):
        yield _directive(name, _path(value), heading_level=2, members="null")
        return
    yield f"## {name}"
    # Its docstring; the heading above is the one of the page.
    yield _directive(
        name,
        value.__name__,
        show_root_heading="false",
        show_root_toc_entry="false",
    )
    for member in _members(value):
        path = _path(getattr(value, member))
        yield _directive(f"{name}.{member}", path)


def _members(module: ModuleType) -> list[str]:
    """Classes and functions of a module that are not public by themselves."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
    ]
    above = {getattr(dat_keras, name) for name in dat_keras.__all__}
    return sorted(
        name
        for name in names
        if not name.startswith("_")
        and callable(value := getattr(module, name))
        and inspect.isclass(value) | inspect.isfunction(value)
        and value not in above
    )


def _path(value: object) -> str:
    return f"{value.__module__}.{value.__qualname__}"  # type: ignore[attr-defined]


def _directive(heading: str, path: str, **options: object) -> str:
    """Has mkdocstrings show what lies at a path, under a heading."""
    options = {"heading": heading, **options}
    lines = [f"        {key}: {value}" for key, value in options.items()]
    return "\n".join([f"::: {path}", "    options:", *lines])


def zoo() -> str:
    """The bundled models, by data set and robust accuracy per CPU-hour."""
    names = ["natural", "pgd20", "autoattack"]
    models = sorted(cards(), key=lambda c: (c.spec.dataset, -_efficiency(c)))
    rows = [
        [f"[`{card.name}`](#{card.name})"]
        + [_accuracy(card, name) for name in names]
        + [f"{card.provenance['cpu_hours']:.2g}", f"{_efficiency(card):.0f}"]
        for card in models
    ]
    header = ["model", *names, "CPU-hours", "per CPU-hour"]
    threats = {f"{c.spec.norm} {pixel_fraction(c.spec.eps)}" for c in models}
    best = max(
        (card for card in models if card.spec.dataset == "cifar10"),
        key=_robust,
    )
    return (
        "# Model zoo\n\n"
        "Models that come with the package, by data set and by robust "
        "accuracy under\nAutoAttack per hour of CPU time of the training. "
        "The most robust one for\nCIFAR-10 is "
        f"[`{best.name}`](#{best.name}).\n\n"
        "`dk.load_model(NAME)` loads one, `dat-keras info NAME` prints its "
        "card,\nwith all attacks. They are small nets, trained for minutes or "
        "hours on a CPU:\nno reference for their methods.\n\n"
        f"{markdown([header, *rows])}\n\n"
        "Accuracy in % with its 95 % Wilson interval, and the number of test\n"
        f"images; {', '.join(sorted(threats))}, strict protocol, seed 0.\n"
        "*Per CPU-hour* is percent under AutoAttack; the CPU-hours of the "
        "ResNet-8s are\nan upper bound, the time by the clock on two cores.\n\n"
        + "\n".join(map(_card, models))
    )


def _rows(card: ZooCard) -> dict[str, dict]:
    """The row of each attack on most images."""
    found: dict[str, dict] = {}
    for report in card.reports:
        for name, row in report["attacks"].items():
            if row["total"] >= found.get(name, row)["total"]:
                found[name] = row
    return found


def _robust(card: ZooCard) -> float:
    return _rows(card)["autoattack"]["accuracy"]


def _efficiency(card: ZooCard) -> float:
    return 100 * _robust(card) / card.provenance["cpu_hours"]


def _accuracy(card: ZooCard, name: str) -> str:
    row = _rows(card)[name]
    low, high = (end.strip() for end in interval(row))
    return f"{100 * row['accuracy']:.1f} ({low} - {high}), {row['total']}"


def _card(card: ZooCard) -> str:
    lines = [
        f"- {key.replace('_', ' ')}: `{value}`"
        for key, value in sorted(card.provenance.items())
    ]
    (weights,) = card.files.values()
    lines += [
        f"- architecture: `{card.spec.architecture}`",
        f"- sha256 of the weights: `{weights.sha256}`",
    ]
    told = cautions(results(weights.sha256, card.reports))
    lines += [f"- caution, {code}: {said}" for code, said in told.items()]
    return f"## {card.name}\n\n" + "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli,
    "recipes.md": recipes,
    "reference.md": reference,
    "zoo.md": zoo,
}
"""The generated pages, and the functions that write their text."""


def text(name: str) -> str:
    """Returns the text of a generated page."""
    return NOTE + PAGES[name]()


if __name__ == "__main__":
    for page in PAGES:
        (DOCS / page).write_text(text(page))
