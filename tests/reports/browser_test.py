"""The page in a browser: it is drawn, without a word on the console, and a click sorts."""

import html.parser
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

import keras_groupnet as kgn

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")

# Clicks "32-bit weights" twice and leaves what the table shows for the test to read.
CLICKS = """<script>
const heads = [...document.querySelectorAll("#layers th")];
const head = heads.find(one => one.textContent === "32-bit weights");
const rows = () => [...document.querySelectorAll("#layers tbody tr")];
const found = [];
for (let i = 0; i < 2; i++) {
  head.querySelector("button").click();
  const texts = rows().map(row => row.cells[head.cellIndex].textContent);
  found.push(head.getAttribute("aria-sort") + ":" + texts.join(";"));
}
document.body.dataset.found = found.join("|");
</script>"""


def run(tmp_path, page, *arguments):
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",  # which needs rights that a test runner may not have
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            *arguments,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    model = kgn.models.ResNet((8, 8, 3), 4, 2, stem="cifar", blocks=(1,), filters=(8,))
    path = tmp_path_factory.mktemp("page") / "page.html"
    kgn.report(model, path, measure=False)
    return path


def test_it_is_drawn_without_errors(page, tmp_path):
    from matplotlib import image

    picture = tmp_path / "page.png"
    _, said = run(tmp_path, page, f"--screenshot={picture}", "--window-size=400,700")
    assert said == []
    pixels = (255 * image.imread(picture)[..., :3]).astype(np.uint8)
    assert pixels.shape[:2] == (700, 400)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def test_errors_would_be_seen(page, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text().replace("</body>", "<script>nothing()</script></body>"))
    _, said = run(tmp_path, broken, "--dump-dom")
    assert len(said) == 1 and "nothing is not defined" in said[0]


def test_a_click_sorts(page, tmp_path):
    clicked = tmp_path / "clicked.html"
    clicked.write_text(page.read_text().replace("</body>", f"{CLICKS}</body>"))
    dom, said = run(tmp_path, clicked, "--dump-dom")
    assert said == []
    found = html.unescape(re.search(r'data-found="([^"]*)"', dom)[1])
    down, up = ([*part.partition(":")] for part in found.split("|"))
    assert down[0] == "descending" and up[0] == "ascending"
    numbers = [
        [int(text.replace(",", "")) for text in side[2].split(";") if text] for side in (down, up)
    ]
    assert numbers[0] == sorted(numbers[0], reverse=True) and len(set(numbers[0])) > 2
    assert numbers[1] == sorted(numbers[1])
    assert sorted(numbers[0]) == numbers[1]
