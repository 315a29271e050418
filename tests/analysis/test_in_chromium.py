"""Pages in a real browser: their parts, on a phone and a screen.

Chromium is run headless on the files, without a network. `--dump-dom` returns
the layout, which a script measures that only this test adds to the page.
Screenshots stay in pytest's folder, or in the one that `DAT_KERAS_SCREENSHOTS`
names.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_runs import NATURAL
from toy_nets import opinionated

from dat_keras.analysis.analyze import analyze
from dat_keras.analysis.robustness.write_report import write_report
from dat_keras.core.weights import fingerprint
from dat_keras.evaluation.certifiers import certifier_of
from dat_keras.evaluation.report import Report
from dat_keras.evaluation.results import AttackResult
from dat_keras.training.train import train

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))),
    None,
)
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium found: apt install chromium"
    ),
]
WIDTHS = (400, 1200)
MEASURE = """<script>addEventListener("load", () => {
  const root = document.documentElement;
  const style = getComputedStyle(document.body);
  const seen = e => e.getBoundingClientRect();
  parent.postMessage(JSON.stringify({
    width: innerWidth,
    overflow: root.scrollWidth - innerWidth,
    page: style.backgroundColor,
    text: style.color,
    images: [...document.images].map(
      e => [e.naturalWidth, seen(e).width, e.alt.length]),
    narrow: [...document.querySelectorAll("td, th")].filter(
      e => e.textContent.length > 20 && seen(e).width < 90
        && seen(e).width > 0).map(e => e.textContent),
    wide: [...document.querySelectorAll("body > *, section > *")]
      .filter(e => seen(e).right > innerWidth + 1).map(e => e.tagName),
    sections: [...document.querySelectorAll("section")].map(
      e => [e.id, seen(e).height]),
    headings: [...document.querySelectorAll("h1, h2")].map(
      e => e.textContent),
    headerless: [...document.querySelectorAll("table")].filter(
      e => !e.querySelector("th[scope=col]")
        || !e.querySelector("th[scope=row]")).length,
    requests: performance.getEntriesByType("resource").map(e => e.name)
      .filter(name => !name.startsWith("data:")),
  }), "*");
});</script>"""
FRAME = """<!DOCTYPE html><body style="margin: 0">
<iframe src="inner.html" width="{width}" height="6000" style="border: 0">
</iframe><pre id="measured"></pre>
<script>onmessage = e => measured.textContent = e.data;</script>"""
"""A window cannot be as narrow as a phone, a frame in it can."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report with all its sections and an analysis, by name."""
    folder = tmp_path_factory.mktemp("pages")
    net, x, y = opinionated((12, 8, 3), count=12)
    run = folder / "run"
    train(NATURAL, run)
    broken = {
        "natural": y != y,
        "apgd-ce": np.arange(12) < 4,
        "square": np.arange(12) < 5,
    }
    parts = tuple(
        AttackResult(name, "", tuple(map(bool, rows)))
        for name, rows in broken.items()
    )
    result = AttackResult("autoattack", "", parts[-1].broken, parts=parts)
    settings = ("toy", "1" * 64, True, "linf", 0.02, "strict", 0, 12, (), {})
    Report((result,), fingerprint(net), *settings).save(folder / "aa.json")
    long = "a net of a rather long name, as users have them"
    twin = keras.models.clone_model(net)
    write_report(
        {long: net, "its twin of other weights": twin},
        (x, y),
        folder / "report.html",
        runs={long: run},
        norm="linf,l2",
        eps={"linf": 0.02, "l2": 0.25},
        n_bisected=8,
        evaluations=[folder / "aa.json"],
        distances="fmn",
        corruptions="gaussian_noise,motion_blur,fog,jpeg_compression",
        severities=(1, 5),
        certify=certifier_of("smoothing", sigma=0.1, draws=300),
        transfer=True,
    )
    models = {long: net}
    analyze(models, (x, y), folder / "analysis", eps=0.02)
    yield {
        "report": folder / "report.html",
        "analysis": folder / "analysis" / "index.html",
    }
    tf.keras.backend.clear_session()


def browse(page, tmp_path, width, dark, *options):
    """What headless Chromium prints of a page."""
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},6000",
        "--virtual-time-budget=3000",
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
    ]
    done = subprocess.run(
        [CHROMIUM, *flags, *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def measured(page, tmp_path, width, dark):
    """What the page's own layout says, at a width of the window."""
    inner, frame = tmp_path / "inner.html", tmp_path / "frame.html"
    inner.write_text(page.read_text().replace("</body>", f"{MEASURE}</body>"))
    frame.write_text(FRAME.format(width=width))
    text = browse(frame, tmp_path, width, dark, "--dump-dom")
    found = re.search(r'id="measured">(.*?)</pre>', text, re.S)[1]
    return json.loads(html.unescape(found))


def brightness(color):
    """Sum of the channels of a colour, as CSS writes it."""
    return sum(map(int, re.findall(r"\d+", color)[:3]))


def screenshot(page, tmp_path, name, width, dark):
    kept = Path(os.environ.get("DAT_KERAS_SCREENSHOTS", tmp_path))
    path = kept / f"{name}-{width}-{'dark' if dark else 'light'}.png"
    browse(page, tmp_path, width, dark, f"--screenshot={path}")
    return tf.io.decode_png(path.read_bytes(), channels=3).numpy()


SECTIONS = {
    "report": [
        "training",
        "radius",
        "autoattack",
        "norms",
        "certificates",
        "distances",
        "corruptions",
        "transfer",
        "attacks",
        "classes",
        "images",
        "cost",
        "recipe",
        "settings",
    ],
    "analysis": ["accuracy", "radius", "rings", "bands", "images", "spectra"],
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SECTIONS)
def test_a_page_shows_its_parts(name, width, dark, pages, tmp_path):
    seen = measured(pages[name], tmp_path, width, dark)
    sections = dict(seen["sections"])
    assert set(SECTIONS[name]) <= sections.keys()
    assert all(height > 40 for height in sections.values())
    assert all(seen["headings"]) and seen["headerless"] == 0
    assert len(seen["images"]) >= 5
    for natural, shown, alt in seen["images"]:
        # A wide figure keeps a width at which its text can be read.
        room = 704 if natural > 800 else seen["width"]
        assert natural > 0 and 100 < shown <= max(room, width) and alt > 20
        assert shown >= min(natural, 704) or natural <= 800
    assert seen["narrow"] == []
    # Tables scroll inside their own box; the page itself never does.
    assert seen["overflow"] <= 0 and seen["wide"] == []
    assert seen["requests"] == []
    assert seen["width"] == width
    assert (brightness(seen["page"]) < 150) == dark
    assert (brightness(seen["text"]) < 150) != dark
    pixels = screenshot(pages[name], tmp_path, name, width, dark)
    assert pixels.shape[1] == width
    assert (pixels[2, 2].astype(int).sum() < 150) == dark
    # Something is drawn in every part of the page's first screen.
    rows = pixels[: 4 * width].reshape(4, width, width, 3)
    assert all(part.std() > 3 for part in rows)
