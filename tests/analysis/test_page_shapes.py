"""Pages of grey, colour, small, large and oblong images; 2 to 1000 classes."""

import keras
import numpy as np
import pytest

from dat_keras.analysis.analyze import analyze
from dat_keras.analysis.robustness.write_report import write_report

CASES = [
    pytest.param((28, 28, 1), 2, id="grey-2-classes"),
    pytest.param((12, 20, 3), 1000, id="oblong-1000-classes"),
    pytest.param(
        (224, 224, 3), 10, id="224-pixels", marks=pytest.mark.thorough
    ),
    pytest.param(
        (96, 64, 1), 100, id="oblong-grey", marks=pytest.mark.thorough
    ),
]


@pytest.mark.parametrize(("shape", "classes"), CASES)
def test_both_pages_are_written(shape, classes, tmp_path):
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(classes),
        ]
    )
    x = np.random.default_rng(1).uniform(size=(3, *shape)).astype("f")
    y = net.predict(x, verbose=0).argmax(-1)
    page = tmp_path / "report.html"
    options = {"n_bisected": 2, "apgd": False}
    report = write_report({"net": net}, (x, y), page, **options)
    (model,) = report.models
    assert model.curve[0].correct == 3 and len(model.breaking) == 2
    assert len(model.clean.counts) == classes
    assert page.read_text().count("<img alt=") == 5
    found = analyze({"net": net}, (x, y), tmp_path / "analysis", eps=0.02)
    assert found.models[0].largest.correct[0] == 3
    assert found.models[0].bands[-1].name == "all"
    folder = tmp_path / "analysis"
    for name in ("index.html", "images-1.png", "spectra-1.png"):
        assert (folder / name).stat().st_size > 10_000
