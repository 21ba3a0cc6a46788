"""The review in a real browser, by keys alone: every step is seen, saved, undone and exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.app.scripted_service import segmenter
from tests.app.test_review_server import PromptedBoxes
from tests.browser.driven_page import DrivenPage, driven
from tests.browser.test_app_in_a_browser import color, served
from tests.browser.test_reports_in_a_browser import browser
from tests.correcting.corrected_scene import scene, write_scene
from zeroseg import rle
from zeroseg.export import export_results

READY = "document.querySelectorAll('#regions button').length"
STATUS = "document.querySelector('#status').textContent"
NAME = "document.querySelector('#name').textContent"
REGIONS = "[...document.querySelectorAll('#regions button')].map(b => b.innerText)"
COUNTED = "document.querySelector('#counted').textContent"


class Shown(NamedTuple):
    page: DrivenPage
    address: str
    folder: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A browser, and a server with three results: "b" is the least sure, "c" has no score."""
    folder = tmp_path_factory.mktemp("review")
    for name, score in (("a", 0.8), ("b", 0.3), ("c", None)):
        write_scene(folder, name, score=score)
    profile = tmp_path_factory.mktemp("profile")
    system = segmenter(mask_predictor=PromptedBoxes())
    with served(system, results=[folder]) as address, driven(browser(), profile) as page:
        yield Shown(page, address + "review", folder)


def begin(
    shown: Shown, width: int = 1280, dark: bool = False, number: int | None = None
) -> DrivenPage:
    page = shown.page
    page.resize(width, dark=dark)
    page.complaints.clear()
    page.fetched.clear()
    page.open("about:blank")
    page.open(shown.address + ("" if number is None else f"#0/{number}"))
    page.until(READY)
    return page


def press(page: DrivenPage, *keys: str) -> None:
    for key in keys:
        page.press(key, {"Enter": "\r"}.get(key, key if len(key) == 1 else ""))


def told(page: DrivenPage, said: str) -> None:
    page.until(f"{STATUS}.includes({json.dumps(said)})")


def chosen(page: DrivenPage, text: str) -> None:
    """Choose a class in the dialog that is open, by a part of its name."""
    page.until("document.querySelector('#chooser').open")
    page.call("Input.insertText", text=text)
    press(page, "Enter")


def test_the_loop_by_keys_alone(shown: Shown, tmp_path: Path) -> None:
    page = begin(shown)
    assert page.value(NAME) == "b" and page.value(COUNTED) == "0 of 3 reviewed"
    names = "[...document.querySelectorAll('#ranked span')].map(s => s.textContent)"
    assert page.value(names) == ["b", "a", "c"]
    page.value("document.querySelector('#who').value = 'Ada'")
    # Regions are reached by Tab, and marked where the focus is.
    page.value("document.querySelector('#reject').focus()")
    press(page, "Tab", "Tab")
    assert page.value("document.activeElement.textContent").startswith("dog")
    assert page.value("document.activeElement.getAttribute('aria-pressed')") == "true"
    press(page, "r")
    chosen(page, "boa")
    told(page, "dog is boat now.")
    assert "named by person Ada" in page.value("document.activeElement.textContent")
    press(page, "Delete")
    told(page, "boat was deleted.")
    press(page, "z")
    told(page, "Undone.")
    press(page, "Z")
    told(page, "Done again.")
    before = page.value(f"{REGIONS}.length")
    # A box of two corners that the cursor is led to; the model answers.
    press(page, "b", *["ArrowLeft"] * 3, " ", *["ArrowDown"] * 8, *["ArrowLeft"] * 8, " ")
    told(page, "PromptedBoxes: ")
    press(page, "Enter")
    chosen(page, "sky")
    told(page, "sky was added.")
    press(page, "p", "ArrowUp", " ", "ArrowDown", *["ArrowRight"] * 16, "n")
    told(page, "PromptedBoxes: ")
    press(page, "Enter")
    chosen(page, "dog")
    told(page, "dog was added.")
    made = page.value(REGIONS)
    assert len(made) == before + 2 and "model PromptedBoxes, named by person Ada" in made[0]
    press(page, "a")
    told(page, "Accepted. This is the next open picture")
    assert page.value(NAME) == "a" and page.value(COUNTED) == "1 of 3 reviewed"
    press(page, "k")
    page.until(f"{NAME} == 'b' && {READY} == {len(made)}")
    assert page.complaints == []
    assert page.value(REGIONS) == made
    steps = "[...document.querySelectorAll('#steps li')].map(l => l.firstChild.textContent)"
    assert page.value(steps) == [
        *("accepted", "dog added with PromptedBoxes", "sky added with PromptedBoxes"),
        *("region 2 deleted", "region 2 is boat"),
    ]
    page = begin(shown, number=1)
    assert page.value(REGIONS) == made and "accepted" in page.value(
        "document.querySelector('#state').textContent"
    )
    report = export_results(
        str(shown.folder), str(tmp_path / "coco"), "coco", reviewed="only-accepted"
    )
    assert (report.written, report.failures) == (1, [])
    annotations = json.loads((tmp_path / "coco/annotations.json").read_text())["annotations"]
    assert [own["made_by"] for own in annotations][-2:] == ["model PromptedBoxes"] * 2
    saved = np.asarray(Image.open(shown.folder / "b.reviewed.png"))
    assert (saved != scene().labels).any()
    assert rle.decode(annotations[-1]["segmentation"]).any()


