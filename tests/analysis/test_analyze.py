"""`analyze` against tables worked out by hand, and what it refuses."""

import json

import keras
import numpy as np
import pytest

from dat_keras.analysis.analyze import analyze
from dat_keras.analysis.band_swap import partners
from dat_keras.analysis.report import SpectralReport
from dat_keras.analysis.subject import Subject
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.objectives import DAT, PGDAT
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.errors import DamagedFileError


def test_a_reader_of_the_mean_loses_all_to_amplitude(mean_reader, grey_images):
    """PGD moves every pixel by eps: images nearer to 0.5 than that break."""
    x, y = grey_images
    report = analyze(mean_reader, (x, y), eps=(0.02, 0.04))
    (model,) = report.models
    gaps = np.abs(x.mean((1, 2, 3)) - 0.5)
    for swap in model.swaps:
        robust = int((gaps > swap.eps).sum())
        assert swap.correct == (12, robust, robust, 12)
        assert (swap.only_amplitude, swap.only_phase) == (12 - robust, 0)
        # All of the change is in frequency zero, 64 pixels of eps each.
        size = 8 * swap.eps
        np.testing.assert_allclose(swap.l2[:3], (0, size, size), rtol=1e-4)
        assert swap.l2[3] < 1e-5
    assert model.largest.costlier() == "amplitude"
    assert model.profile.energy_shares[0] > 1 - 1e-6
    assert max(model.profile.phase_change) < 1e-4


def test_a_reader_of_a_phase_loses_all_to_phase(phase_reader, grey_images):
    """x + eps sign(w) moves `Re F(0, 1)` by eps times the sum of `|w|`."""
    x, _ = grey_images
    wave = phase_reader.layers[-1].get_weights()[0][:, 1].astype("d")
    value = x.reshape(12, -1).astype("d") @ wave
    y = (value > 0).astype(int)
    # A radius that breaks half of them.
    eps = float(np.median(np.abs(value)) / np.abs(wave).sum())
    (model,) = analyze(phase_reader, (x, y), eps=eps).models
    assert model.largest.correct == (12, 6, 12, 6)
    assert model.largest.only_phase == 6
    assert model.largest.costlier() == "phase"


def test_a_reader_of_the_mean_leans_on_the_mean_alone(mean_reader, grey_images):
    x, y = grey_images
    (model,) = analyze(mean_reader, (x, y), eps=0.01, seed=3).models
    lent = int((y[partners(12, 3)] == y).sum())
    counts = {band.name: band.correct for band in model.bands}
    assert counts.pop("mean") == counts.pop("all") == lent < 12
    assert set(counts.values()) == {12}


def test_x_adv_is_that_of_evaluate(tiny_model, batch):
    x, y = (part.numpy() for part in batch)
    (model,) = analyze(tiny_model, (x, y), eps=8 / 255, seed=2).models
    attacks = evaluate(tiny_model, (x, y), "pgd20", seed=2, protocol="dat")
    assert model.largest.correct[:2] == (
        attacks["natural"].correct,
        attacks["pgd20"].correct,
    )


def test_batches_do_not_matter(mean_reader, grey_images):
    results = [
        analyze(mean_reader, grey_images, eps=0.03, batch_size=size).models[0]
        for size in (12, 5)
    ]
    assert results[0].largest.correct == results[1].largest.correct
    assert results[0].bands == results[1].bands


def test_in_l2_all_pixels_share_the_radius(mean_reader, grey_images):
    report = analyze(mean_reader, grey_images, norm="l2", eps=0.44)
    gaps = np.abs(grey_images[0].mean((1, 2, 3)) - 0.5)
    robust = int((gaps > 0.44 / 8).sum())
    assert report.models[0].largest.correct[1] == robust == 2


@pytest.mark.parametrize(
    ("norm", "radii"),
    [("linf", (2 / 255, 4 / 255, 8 / 255)), ("l2", (0.125, 0.25, 0.5))],
)
def test_the_usual_radius_and_parts_of_it(
    mean_reader, grey_images, norm, radii
):
    report = analyze(mean_reader, grey_images, norm=norm, attack="fgsm")
    found = tuple(swap.eps for swap in report.models[0].swaps)
    np.testing.assert_allclose(found, radii)


