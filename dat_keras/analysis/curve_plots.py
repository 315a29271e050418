"""Figures of numbers: accuracies, curves over the radius, rings and bands."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from dat_keras.analysis.model_spectra import VARIANTS
from dat_keras.analysis.plot_style import (
    BLACK,
    GREY,
    PANEL,
    VARIANT_COLORS,
    VARIANT_HATCHES,
    VARIANT_MARKERS,
    grid,
    intervals_of,
    new_figure,
    percent_axis,
    series,
    wrapped,
)
from dat_keras.analysis.spectral_numbers import SpectralNumbers
from dat_keras.utils.norms import RADIUS_UNITS


def accuracy_figure(report: SpectralNumbers) -> Figure:
    """A panel for each model: accuracy on the image and its three variants.

    Args:
        report: The numbers.
    """
    caption = f"{report.title()}. Whiskers: 95 % Wilson interval."
    figure, axes = grid(len(report.models), caption)
    for axis, model in zip(axes, report.models, strict=True):
        heights, errors = intervals_of(model.largest.correct, report.n_examples)
        bars = axis.bar(
            VARIANTS,
            heights,
            yerr=errors,
            capsize=3,
            color=VARIANT_COLORS,
            edgecolor="white",
            error_kw={"ecolor": BLACK, "elinewidth": 1},
        )
        for bar, hatch in zip(bars, VARIANT_HATCHES, strict=True):
            bar.set_hatch(hatch)
        for i, height in enumerate(heights):
            top = height + errors[1][i] + 1.5
            axis.text(i, top, f"{height:.1f}", ha="center", fontsize=8)
        axis.set_title(wrapped(model.name), fontsize=9)
        percent_axis(axis, "")
    axes[0].set_ylabel("accuracy (%)")
    return figure


def radius_figure(report: SpectralNumbers) -> Figure:
    """A panel for each model: the same accuracies against the radius.

    Args:
        report: The numbers.
    """
    caption = f"{report.title(all_radii=True)}. Bars: 95 % Wilson interval."
    figure, axes = grid(len(report.models), caption)
    unit = RADIUS_UNITS[report.norm]
    for axis, model in zip(axes, report.models, strict=True):
        natural = model.swaps[0].correct[0]
        radii = [0.0, *(unit.per_one * swap.eps for swap in model.swaps)]
        for i in (1, 2, 3):
            counts = [natural, *(swap.correct[i] for swap in model.swaps)]
            heights, errors = intervals_of(counts, report.n_examples)
            axis.errorbar(
                radii,
                heights,
                errors,
                label=VARIANTS[i],
                color=VARIANT_COLORS[i],
                marker=VARIANT_MARKERS[i],
                markersize=4,
                capsize=2,
                linewidth=1.4,
            )
        axis.set_title(wrapped(model.name), fontsize=9)
        axis.set_xlabel(unit.axis)
        percent_axis(axis, "")
    axes[0].set_ylabel("accuracy (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def ring_figure(report: SpectralNumbers) -> Figure:
    """Energy of the perturbation and changes of phase and amplitude by ring.

    Args:
        report: The numbers.
    """
    rows = -(-len(report.models) // 2)
    figure = new_figure(3 * PANEL, 3.4 + 0.25 * rows, report.title())
    panels = {
        "share of the perturbation's energy (%)": lambda p: [
            100 * share for share in p.energy_shares
        ],
        "mean |change of phase| (radians)": lambda p: p.phase_change,
        "mean |change of log-amplitude|": lambda p: p.log_amplitude_change,
    }
    axes = figure.subplots(1, 3)
    looks = series(len(report.models))
    for axis, (label, values) in zip(axes, panels.items(), strict=True):
        for model, look in zip(report.models, looks, strict=True):
            axis.plot(
                model.profile.frequencies,
                values(model.profile),
                label=model.name,
                markevery=max(1, len(model.profile.counts) // 12),
                linewidth=1.3,
                **look,
            )
        axis.set_xlabel("frequency (cycles per pixel)")
        axis.set_ylabel(label)
        axis.spines[["top", "right"]].set_visible(False)
    first = report.models[0].profile
    axes[0].plot(
        first.frequencies,
        [100 * share for share in first.white_shares],
        color=GREY,
        linewidth=4,
        alpha=0.5,
        zorder=0,
        label="white noise",
    )
    for axis in axes:
        # After the last line: it fixes the upper end, too.
        axis.set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    _legend(figure, handles, labels)
    return figure


def band_figure(report: SpectralNumbers) -> Figure:
    """Accuracy with another image's amplitudes in one band of frequencies.

    Args:
        report: The numbers.
    """
    rows = -(-len(report.models) // 2)
    names = ["none", *(band.name for band in report.models[0].bands)]
    width = max(6.4, 0.85 * len(names) + 1)
    caption = f"{report.title()} (no attack here). Bars: 95 % Wilson interval."
    figure = new_figure(width, 3.4 + 0.25 * rows, caption)
    axis = figure.subplots()
    models = report.models
    for i, (model, look) in enumerate(
        zip(models, series(len(models)), strict=True)
    ):
        counts = [
            model.largest.correct[0],
            *(band.correct for band in model.bands),
        ]
        heights, errors = intervals_of(counts, report.n_examples)
        # Side by side, so that no interval hides another.
        shift = 0.5 * ((i + 0.5) / len(models) - 0.5)
        places = [place + shift for place in range(len(names))]
        axis.errorbar(
            places,
            heights,
            errors,
            label=model.name,
            capsize=2,
            **{**look, "linestyle": "none"},
        )
    axis.set_xticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel(
        "amplitudes taken from another image (cycles per pixel)", fontsize=9
    )
    axis.grid(axis="y", color="#d0d7de", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    percent_axis(axis)
    _legend(figure, *axis.get_legend_handles_labels())
    return figure


def recombined_spectrum_figure(report: SpectralNumbers) -> Figure:
    """Accuracy along the ratio, and amplitudes by ring, of DAT's runs.

    Args:
        report: The numbers; a model at least has a generator.
    """
    found = [m for m in report.models if m.recombined]
    caption = f"{report.title()} (no attack here). Bars: 95 % Wilson interval."
    height = 3.3 + 0.25 * len(found)
    figure = new_figure(2 * PANEL + 1, height, caption)
    left, right = figure.subplots(1, 2)
    for model, look in zip(found, series(len(found)), strict=True):
        recombined = model.recombined
        if recombined is None:
            continue
        heights, errors = intervals_of(recombined.correct, report.n_examples)
        left.errorbar(
            recombined.ratios,
            heights,
            errors,
            capsize=2,
            label=model.name,
            **look,
        )
        look = {**look, "linestyle": "-", "markersize": 3}
        lengths = model.profile.frequencies
        right.plot(lengths, recombined.generated, **look)
    right.plot(
        found[0].profile.frequencies,
        found[0].recombined.own if found[0].recombined else (),
        color=BLACK,
        linestyle="--",
        label="the images' own",
    )
    left.set_xlabel("ratio of the generated amplitude")
    percent_axis(left)
    right.set_xlabel("frequency (cycles per pixel)")
    right.set_ylabel("mean log(1 + amplitude)")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    handles, labels = left.get_legend_handles_labels()
    own, own_label = right.get_legend_handles_labels()
    _legend(figure, [*handles, *own], [*labels, *own_label])
    return figure


def _legend(figure: Figure, handles: list, labels: list[str]) -> None:
    figure.legend(
        handles, labels, loc="outside upper center", ncols=2, fontsize=8
    )


def number_figures(
    report: SpectralNumbers,
) -> Iterator[tuple[str, str, Figure]]:
    """Yields section and file name of each figure of numbers, and the figure.

    Args:
        report: The numbers.
    """
    yield "accuracy", "accuracy.png", accuracy_figure(report)
    yield "radius", "radius.png", radius_figure(report)
    yield "rings", "rings.png", ring_figure(report)
    yield "bands", "bands.png", band_figure(report)
    if any(model.recombined for model in report.models):
        figure = recombined_spectrum_figure(report)
        yield "recombined", "recombined.png", figure