@pytest.mark.parametrize("width", [400, 1280])
def test_all_fits_and_has_a_name(shown: Shown, width: int) -> None:
    page = begin(shown, width, dark=width == 400)
    assert page.value("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1"
    scrolls = "&& e.clientWidth && !['SELECT', 'TEXTAREA', 'INPUT'].includes(e.tagName))"
    assert page.value(f"{wide} {scrolls}.map(e => e.id || e.tagName)") == []
    names = "[...document.querySelectorAll('input, select, button, canvas[tabindex]')]"
    nameless = "filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))"
    assert page.value(f"{names}.{nameless}.map(e => e.id)") == []
    press(page, "?")
    page.until("document.querySelector('#help').open")
    assert page.value("document.querySelector('#help').getBoundingClientRect().width") <= width
    press(page, "Escape")
    page.until("!document.querySelector('#help').open")
    own = shown.address.removesuffix("review")
    assert {one for one in page.fetched if not one.startswith((own, "blob:", "about:"))} == set()
    assert page.complaints == []


def test_a_region_is_marked_and_a_box_drawn_by_the_pointer(shown: Shown, tmp_path: Path) -> None:
    page = begin(shown, number=0)
    frame = page.value(
        "(b => [b.left, b.top, b.width, b.height])"
        "(document.querySelector('#canvas').getBoundingClientRect())"
    )

    def mouse(kind: str, x: float, y: float) -> None:
        """The pointer at a place in pixels of the picture, which is 16 x 12 and fitted."""
        scale = min(frame[2] / 16, frame[3] / 12)
        left, top = frame[0] + (frame[2] - 16 * scale) / 2, frame[1] + (frame[3] - 12 * scale) / 2
        at = {"x": left + x * scale, "y": top + y * scale, "button": "left", "clickCount": 1}
        buttons = 0 if kind == "mouseReleased" else 1
        page.call("Input.dispatchMouseEvent", type=kind, buttons=buttons, **at)

    for kind in ("mousePressed", "mouseReleased"):
        mouse(kind, 2.5, 9.5)
    assert page.value("document.activeElement.textContent").startswith("boat")
    press(page, "b")
    for kind, x, y in (("mousePressed", 0, 9), ("mouseMoved", 2, 11), ("mouseReleased", 3, 12)):
        mouse(kind, x, y)
    told(page, "PromptedBoxes: 9 pixels.")
    yellow = color(page, tmp_path / "screen.png", 0.5, 0.5)
    press(page, "Escape")
    page.until("document.querySelector('#taking').hidden")
    assert yellow and page.value(f"{REGIONS}.length") == 4


def test_what_somebody_else_did_meanwhile_is_not_lost(shown: Shown) -> None:
    page = begin(shown, number=2)
    page.value(
        "fetch('/v1/results/0/2/review', { method: 'POST', "
        "body: JSON.stringify({ revision: 0, do: 'delete', region: 0 }), "
        "headers: { 'Content-Type': 'application/json' } }).then(r => r.status)"
    )
    page.value("document.querySelector('#reject').click()")
    told(page, "somebody else has changed this review")
    page.until(f"{READY} == 3")
    page.value("document.querySelector('#reject').click()")
    page.until("document.querySelector('#ranked').textContent.includes('rejected')")
    steps = json.loads((shown.folder / "c.review.json").read_text())["steps"]
    assert [own["what"] for own in steps] == ["delete", "reject"]


def test_a_box_is_added_as_it_is_where_the_model_answers_to_none(
    shown: Shown, tmp_path: Path
) -> None:
    page, folder = shown.page, write_scene(tmp_path / "out", "a")
    with served(results=[folder], token="a secret") as address:
        page.open(address + "review")
        page.until("document.querySelector('#token-line')?.hidden === false")
        page.value("document.querySelector('#token').value = 'a secret'")
        page.value("document.querySelector('#token').focus()")
        press(page, "Enter")
        page.until(READY)
        page.value("document.querySelector('#canvas').focus()")
        press(page, "p")
        told(page, "no promptable masks: draw a box")
        press(page, "b", *["ArrowUp"] * 4, " ", *["ArrowDown"] * 8, *["ArrowRight"] * 99, " ")
        press(page, "Enter")
        chosen(page, "sky")
        told(page, "sky was added.")
    [added] = json.loads(Path(folder, "a.review.json").read_text())["steps"]
    mask = rle.decode(added["mask"])
    assert "model" not in added and mask[5:7, 8:].all() and mask.sum() == 2 * 8
