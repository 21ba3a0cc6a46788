"""The app's page in a real browser: a picture is segmented, by mouse and by keys, on any screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from PIL import Image

from tests.app.scripted_service import Gated, GatedMasks, png, segmenter, served
from tests.browser.driven_page import DrivenPage, driven
from tests.browser.test_reports_in_a_browser import browser
from zeroseg.app import Limits
from zeroseg.refinement import LLMPreRefiner
from zeroseg.testing import ScriptedChat

LOADED = "document.querySelector('#about')?.textContent.includes('scripted')"
DONE = "document.querySelector('#status').textContent == 'Done.'"
TEAL = (0, 128, 128)
LONG = "a name without any space that is far longer than a telephone is wide.png".replace(" ", "_")


class Shown(NamedTuple):
    page: DrivenPage
    address: str
    picture: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A browser, and a server that demands no token and offers a picture."""
    folder = tmp_path_factory.mktemp("app")
    (folder / LONG).write_bytes(png(64, 48))
    profile = tmp_path_factory.mktemp("profile")
    with served(pictures=folder) as address, driven(browser(), profile) as page:
        yield Shown(page, address, folder / LONG)


def begin(shown: Shown, width: int, dark: bool = False) -> DrivenPage:
    """The page with a picture, not yet segmented."""
    page = shown.page
    page.resize(width, dark=dark)
    page.complaints.clear()
    page.fetched.clear()
    page.open(shown.address)
    page.until(LOADED)
    page.give_files("#files", shown.picture)
    page.until("document.querySelectorAll('#pictures button').length == 1")
    return page


def write(page: DrivenPage, selector: str, text: str) -> None:
    page.value(f"document.querySelector('{selector}').value = {text!r}")


def choose(page: DrivenPage, mode: str) -> None:
    write(page, "#mode", mode)
    page.value("document.querySelector('#mode').dispatchEvent(new Event('change'))")


def color(page: DrivenPage, file: Path, x: float, y: float) -> tuple[int, ...]:
    """The colour on the screen at a place of the canvas, in shares of it, once it is drawn."""
    page.value("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    page.screenshot(file)
    frame = page.value(
        "(b => [b.left + scrollX, b.top + scrollY, b.width, b.height])"
        "(document.querySelector('#canvas').getBoundingClientRect())"
    )
    at = round(frame[0] + x * frame[2]), round(frame[1] + y * frame[3])
    with Image.open(file) as picture:
        return tuple(picture.convert("RGB").getpixel(at))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [400, 1280])
def test_a_picture_is_segmented_and_all_fits(shown: Shown, width: int, tmp_path: Path) -> None:
    page = begin(shown, width)
    write(page, "#classes", "dog, boat")
    page.value("document.querySelector('#go').click()")
    page.until(DONE)
    assert page.value("innerWidth") == width
    assert page.value("document.documentElement.scrollWidth") <= width
    names = "[...document.querySelectorAll('#legend span')].map(s => s.textContent)"
    assert page.value(names) == ["boat", "background", "dog"]
    assert page.value("document.querySelectorAll('#instances button').length") == 2
    assert "a dog beside a boat" in page.value("document.querySelector('#stages').innerText")
    wide = "[...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1"
    scrolls = "&& e.clientWidth && !['SELECT', 'TEXTAREA', 'INPUT'].includes(e.tagName))"
    assert page.value(f"{wide} {scrolls}.map(e => e.id || e.tagName)") == []
    assert page.complaints == []
    assert {own for own in page.fetched if not own.startswith((shown.address, "blob:"))} == set()


def test_classes_are_switched_and_pictures_compared(shown: Shown, tmp_path: Path) -> None:
    page = begin(shown, 1280)
    write(page, "#classes", "dog, boat")
    write(page, "#opacity", "100")
    page.value("document.querySelector('#opacity').dispatchEvent(new Event('input'))")
    page.value("document.querySelector('#go').click()")
    page.until(DONE)
    file, teal = tmp_path / "screen.png", TEAL
    boat, dog = (0.75, 0.5), (0.3, 0.4)
    labelled = color(page, file, *boat)
    assert labelled != teal and color(page, file, *dog) not in (teal, labelled)
    page.value("document.querySelectorAll('#legend input')[0].click()")
    assert color(page, file, *boat) == teal
    page.value("document.querySelector('#all').click()")
    assert color(page, file, *boat) == labelled
    choose(page, "picture")
    assert color(page, file, *boat) == color(page, file, *dog) == teal
    choose(page, "slider")
    assert (color(page, file, *boat), color(page, file, *dog)) == (labelled, teal)
    choose(page, "side")
    assert (color(page, file, 0.4, 0.5), color(page, file, 0.9, 0.5)) == (teal, labelled)
    choose(page, "overlay")
    page.value(
        "(c => { const b = c.getBoundingClientRect(); const at = { clientY: b.top + 300, "
        "clientX: b.left + b.width * .75 };"
        "c.dispatchEvent(new PointerEvent('pointermove', at)); })"
        "(document.querySelector('#canvas'))"
    )
    assert page.value("document.querySelector('#readout').textContent").startswith("boat, ")
    assert "% sure" in page.value("document.querySelector('#readout').textContent")
    assert page.complaints == []


