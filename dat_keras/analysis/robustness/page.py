"""The page of a report: training, accuracy, classes, images, cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dat_keras.analysis.html_page import (
    document,
    figure,
    folded_table,
    section,
)
from dat_keras.analysis.plot_style import png
from dat_keras.analysis.robustness.accuracy_figures import (
    radius_figure,
    survivor_figure,
)
from dat_keras.analysis.robustness.figures import (
    breaking_figure,
    class_figure,
    confusion_figure,
    training_caption,
    training_figure,
)
from dat_keras.analysis.robustness.further_sections import (
    corruption_section,
    distance_section,
)
from dat_keras.analysis.robustness.image_figures import example_figure
from dat_keras.analysis.robustness.measure_robustness import Example
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers
from dat_keras.analysis.robustness.robustness_sections import (
    attack_section,
    certificate_section,
    transfer_section,
    union_section,
)
from dat_keras.analysis.settings_table import settings_table

RADIUS = (
    "PGD-20 with steps of a quarter of the radius; an image that is wrong "
    "before, or at any iterate, counts as broken. The last radius is one "
    "whose ball holds every image: an attack that works leaves nothing there. "
    "Where APGD was run, it attacked the images that PGD-20 leaves."
)
AUTOATTACK = (
    "Images that are not broken after each part of AutoAttack: natural errors "
    "first, then each part on what those before it left."
)
CLASSES = (
    "Accuracy of each class, and which class is taken for which. Images that "
    "are wrong before the attack are not attacked and keep their class."
)
IMAGES = (
    "The smallest radius of a grid at which PGD-20 breaks an image, found by "
    "bisection, for the first images that are right. The table's last column "
    "is the class of the adversarial twin at that radius; images that no "
    "radius broke keep theirs."
)


def page(
    report: RobustnessNumbers, examples: Mapping[str, tuple[Example, ...]]
) -> str:
    """Returns the page as one HTML text with all figures inside.

    Args:
        report: The numbers.
        examples: Images of each model, by its name.
    """
    sections = [
        *_training(report),
        _radius(report),
        *_survivors(report),
        *union_section(report),
        *certificate_section(report),
        *distance_section(report),
        *corruption_section(report),
        *transfer_section(report),
        *attack_section(report),
        _classes(report),
        _images(report, examples),
        *_costs(report),
    ]
    return document(
        "Robustness report",
        report.title(),
        report.findings(),
        report.notes(),
        "".join(sections),
        settings_table(report),
    )


def _training(report: RobustnessNumbers) -> Iterator[str]:
    parts = []
    for name, record in report.runs.items():
        if not record.rows:
            continue
        caption = training_caption(record)
        alt = f"Training of {name} by epoch. {caption} Numbers: table below."
        drawn = png(training_figure(name, record))
        cells = report.history_cells(name)
        parts += [figure(drawn, alt), folded_table(cells, f"Table: {name}")]
    if parts:
        words = "Terms of the training loss, and accuracy on validation images."
        yield section("training", "Training", words, parts)


def _radius(report: RobustnessNumbers) -> str:
    alt = f"Accuracy against eps, {report.title('as below')}."
    parts = [
        figure(png(radius_figure(report)), f"{alt} Numbers: table below."),
        folded_table(report.curve_cells()),
    ]
    return section("radius", "Accuracy against the radius", RADIUS, parts)


def _survivors(report: RobustnessNumbers) -> Iterator[str]:
    parts = [
        figure(
            png(survivor_figure(model.name, run)),
            f"What AutoAttack leaves of {model.name}, {run.title()}. "
            "Numbers: table below.",
        )
        for model in report.models
        for run in model.autoattack
    ]
    if parts:
        parts.append(folded_table(report.survivor_cells()))
        yield section("autoattack", "AutoAttack", AUTOATTACK, parts)


def _classes(report: RobustnessNumbers) -> str:
    parts = []
    for model in report.models:
        end = f"of {model.name}, {report.title()}. Numbers: table below."
        bars = png(class_figure(report, model))
        counts = png(confusion_figure(report, model))
        parts += [
            figure(bars, f"Accuracy by class {end}"),
            figure(counts, f"Which class is taken for which {end}"),
            folded_table(report.class_cells(model), f"Table: {model.name}"),
        ]
    return section("classes", "Classes", CLASSES, parts)


def _images(
    report: RobustnessNumbers, examples: Mapping[str, tuple[Example, ...]]
) -> str:
    parts = []
    for model in report.models:
        if not model.breaking:
            parts.append(folded_table([["model"], [f"{model.name}: no image"]]))
            continue
        shown = example_figure(report, model, examples[model.name])
        end = f"of {model.name}, {report.title('by image')}."
        parts += [
            figure(png(shown), f"Least and most robust images {end}"),
            figure(
                png(breaking_figure(report, model)),
                f"Share of images broken by eps {end} Numbers: table below.",
            ),
            folded_table(report.breaking_cells(model), f"Table: {model.name}"),
        ]
    return section("images", "Least and most robust images", IMAGES, parts)


def _costs(report: RobustnessNumbers) -> Iterator[str]:
    costs = report.cost_cells()
    if len(costs) > 1:
        words = "Seconds of the history, validation included."
        yield section("cost", "Cost of training", words, [folded_table(costs)])
    recipes = report.recipe_cells()
    if len(recipes) > 1:
        words = (
            "All settings of the run."
            if len(report.runs) == 1
            else "The settings in which the runs differ."
        )
        parts = [folded_table(recipes)]
        yield section("recipe", "Recipe", words, parts)
