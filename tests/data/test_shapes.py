import hashlib

import numpy as np
import pytest

from dat_keras.data import shapes
from dat_keras.data.shapes import COUNTS, SHAPES, draw

TAN36 = np.tan(np.pi / 5)


@pytest.fixture(scope="module")
def parts():
    return {part: draw(part) for part in COUNTS}


@pytest.mark.parametrize(
    ("part", "digest"),
    [
        (
            "train",
            "52fd0b91ee85931cb762e8929ef01e32706d9e099f7649f716a34adfce44a2a0",
        ),
        (
            "validation",
            "8cf81817067b0a663b783bf766d00c2b336ac8d1fa350313eb47d994b02bab32",
        ),
        (
            "test",
            "278d4ebab4b0bc4a6010b6935d84fc034a3c980e52cfbae51e810f0b2b60ccf2",
        ),
    ],
)
def test_first_bytes_are_pinned(parts, part, digest):
    first = parts[part].images[:64]
    assert hashlib.sha256(first.tobytes()).hexdigest() == digest


def test_whole_set_is_pinned(parts):
    assert (
        parts["train"].fingerprint()
        == "ac2d622f546f50db983c29b73e3dd65e4d0ea319613c875d35c3c7a13e28229f"
    )


def test_parts_have_their_size_and_balanced_classes(parts):
    for part, count in COUNTS.items():
        split = parts[part]
        assert split.images.shape == (count, 32, 32, 3)
        assert (np.bincount(split.labels) == count // 10).all()
        assert split.class_names == tuple(SHAPES)


def test_unknown_part_is_named():
    with pytest.raises(ValueError, match="Unknown part 'val'"):
        draw("val")


def test_no_image_occurs_twice(parts):
    images = np.concatenate([split.images for split in parts.values()])
    assert len({image.tobytes() for image in images}) == len(images)


def test_shape_and_background_differ_far_beyond_the_attack():
    shade = np.random.default_rng(0).random((1000, 7), np.float32)
    background, colour = (c[:, 0, 0] for c in shapes._shades(shade))
    luminance = np.array([0.299, 0.587, 0.114])
    assert np.abs((colour - background) @ luminance).min() > 0.399
    for colours in (background, colour):
        assert colours.min() > 0 and colours.max() < 1


def test_the_attack_can_erase_each_cue_and_cues_are_orthogonal():
    cues = shapes._cues().reshape(10, -1)
    assert np.abs(cues).max() < 8 / 255
    gram = cues @ cues.T / (cues**2).sum(1)
    np.testing.assert_allclose(gram, np.eye(10), atol=1e-5)


def area(name, n=801):
    axis = np.linspace(-1.5, 1.5, n)
    u, v = np.meshgrid(axis, axis)
    return (SHAPES[name](u, v) < 0).mean() * 9


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("circle", np.pi * 0.81),
        ("square", 1.6**2),
        ("triangle", 3 * np.sqrt(3) * 0.55**2),
        ("cross", 2 * 2 * 0.56 - 0.56**2),
        ("ring", np.pi * (1 - 0.25)),
        # A pentagon of inradius 0.36 and a triangle on each of its sides.
        ("star", 5 * 0.36**2 * (TAN36 + TAN36**2 * np.tan(2 * np.pi / 5))),
        ("diamond", 0.5 * (2 * 0.5 / 0.86) * (2 * 0.5 / 0.5)),
        ("horizontal bar", 2.0 * 0.6),
        ("vertical bar", 2.0 * 0.6),
    ],
)
def test_fields_enclose_the_area_of_their_shape(name, exact):
    assert area(name) == pytest.approx(exact, rel=0.01)


def test_bars_lie_as_their_names_say(parts):
    split = parts["test"]

    def spread(name):
        images = split.images[split.labels == split.class_names.index(name)]
        grey = (
            images.mean(-1) - np.median(images.mean(-1), (1, 2))[:, None, None]
        )
        drawn = np.abs(grey) > 50
        return drawn.any(1).sum(-1).mean(), drawn.any(2).sum(-1).mean()

    width, height = spread("horizontal bar")
    assert width > 1.4 * height
    width, height = spread("vertical bar")
    assert height > 1.4 * width
