"""Figure of the least and most robust images with their adversarial twins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dat_keras.analysis.plot_style import draw_image, new_figure, wrapped
from dat_keras.analysis.robustness.figures import WIDTH
from dat_keras.analysis.robustness.measure_robustness import Example
from dat_keras.analysis.robustness.model_robustness import ModelRobustness
from dat_keras.analysis.robustness.robustness_numbers import RobustnessNumbers


def example_figure(
    report: RobustnessNumbers,
    model: ModelRobustness,
    examples: Sequence[Example],
) -> Figure:
    """Each image, its twin at the breaking radius, and their difference.

    The difference of each pair is amplified to the same contrast; its factor
    is written above it.

    Args:
        report: The numbers.
        model: Those of one classifier.
        examples: Its images, least robust first.
    """
    rows = len(examples)
    height, width = examples[0].image.shape[:2]
    cell = (WIDTH - 0.2) / 3
    caption = (
        f"Of the first {len(model.breaking)} images of {report.data} that "
        f"are right; {report.norm}, PGD-20, seed {report.seed}. Smallest eps "
        "on a grid that breaks the image, or the largest tried."
    )
    figure = new_figure(
        WIDTH, rows * (min(2.0, cell * height / width) + 0.5) + 1.0, caption
    )
    figure.suptitle(wrapped(model.name, 44), fontsize=10)
    axes = figure.subplots(rows, 3, squeeze=False)
    for (left, middle, right), each in zip(axes, examples, strict=True):
        found = each.breaking
        names = report.class_names
        draw_image(left, each.image)
        left.set_title(
            f"rank {each.rank} of {each.of}: image {found.position}\n"
            + wrapped(names[found.label], 20),
            fontsize=7,
        )
        draw_image(middle, each.twin)
        middle.set_title(
            f"eps {report.breaking_text(model, found.eps)}: taken for\n"
            + wrapped(names[found.taken_for], 20),
            fontsize=7,
        )
        change = each.twin - each.image
        gain = 0.5 / max(float(np.abs(change).max()), 1e-6)
        draw_image(right, np.clip(0.5 + gain * change, 0, 1))
        right.set_title(f"difference\ntimes {gain:.3g}", fontsize=7)
    return figure
