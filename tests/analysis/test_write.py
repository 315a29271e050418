"""Files of an analysis: figures that say what was measured, one page, JSON."""

import importlib.util
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from fake_notebook import fake_notebook
from matplotlib.figure import Figure

from dat_keras.analysis import curve_plots, image_plots
from dat_keras.analysis.along_training import AlongTraining
from dat_keras.analysis.analyze import analyze
from dat_keras.analysis.measure import Pictures
from dat_keras.analysis.model_spectra import VARIANTS
from dat_keras.analysis.output_folder import check_output
from dat_keras.analysis.report import SpectralReport
from dat_keras.analysis.subject import Subject
from dat_keras.objectives import DAT
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.errors import MissingPackageError, RunFolderError

EVIL = "runs/<b>a & b</b>"
"""A name that must be escaped in HTML."""

LOGGED = AlongTraining(
    (0, 5),
    (0.0, 0.25, 0.5, 0.75, 1.0),
    np.full((2, 5, 8, 8, 3), 128, "u1"),
    np.full((2, 8, 8, 1), 255, "u1"),
)


class Elements(HTMLParser):
    """Elements of a page with their attributes, and texts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory, make_tiny):
    """The report and the folder of a model of DAT and a plain one."""
    folder = tmp_path_factory.mktemp("analysis") / "out"
    model = AdversarialModel(make_tiny(branches=2), DAT())
    model.compile(optimizer=SGD(0.1))
    x = np.random.default_rng(1).uniform(size=(8, 8, 8, 3)).astype("f")
    y = np.array([0, 1, 2, 3] * 2)
    models = {EVIL: replace(Subject.of(model), along=LOGGED)}
    models["plain"] = make_tiny()
    report = analyze(models, (x, y), folder, eps=(0.02, 8 / 255), attack="fgsm")
    return report, folder


def test_a_notebook_shows_the_figures_of_the_folder(written, monkeypatch):
    report, folder = written
    shown = fake_notebook(monkeypatch)
    report.show()
    names = ("accuracy", "radius", "rings", "bands", "recombined")
    assert shown == [(folder / f"{n}.png").read_bytes() for n in names]


def test_without_a_notebook_one_line_says_what_to_install(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(MissingPackageError, match="notebook"):
        written[0].show()


def test_the_folder_holds_all_files_and_no_other(written):
    report, folder = written
    each = [f"{kind}-{i}.png" for kind in ("images", "spectra") for i in (1, 2)]
    shared = [f"{n}.png" for n in ("accuracy", "radius", "rings", "bands")]
    found = ["recombined.png", "recombined-1.png", "training-1.png"]
    found += ["index.html", "report.json"]
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [*each, *shared, *found]
    )
    assert SpectralReport.read(folder / "report.json") == report


def test_the_page_stands_alone_and_says_everything(written):
    report, folder = written
    text = (folder / "index.html").read_text()
    page = Elements(text)
    images = page.of("img")
    assert len(images) == len(list(folder.glob("*.png")))
    assert all(i["src"].startswith("data:image/png;base64,") for i in images)
    assert all(report.title() in image["alt"] for image in images)
    # No network: nothing is linked or loaded.
    assert not page.of("script") + page.of("link") + page.of("a")
    assert "http" not in text
    for line in (report.title(), *report.findings(), EVIL, report.settings):
        assert line in page.text
    assert f"{EVIL}: of the model in training" in page.text
    assert "plain: none: a model alone has no generator" in page.text
    assert not page.of("b")
    for table in (
        report.cells(),
        report.curve_cells(),
        report.band_cells(),
        report.ring_cells(),
        report.recombined_cells(),
    ):
        assert all(cell in page.text for row in table for cell in row)
    assert "prefers-color-scheme: dark" in text
    assert {"name": "viewport"}.items() <= page.of("meta")[1].items()


def test_a_notebook_and_a_data_frame_hold_the_numbers(written):
    report, _ = written
    page = Elements(report._repr_html_())
    for line in (report.title(), *report.findings()):
        assert line in page.text
    assert not page.of("b")
    frame = report.to_pandas()
    assert len(frame) == 2 * 2 * len(VARIANTS)
    chosen = frame[(frame["model"] == EVIL) & (frame["eps"] == 8 / 255)]
    assert tuple(chosen["correct"]) == report.models[0].largest.correct
    assert (frame["accuracy"] == frame["correct"] / report.n_examples).all()


def caption_of(figure):
    return figure.get_supxlabel().replace("\n", " ")


def test_every_figure_states_what_was_measured(written):
    report, _ = written
    shape = (8, 8, 3)
    draw = np.random.default_rng(0)
    pictures = Pictures(
        draw.uniform(size=(4, 3, *shape)),
        np.zeros((4, 3), int),
        np.zeros(3, int),
        draw.uniform(size=(5, 3, *shape)),
        draw.uniform(size=(5, 3, 3, 8, 8)),
    )
    title = report.title()
    figures = [
        curve_plots.accuracy_figure(report),
        curve_plots.ring_figure(report),
        curve_plots.band_figure(report),
        curve_plots.recombined_spectrum_figure(report),
        image_plots.variants_figure("a", pictures, title),
        image_plots.spectra_figure("a", pictures, title),
        image_plots.recombined_figure(
            "a", pictures, (0, 0.25, 0.5, 0.75, 1), title
        ),
        image_plots.along_training_figure("a", LOGGED, title),
    ]
    for figure in figures:
        assert isinstance(figure, Figure)
        assert caption_of(figure).startswith(title)
    radius = caption_of(curve_plots.radius_figure(report))
    assert radius.startswith(report.title(all_radii=True))
    assert "eps 0.02, 8/255, fgsm, seed 0" in radius


def test_along_training_an_epoch_is_a_row():
    axes = image_plots.along_training_figure("a", LOGGED, "").axes
    assert len(axes) == 2 * 6
    assert [axes[i].get_ylabel() for i in (0, 6)] == ["epoch 0", "epoch 5"]
    titles = [axis.get_title() for axis in axes[:6]]
    assert titles[0::4] == ["x", "ratio 1"] and titles[-1] == "log(1 + A)"
    assert (axes[0].images[0].get_array() == 128 / 255).all()
    assert (axes[5].images[0].get_array() == 1).all()


def test_bars_have_the_heights_of_the_table(written):
    report, _ = written
    axis = curve_plots.accuracy_figure(report).axes[0]
    heights = [100 * c / 8 for c in report.models[0].largest.correct]
    assert [bar.get_height() for bar in axis.patches] == heights


def test_the_first_ring_is_drawn_at_zero(written):
    report, _ = written
    axis = curve_plots.ring_figure(report).axes[0]
    x, y = axis.lines[0].get_data()
    assert x[0] == 0
    np.testing.assert_allclose(sum(y), 100)


def test_another_folder_is_refused_before_any_attack(
    written, tmp_path, tiny_model, batch
):
    _, folder = written
    data = tuple(part.numpy() for part in batch)
    with pytest.raises(RunFolderError, match="an analysis.*--overwrite"):
        analyze(tiny_model, data, folder)
    (tmp_path / "a").touch()
    with pytest.raises(RunFolderError, match="other files"):
        analyze(tiny_model, data, tmp_path, overwrite=True)
    with pytest.raises(RunFolderError, match="is no folder"):
        analyze(tiny_model, data, tmp_path / "a")
    check_output(folder, overwrite=True)


def test_without_matplotlib_one_line_says_what_to_install(
    monkeypatch, tmp_path, tiny_model, batch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "matplotlib" else find(name, *rest),
    )
    data = tuple(part.numpy() for part in batch)
    with pytest.raises(MissingPackageError, match=r"'dat-keras\[plots\]'$"):
        analyze(tiny_model, data, tmp_path / "a")
    assert not (tmp_path / "a").exists()
