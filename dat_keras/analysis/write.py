"""Writes an analysis into a folder: JSON, figures, and a page with both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from dat_keras.analysis.curve_plots import number_figures
from dat_keras.analysis.html_page import Picture
from dat_keras.analysis.image_plots import (
    along_training_figure,
    recombined_figure,
    spectra_figure,
    variants_figure,
)
from dat_keras.analysis.measure import Pictures
from dat_keras.analysis.output_folder import JSON, PAGE, clear_analysis
from dat_keras.analysis.page import page
from dat_keras.analysis.plot_style import png
from dat_keras.analysis.report import SpectralReport
from dat_keras.utils.files import write_whole


def write(
    report: SpectralReport, pictures: Mapping[str, Pictures], folder: Path
) -> None:
    """Writes `report.json`, PNGs and the self-contained `index.html`.

    Args:
        report: The numbers.
        pictures: Images of each model, by its name.
        folder: The folder, made if missing; an earlier analysis is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clear_analysis(folder)
    shown = [
        Picture(section, file, model, png(figure))
        for section, file, model, figure in _figures(report, pictures)
    ]
    for picture in shown:
        write_whole(folder / picture.file, picture.copy_to)
    html = page(report, shown).encode()
    write_whole(folder / PAGE, lambda file: file.write(html))
    report.save(folder / JSON)


def _figures(
    report: SpectralReport, pictures: Mapping[str, Pictures]
) -> Iterator[tuple[str, str, str, Figure]]:
    """Yields each figure's section, file and model, and the figure."""
    title = report.title()
    for section, file, figure in number_figures(report):
        yield section, file, "", figure
    for number, model in enumerate(report.models, start=1):
        name, own = model.name, pictures[model.name]
        figure = variants_figure(name, own, title)
        yield "images", f"images-{number}.png", name, figure
        figure = spectra_figure(name, own, title)
        yield "spectra", f"spectra-{number}.png", name, figure
        if model.recombined:
            ratios = model.recombined.ratios
            figure = recombined_figure(name, own, ratios, title)
            yield "recombined", f"recombined-{number}.png", name, figure
        if own.along is not None:
            figure = along_training_figure(name, own.along, title)
            yield "recombined", f"training-{number}.png", name, figure