def test_a_report_says_everything_and_comes_back_from_its_file(
    mean_reader, grey_images, tmp_path
):
    told = []
    report = analyze(
        {"a": mean_reader, "b": mean_reader},
        grey_images,
        eps=8 / 255,
        n_examples=10,
        seed=7,
        progress=lambda *task: told.append(task),
    )
    title = "the first 10 images of arrays, linf eps 8/255, pgd20, seed 7"
    assert report.title() == title
    text = str(report).splitlines()
    assert text[0] == title
    assert text[1].split() == [
        "model",
        *report.cells()[0][1:5],
        "costs",
        "more",
    ]
    assert text[2].startswith("a ") and text[3].startswith("b ")
    assert text[4].startswith("a: the amplitude's half costs more (x'_amp ")
    assert ("a: pgd20 eps 8/255", 10, 10) in told
    path = tmp_path / "r.json"
    report.save(path)
    assert SpectralReport.read(path) == report
    path.write_text(json.dumps({"class": "Linf"}))
    with pytest.raises(DamagedFileError, match=r"r\.json"):
        SpectralReport.read(path)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"attack": "pdg20"}, "Did you mean 'pgd20'"),
        ({"norm": "l7"}, "Unknown norm 'l7'"),
        ({"eps": 8}, "Did you mean 8/255"),
        ({"eps": (0.1, 0.1)}, "several that differ"),
        ({"eps": 0.0}, "must be a positive number"),
        ({"eps": ()}, "must be a positive number"),
        ({"n_examples": 1}, "at least 2"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_bad_arguments_are_refused(mean_reader, grey_images, options, line):
    with pytest.raises(ValueError, match=line):
        analyze(mean_reader, grey_images, **options)


def test_no_model_is_refused(grey_images):
    with pytest.raises(ValueError, match="must name a model"):
        analyze({}, grey_images)
    with pytest.raises(TypeError, match=r"dk\.load_model"):
        analyze("runs/a", grey_images)


def fitted(make_tiny, objective, branches):
    model = AdversarialModel(make_tiny(branches=branches), objective)
    model.compile(optimizer=SGD(0.1))
    return model


def test_recombined_images_begin_as_the_images(make_tiny, batch):
    x, y = (part.numpy() for part in batch)
    model = fitted(make_tiny, DAT(), 2)
    (spectra,) = analyze(model, (x, y), eps=0.01).models
    found = spectra.recombined
    assert found.correct[0] == spectra.largest.correct[0]
    assert found.ratios == (0.0, 0.25, 0.5, 0.75, 1.0)
    # Generated amplitudes are in (0, 1), the images' means are 64 times 0.5.
    assert max(found.generated) < np.log(2)
    assert found.own[0] > np.log(1 + 0.3 * 64)
    assert spectra.generator == "of the model in training"


def test_without_a_generator_the_report_says_so(make_tiny, batch):
    x, y = (part.numpy() for part in batch)
    (spectra,) = analyze(fitted(make_tiny, PGDAT(), 1), (x, y)).models
    assert spectra.recombined is None
    assert spectra.generator == "none: PGDAT generates no amplitudes"


def test_borrowed_amplitudes_are_those_of_other_images(make_tiny, batch):
    x, y = (part.numpy() for part in batch)
    model = make_tiny(branches=2)
    dat = DAT(learned_amplitude=False)
    adversary = dat.build_adversary(ClassifierSpec.of(model))
    subject = {"a": Subject(model, adversary, "other images")}
    (spectra,) = analyze(subject, (x, y), eps=0.01).models
    np.testing.assert_allclose(
        spectra.recombined.own, spectra.recombined.generated, rtol=1e-5
    )


def test_grey_images_of_224_pixels_and_1000_classes():
    x = np.random.default_rng(1).uniform(size=(4, 224, 224, 1)).astype("f")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.AveragePooling2D(56),
            keras.layers.Flatten(),
            keras.layers.Dense(1000),
        ]
    )
    y = model(x).numpy().argmax(-1)
    (spectra,) = analyze(model, (x, y), eps=0.5, attack="fgsm").models
    assert spectra.largest.correct[0] == 4 > spectra.largest.correct[1]
    np.testing.assert_allclose(sum(spectra.profile.energy_shares), 1)
