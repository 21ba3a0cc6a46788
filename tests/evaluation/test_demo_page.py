"""The page of a demo: scenes, what was said, what it took, and commands that there are."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.docs import shell
from tests.evaluation.demo_parts import PETS, page_of_a_demo, scene
from zeroseg.evaluation.report import html, markdown
from zeroseg.evaluation.report.content import Code, Fold, Legend, Page, Row, Section
from zeroseg.evaluation.report.demo_page import classes, compared


def test_the_page_tells_what_was_found_said_and_taken() -> None:
    text = unescape(re.sub(r"<style>.*?</style>", "", html.render(page_of_a_demo()), flags=re.S))
    for words in (
        "Scene 1: dog <b>, cat",
        "dog <b>, boat (wrong), cat (missed)",
        "other failed in detection: no <b> memory",
        "puppy 0.90",
        "a puppy <i>",
        "which of dog <b>?",
        "0.75 (tags 0.25, masks 0.50)",
        "2 scenes, drawn, labelled and saved: 12.3 s",
        "The first 1 of 2 scenes are shown",
    ):
        assert words in text, words
    figures = re.findall(r"<dt>(mIoU of \w+)</dt><dd>(.*?)<small>", text)
    assert figures == [("mIoU of paper", "50.00"), ("mIoU of other", "\u2013")]
    assert re.findall(r'<td class="number">(.*?)</td>', text)[-2:] == ["750.00", "0.00"]


def test_nothing_in_a_name_becomes_markup_and_nothing_is_fetched() -> None:
    text = html.render(page_of_a_demo())
    assert "<b>" not in text and "<i>" not in text and "<script" not in text
    assert all(at.startswith("data:image/") for at in re.findall(r'src="(.*?)"', text))


def test_every_command_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    [*_, last] = page_of_a_demo().sections
    commands = [block.text for block in last.blocks if isinstance(block, Code)]
    assert len(commands) == 4
    assert commands[0] == (
        "zeroseg segment 'a demo/pictures' --labels \"dog <b>, cat\" --output labelled"
    )
    for each in commands:
        shell.check(each, monkeypatch)


def test_truth_and_label_maps_stand_over_one_legend() -> None:
    blocks = page_of_a_demo().sections[1].blocks
    [row] = [block for block in blocks if isinstance(block, Row)]
    assert [picture.caption for picture in row.pictures] == ["picture", "truth", "paper"]
    assert row.pictures[1].image.getpixel((31, 0)) == PETS.colors[2]
    assert row.pictures[2].image.getpixel((31, 0)) == PETS.colors[3]
    [legend] = [block for block in blocks if isinstance(block, Legend)]
    assert [name for name, _ in legend.entries] == ["dog <b>", "cat", "boat"]


def test_classes_are_compared_by_name() -> None:
    assert classes(scene().truth, PETS) == ["dog <b>", "cat"]
    assert compared(["a", "b"], ["b", "c"]) == [("a", "wrong"), ("b", ""), ("c", "missed")]


def test_rows_legends_and_open_folds_are_markdown_and_html() -> None:
    page = page_of_a_demo()
    [row] = [block for block in page.sections[1].blocks if isinstance(block, Row)]
    legend = Legend([("a|b", (255, 0, 16))])
    small = Page("t", [Section("s", [row, legend, Fold("f", [legend], open=True), Fold("g", [])])])
    text = markdown.render(small)
    assert "![truth]()" in text and "- a\\|b: `#ff0010`" in text
    text = html.render(small)
    assert "<details open><summary>f" in text and "<details><summary>g" in text
    assert 'style="background: rgb(255, 0, 16)"' in text
