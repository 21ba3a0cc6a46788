"""The page that compares two folders of results in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.browser.driven_page import DrivenPage, driven
from tests.browser.test_app_in_a_browser import Shown, color, served
from tests.browser.test_reports_in_a_browser import browser
from tests.correcting.corrected_scene import box, reviewed, write_scene
from zeroseg import Segmentation, Vocabulary
from zeroseg.images import read_image

NAMES = "[...document.querySelectorAll('#compared button')].map(b => b.firstChild.textContent)"
READY = (
    "document.querySelector('#told')?.hidden === false"
    " && document.querySelectorAll('#compared li').length == 3"
)
SHOWN = "document.querySelector('#name').textContent"
GREY = (120, 120, 120)
LONG = "a_name_that_is_far_longer_than_a_telephone_is_wide"


def write_results(folder: Path, cat_rows: dict[str, int], second: str) -> None:
    """A dog in the upper left quarter of each picture; some of its rows are of another class."""
    vocabulary = Vocabulary.from_names(["background", "dog", second])
    for name, rows in cat_rows.items():
        file = folder.parent / f"pictures/{name}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 48), GREY).save(file)
        labels = torch.zeros((48, 64), dtype=torch.int64)
        labels[:24, :32] = 1
        labels[:rows, :32] = 2
        Segmentation(labels, vocabulary, read_image(file), str(file)).save(folder / name)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A browser, and two folders of three pictures, of which one is equal in both."""
    folder = tmp_path_factory.mktemp("compare")
    write_results(folder / "before", {LONG: 0, "few": 0, "same": 0, "alone": 0}, "boat")
    write_results(folder / "after", {LONG: 12, "few": 6, "same": 0}, "cat")
    profile = tmp_path_factory.mktemp("profile")
    with (
        served(results=[folder / "before", folder / "after"]) as address,
        driven(browser(), profile) as page,
    ):
        yield Shown(page, f"{address}compare", folder)


def begin(shown: Shown, width: int, dark: bool = False) -> DrivenPage:
    """The page with its first picture."""
    page = shown.page
    page.resize(width, dark=dark)
    page.complaints.clear()
    page.fetched.clear()
    page.open("about:blank")
    page.open(shown.address)
    page.until(READY)
    return page


def is_marked(seen: tuple[int, ...]) -> bool:
    """Whether a grey pixel is marked as one that differs."""
    return seen[0] > GREY[0] + 40 and seen[1] < GREY[1] - 40


@pytest.mark.parametrize("width", [400, 1280])
def test_the_most_different_picture_is_shown_and_all_fits(
    shown: Shown, width: int, tmp_path: Path
) -> None:
    page = begin(shown, width)
    assert page.value(NAMES) == [LONG, "few", "same"] and page.value(SHOWN) == LONG
    assert "12.50 % of the pixels differ" in page.value("document.querySelector('#told').innerText")
    assert page.value("document.querySelector('#changes').innerText").strip() == "dog → cat 12.50 %"
    assert page.value("document.querySelector('#alone li').textContent") == "A: alone"
    assert "1 equal, 2 different" in page.value("document.querySelector('#status').textContent")
    assert page.value("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1"
    scrolls = "&& e.clientWidth && !['SELECT', 'INPUT'].includes(e.tagName))"
    assert page.value(f"{wide} {scrolls}.map(e => e.id || e.tagName)") == []
    file = tmp_path / "screen.png"
    if width < 700:
        assert page.value("document.querySelector('#mode').value") == "differing"
        assert is_marked(color(page, file, 0.25, 0.3))
        assert color(page, file, 0.75, 0.6) == GREY
    else:
        dog, cat, differs = (color(page, file, x, 0.4) for x in (0.08, 0.41, 0.75))
        assert len({dog, cat, GREY}) == 3 and is_marked(differs)
        assert color(page, file, 0.41, 0.47) == dog and color(page, file, 0.75, 0.47) == GREY
    assert page.complaints == []
    address = shown.address.removesuffix("compare")
    assert {own for own in page.fetched if not own.startswith((address, "about:"))} == set()


def test_keys_go_through_pictures_and_views(shown: Shown, tmp_path: Path) -> None:
    page, file = begin(shown, 1280, dark=True), tmp_path / "screen.png"
    for key, name in (("j", "few"), ("j", "same"), ("j", "same"), ("k", "few")):
        page.press(key)
        page.until(f"{SHOWN} == '{name}' && !document.querySelector('#told').hidden")
    page.press("a")
    before = color(page, file, 0.25, 0.2)
    page.press("b")
    assert page.value("document.querySelector('#mode').value") == "b"
    assert before not in (GREY, color(page, file, 0.25, 0.2))
    page.press("d")
    assert color(page, file, 0.25, 0.35) == GREY
    page.value("document.querySelector('#changes button').focus()")
    page.press("Enter", "\r")
    pressed = "document.activeElement.getAttribute('aria-pressed')"
    assert page.value(pressed) == "true"
    page.press("Enter", "\r")
    assert page.value(pressed) == "false"
    page.value("document.querySelector('#canvas').focus()")
    for key in ("+", "ArrowDown", "s", "j"):
        page.press(key)
    page.until(f"{SHOWN} == 'same' && !document.querySelector('#told').hidden")
    assert page.value("document.querySelector('#mode').value") == "three"
    names = "[...document.querySelectorAll('input, select, button, canvas[tabindex]')]"
    nameless = "filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))"
    assert page.value(f"{names}.{nameless}.map(e => e.id)") == []
    dark = page.value("getComputedStyle(document.body).backgroundColor")
    assert dark == "rgb(23, 24, 26)" and page.complaints == []


def test_the_pointer_reads_both_classes_in_every_pane(shown: Shown) -> None:
    page = begin(shown, 1280)
    for share in (0.08, 0.41, 0.75):
        page.value(
            "(c => { const b = c.getBoundingClientRect(); const at = "
            f"{{ clientX: b.left + b.width * {share}, clientY: b.top + b.height * .4 }};"
            "c.dispatchEvent(new PointerEvent('pointermove', at)); })"
            "(document.querySelector('#canvas'))"
        )
        said = page.value("document.querySelector('#readout').textContent")
        assert said.startswith("A: dog, B: cat, differs (x 1")


def test_what_people_changed(shown: Shown, tmp_path: Path) -> None:
    """One folder beside itself, as it was predicted and as it was left."""
    folder = write_scene(tmp_path / "out", "a", "b")
    page = shown.page
    with served(results=[folder]) as address:
        reviewed(folder, box("dog"))
        page.open(f"{address}compare")
        page.until("document.querySelector('#status')?.textContent.includes('2 equal')")
        page.value(
            "(s => { s.value = 'b'; s.dispatchEvent(new Event('change')); })"
            "(document.querySelector('#corrected'))"
        )
        page.until("document.querySelector('#changes li')?.innerText.includes('background → dog')")
        assert page.value("location.search") == "?a=0&b=0&corrected=b"
        page.open(f"{address}compare?a=0&b=0&corrected=b")  # a link that was passed on
        page.until("document.querySelector('#changes li')?.innerText.includes('background → dog')")


def test_without_results_and_without_the_token_it_says_what_to_do(shown: Shown) -> None:
    page = shown.page
    with served(token="a secret") as address:
        page.open(f"{address}compare")
        page.until("document.querySelector('#token-line')?.hidden === false")
        page.value("document.querySelector('#token').value = 'a secret'")
        page.value("document.querySelector('#token-line button').click()")
        page.until("document.querySelector('#status').textContent.includes('--results A')")