def test_keys_alone_are_enough_and_focus_is_seen(shown: Shown) -> None:
    page = begin(shown, 1280, dark=True)
    focused, stops = "document.activeElement.id || document.activeElement.textContent", []
    for _ in range(12):
        page.press("Tab")
        stops.append(page.value(focused))
        if stops[-1] == "classes":
            page.call("Input.insertText", text="")
        assert page.value(
            "(e => getComputedStyle(e.classList.contains('apart') ? e.previousElementSibling : e)"
            ".outlineStyle)(document.activeElement)"
        ) in ("solid", "auto")
        if stops[-1] == "go":
            break
    assert {"files", "offered", "classes", "go"} <= set(stops)
    page.press("Enter", "\r")
    page.until(DONE)
    assert page.value("document.activeElement.id") == "go"
    page.value("document.querySelector('#canvas').focus()")
    for key in ("+", "+", "ArrowLeft", "-", "0"):
        page.press(key)
    names = "[...document.querySelectorAll('input, select, textarea, button, canvas[tabindex]')]"
    nameless = "filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))"
    assert page.value(f"{names}.{nameless}.map(e => e.id)") == []
    dark = page.value("getComputedStyle(document.body).backgroundColor")
    assert dark == "rgb(23, 24, 26)" and page.complaints == []


def test_offered_pictures_and_refusals_are_told(shown: Shown) -> None:
    page = begin(shown, 400)
    page.value(
        "(s => { s.value = '0'; s.dispatchEvent(new Event('change')) })"
        "(document.querySelector('#offered'))"
    )
    page.until("document.querySelectorAll('#pictures button').length == 2")
    write(page, "#classes", "dog")
    write(page, "#thresholds", "dog=7")
    page.value("document.querySelector('#go').click()")
    page.until("document.querySelector('#status').textContent.includes('2 of 2 failed')")
    assert "from 0 to 1" in page.value("document.querySelector('#pictures').innerText")
    assert page.value("document.documentElement.scrollWidth") <= 400
    page.value("document.querySelector('#clear').click()")
    assert page.value("document.querySelectorAll('#pictures button').length") == 0


def test_pictures_wait_where_all_places_are_taken(shown: Shown) -> None:
    page, gated = shown.page, Gated()
    with served(segmenter(tagger=gated), limits=Limits(jobs=1)) as address:
        httpx.post(f"{address}v1/jobs", files={"picture": png()}, data={"classes": "dog"})
        choose_pictures(page, address, shown.picture, shown.picture)
        page.value("document.querySelector('#go').click()")
        page.until("document.querySelector('#pictures').innerText.includes('waits for a place')")
        gated.gate.set()
        page.until(DONE)
    assert gated.sizes[0] == 1 and sum(gated.sizes) == 3


def choose_pictures(page: DrivenPage, address: str, *files: Path) -> None:
    page.complaints.clear()
    page.open(address)
    page.until(LOADED)
    page.give_files("#files", *files)
    page.until(f"document.querySelectorAll('#pictures button').length == {len(files)}")


@pytest.mark.parametrize("width", [400, 1280])
def test_stage_after_stage_is_shown_as_it_happens(shown: Shown, width: int, tmp_path: Path) -> None:
    page, gated = shown.page, GatedMasks()
    chat = ScriptedChat(["A dog lies beside a boat, so: dog, boat"])
    system = segmenter(pre_refiner=LLMPreRefiner(chat), mask_predictor=gated)
    with served(system) as address:
        page.resize(width)
        choose_pictures(page, address, shown.picture, shown.picture)
        page.value("document.querySelector('#go').click()")
        bars = "[...document.querySelectorAll('#pictures progress')]"
        page.until(f"{bars}[0].value == 5")
        page.value("document.querySelector('#pictures button').click()")
        said = page.value("document.querySelector('#stages').innerText")
        assert "a dog beside a boat" in said and "so: dog, boat" in said
        chips = "[...document.querySelectorAll('#stages .chips')].map(e => e.innerText)"
        assert page.value(chips) == ["dog 1.00\nboat 1.00", "dog\nboat"]
        asked = page.value("document.querySelector('#stages details').textContent")
        assert asked.startswith("asked for pre-refinement") and "classes" in asked
        assert page.value(f"{bars}.map(e => [e.hidden, e.max])") == [[False, 8]] * 2
        waiting = "document.querySelectorAll('#pictures small')[1].textContent"
        assert page.value(waiting) in ("waits", "post-refinement", "masks")
        assert page.value("document.querySelector('#found').hidden")
        assert color(page, tmp_path / "a.png", 0.9, 0.6) == TEAL
        page.value("document.querySelector('#stages summary').click()")
        gated.gate.set()
        page.until(DONE)
    assert color(page, tmp_path / "b.png", 0.9, 0.6) != TEAL
    assert page.value("document.querySelector('#stages details').open")
    assert page.value(f"{bars}.map(e => e.hidden)") == [True, True]
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.complaints == []


def test_boxes_and_masks_are_drawn_as_they_come_and_boxes_on_request(
    shown: Shown, tmp_path: Path
) -> None:
    page, gated = begin(shown, 1280), GatedMasks()
    script = """import('/page/view.js').then(({ View }) => { window.layers = [];
        const real = View.prototype.show; View.prototype.show = function (size, found) {
        layers.push(Object.keys(found).filter(k => found[k]?.length ?? found[k]));
        real.call(this, size, found); } })"""
    with served(segmenter(mask_predictor=gated)) as address:
        choose_pictures(page, address, shown.picture)
        page.value(script)
        page.value("document.querySelector('#go').click()")
        page.until("layers.some(names => names.includes('boxes'))")
        gated.gate.set()
        page.until(DONE)
    order = page.value("layers.map(names => names.join(' '))")
    steps = ["picture", "picture boxes", "picture boxes preview", "picture classes sure"]
    assert list(dict.fromkeys(order)) == steps
    page.value("document.querySelector('#boxes').click()")
    assert page.value("layers.at(-1)") == ["picture", "boxes", "classes", "sure"]


def test_pictures_that_have_not_begun_can_be_stopped(shown: Shown) -> None:
    page, gated = shown.page, Gated()
    with served(segmenter(tagger=gated, batch_size=1)) as address:
        choose_pictures(page, address, *[shown.picture] * 3)
        page.value("document.querySelector('#go').focus()")
        page.press("Enter", "\r")
        page.until("document.querySelector('#pictures').innerText.includes('tags')")
        assert page.value("document.activeElement.id") == "stop"
        page.press("Enter", "\r")
        page.until("document.querySelector('#pictures').innerText.match(/cancelled/g)?.length == 2")
        gated.gate.set()
        page.until("document.querySelector('#status').textContent.includes('2 of 3 failed')")
        assert page.value("document.querySelector('#stop').hidden")
    assert gated.sizes == [1]


def test_a_lost_connection_is_taken_up_where_it_was(shown: Shown) -> None:
    page = begin(shown, 1280)
    page.value("""(real => { window.asked = [];
        window.fetch = async (path, options) => {
            const answer = await real(path, options);
            if (!String(path).endsWith('/events')) return answer;
            asked.push(options.headers['Last-Event-ID'] ?? null);
            if (asked.length > 2) return answer;
            if (asked.length == 2) throw new TypeError('no network');
            const { value } = await answer.body.getReader().read();
            return new Response(value.slice(0, -3)); } })(fetch)""")
    page.value("document.querySelector('#go').click()")
    page.until(DONE)
    first, second, third = page.value("asked")
    assert first is None and second == third
    assert page.value("document.querySelectorAll('#instances button').length") == 2


def test_two_fingers_zoom_and_move(shown: Shown) -> None:
    page = begin(shown, 400)
    page.value(
        "import('/page/view.js').then(({ View }) => { const real = View.prototype.drawn;"
        "View.prototype.drawn = function () { window.view = this; real.call(this); } })"
    )
    page.value("document.querySelector('#canvas').scrollIntoView()")
    page.value("document.querySelector('#fit').click()")
    page.until("window.view")
    left, top = page.value("(b => [b.left, b.top])(view.canvas.getBoundingClientRect())")
    where = "[view.scale, view.x, view.y]"
    scale, x, y = page.value(where)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": left + 1 + a, "y": top + 1 + b, "id": n} for n, (a, b) in enumerate(points)]
        page.call("Input.dispatchTouchEvent", type=kind, touchPoints=told)

    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    touch("touchStart", (100, 100))
    touch("touchMove", (130, 80))
    touch("touchEnd")
    assert page.value(where) == pytest.approx([scale, x + 30, y - 20])
    touch("touchStart", (100, 100), (200, 100))
    touch("touchMove", (80, 120), (280, 120))
    touch("touchEnd")
    page.call("Emulation.setTouchEmulationEnabled", enabled=False)
    # What lay between the fingers at (150, 100) lies between them at (180, 120), twice as large.
    column, row = (150 - (x + 30)) / scale, (100 - (y - 20)) / scale
    expected = [2 * scale, 180 - 2 * scale * column, 120 - 2 * scale * row]
    assert page.value(where) == pytest.approx(expected, abs=0.01)
    assert page.complaints == []


def test_a_token_is_asked_for_and_taken(shown: Shown) -> None:
    page = shown.page
    with served(token="a secret") as address:
        page.open(address)
        page.until("document.querySelector('#token-line')?.hidden === false")
        for token, loaded in (("wrong", False), ("a secret", True)):
            write(page, "#token", token)
            page.value("document.querySelector('#go').click()")
            page.until(LOADED if loaded else "document.querySelector('#status.bad')")
        assert page.value("document.querySelector('#token-line').hidden")
        page.give_files("#files", shown.picture)
        page.until("document.querySelectorAll('#pictures button').length == 1")
        page.value("document.querySelector('#go').click()")
        page.until(DONE)
        assert "secret" not in page.value("location.href")
