"""Reports: everything in the results is in them, whatever it is called."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from tests.evaluation.result_runs import failed, records_of, results_of, scenes
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.record import ImageRecord
from zeroseg.evaluation.report import (
    Bar,
    Column,
    ablation_chart,
    best_and_worst,
    waterfall,
    write_report,
    write_table_report,
)
from zeroseg.evaluation.report.content import Note, Page, Section, shown
from zeroseg.evaluation.report.markdown import escaped, render
from zeroseg.metrics.pixel_counts import PixelCounts
from zeroseg.values import Failure

SCENES = scenes(10, 5, seed=6)
RECORDS = records_of(SCENES, 0.4, seed=3)


class Reader(HTMLParser):
    """Tables, headings and text of a page; refuses tags that are not closed in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attrs if name == "src"]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and {"td", "th"} & set(self.open) and self.open[-1] != "tr":
            self.rows[-1][-1] += data


def written(
    folder: Path, records: list[ImageRecord] = RECORDS, **changes: Any
) -> tuple[str, Reader]:
    """Both reports of a run."""
    panels = {record.name: Image.new("RGB", (60, 20), "navy") for record in records}
    write_report(folder, {**results_of(records), **changes}, records, panels)
    page = (folder / "report.html").read_text(encoding="utf-8")
    return (folder / "report.md").read_text(encoding="utf-8"), Reader(page)


def test_both_reports_name_the_scores_the_data_the_system_and_the_protocol(tmp_path: Path) -> None:
    results = results_of(RECORDS)
    for text in (written(tmp_path)[0], written(tmp_path)[1].text):
        assert "tiny on stripes" in text
        for score in ("miou", "mean_accuracy", "pixel_accuracy", "boundary_iou"):
            assert f"{100 * results[score]:.2f}" in text
        for fact in ("standard", "zeroseg 0.2.0", "five, 5 classes", "10 scored, 0 failed"):
            assert fact in text
        assert "fingerprint: 00ff" in text
        assert "No language model was asked." in text
        assert "Trained on this data set: detector" in text
        assert "0123456789abcdef" in text


def test_things_and_stuff_are_shown_apart_where_results_tell_them(tmp_path: Path) -> None:
    group = {"images": 4, "miou": 0.25, "pixel_accuracy": 0.5, "boundary_iou": None}
    apart = {"miou_things": 0.1234, "miou_stuff": 0.5678}
    markdown, page = written(tmp_path, **apart, groups={"realism": {**group, **apart}})
    for text in (markdown, page.text):
        assert "mIoU of things" in text and "12.34" in text
        assert "mIoU of stuff" in text and "56.78" in text
    assert ["realism", "4", "25.00", "12.34", "56.78", "50.00", "–"] in page.rows  # noqa: RUF001
    assert "mIoU of things" not in written(tmp_path / "plain")[0]


def test_classes_come_best_first_and_undefined_ones_last(tmp_path: Path) -> None:
    markdown, page = written(tmp_path)
    results = results_of(RECORDS)
    start = page.rows.index(["class", "IoU, %", "boundary IoU, %", "accuracy, %"])
    rows = page.rows[start + 1 : start + 6]
    ious = [float(row[1]) for row in rows[:-1]]
    assert ious == sorted(ious, reverse=True)
    assert rows[-1] == ["dog", "–", "–", "–"]  # noqa: RUF001
    for name, *scores in rows[:-1]:
        figures = ("iou", "boundary_iou_per_class", "accuracy")
        assert scores == [f"{100 * results[figure][name]:.2f}" for figure in figures]
    assert "| dog | – | – | – |" in markdown  # noqa: RUF001


def test_the_matrix_is_of_shares_of_the_true_class(tmp_path: Path) -> None:
    _, page = written(tmp_path)
    counts = results_of(RECORDS)["confusion_matrix"]
    row = next(row for row in page.rows if row[0] == "bird" and len(row) == 6)
    expected = [100 * count / sum(counts[1]) for count in counts[1]]
    assert row[1:] == [str(round(share)) if share >= 1 else "" for share in expected]
    never = next(row for row in page.rows if row[0] == "dog" and len(row) == 6)
    assert never[1:] == [""] * 5


def test_many_classes_are_listed_by_their_confusions(tmp_path: Path) -> None:
    names = ("background", *(f"c{i}" for i in range(149)))
    records = records_of(SCENES, 0.0, names=names)
    pixels = records[0].pixels
    assert pixels is not None
    confusion = pixels.confusion * 0
    confusion[3, 140], confusion[3, 3], confusion[5, 5], confusion[5, 3] = 30, 10, 95, 5
    counts = PixelCounts.of(confusion, pixels.boundary, pixels.unlisted)
    records = [replace(records[0], pixels=counts)]
    results = results_of(records, names=names)
    write_report(tmp_path, results, records, {})
    page = Reader((tmp_path / "report.html").read_text())
    start = page.rows.index(["true class", "taken for", "of the true class, %", "pixels"])
    assert page.rows[start + 1 : start + 3] == [
        ["c2", "c139", "75.00", "30"],
        ["c4", "c2", "5.00", "5"],
    ]
    assert all(len(row) < 100 for row in page.rows)


def test_presence_is_shown_before_and_after_each_refinement(tmp_path: Path) -> None:
    def scores(f1: float | None) -> dict[str, Any]:
        each = {"precision": 0.5, "recall": 0.25, "f1": f1}
        return {**each, "per_class": {"bird": each}}

    presence = {"tags": scores(0.5), "selected": scores(0.75), "label_map": scores(None)}
    markdown, page = written(tmp_path, presence=presence)
    row = "| selected for the detector, after pre-refinement | 50.00 | 25.00 | 75.00 | +25.00 |"
    assert row in markdown
    assert ["label map", "50.00", "25.00", "–", "–"] in page.rows  # noqa: RUF001
    assert "boxes, before" not in markdown
    assert ["bird", "50.00", "75.00", "–"] in page.rows  # noqa: RUF001


def test_boxes_phrases_groups_time_and_cost(tmp_path: Path) -> None:
    boxes = {
        "recall": 0.5,
        "recall_any_class": 0.75,
        "count": 8,
        "per_class": {"bird": {"recall": None, "count": 0}, "boat": {"recall": 0.5, "count": 8}},
    }
    usage = {
        "calls": 4,
        "prompt_tokens": 900,
        "completion_tokens": 30,
        "cost": 0.0123,
        "seconds": 2,
    }
    group = {"images": 4, "miou": 0.25, "pixel_accuracy": 0.5, "boundary_iou": None}
    markdown, page = written(
        tmp_path,
        boxes=boxes,
        usage=usage,
        phrases={"detections": 20, "unresolved_before": 7, "unresolved_after": 2},
        seconds={"tags": 1.5, "masks": 0.004},
        groups={"realism": group},
        command="zeroseg test --model tiny",
    )
    for text in (markdown, page.text):
        for fact in ("50.00 % of 8", "75.00 %", "4 calls, 2.0 s, ", "0.0123", "900", "realism"):
            assert fact in text
        assert "zeroseg test --model tiny" in text
    assert ["boat", "50.00", "8"] in page.rows
    assert ["tags", "1.50", "150.00"] in page.rows
    assert ["masks", "< 0.01", "0.40"] in page.rows
    assert ["all stages", "1.50", "150.40"] in page.rows
    assert ["realism", "4", "25.00", "50.00", "–"] in page.rows  # noqa: RUF001
    usage["cached"] = 12
    assert "12 (75.00 % of all answers)" in written(tmp_path, usage=usage)[0]
    usage["cost"] = None
    assert "price unknown" in written(tmp_path, usage=usage)[0]


def test_scored_files_need_no_model(tmp_path: Path) -> None:
    markdown, page = written(tmp_path, config=None, checkpoints=[], presence={}, miou=None)
    assert "The system's checkpoints are not known." in page.text
    assert "Configuration" not in page.text
    assert "Trained on this data set" not in page.text
    assert "## Classes found present" not in markdown
    assert "| – |" in markdown  # noqa: RUF001


def test_nothing_in_a_name_becomes_markup(tmp_path: Path) -> None:
    odd = '<script>alert("1")</script>|*`[x](y)\n# no & $z$'
    records = [replace(record, name=f"{odd}{i}") for i, record in enumerate(RECORDS)]
    lost = [vars(Failure(odd, odd, odd))]
    markdown, page = written(tmp_path, records, system=odd, failures=lost, data={"name": odd})
    assert "script" not in page.tags
    assert [odd, odd, odd] in page.rows
    assert page.text.count('<script>alert("1")</script>') > 5
    assert "<script" not in markdown
    plain = markdown.split("## Reproduce")[0]
    assert not re.search(r"(?<!\\)[$]|(?<!\\)\[x(?<!\\)\]", plain)
    tables = [line for line in plain.splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in tables if "script" in line}
    assert widths == {4}  # the table of failures keeps its three columns
    assert "```<i>" in page.text


def test_a_fence_is_longer_than_any_in_the_configuration(tmp_path: Path) -> None:
    markdown, _ = written(tmp_path, config={"words": "a\n````\n# b"})
    inside = markdown.split("`````yaml\n")[1].split("\n`````\n")[0]
    assert "# b" in inside


def test_panels_are_files_beside_the_page_and_inside_it(tmp_path: Path) -> None:
    names = ["a/b", "a b", "../a_b", "A_B", ".", "con/ü", "x" * 300, "d"]
    records = [replace(r, name=name) for r, name in zip(RECORDS, names, strict=False)]
    markdown, page = written(tmp_path, records)
    links = [unquote(link) for link in re.findall(r"^!\[.*\]\((.*)\)$", markdown, re.MULTILINE)]
    assert len(set(map(str.lower, links))) == len(links) == 8
    for link in links:
        file = (tmp_path / link).resolve()
        assert file.parent == tmp_path / "panels"
        with Image.open(file) as picture:
            assert picture.size == (60, 20)
    assert len(page.sources) == 8
    for source in page.sources:
        kind, data = source.split(",")
        assert kind == "data:image/webp;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (60, 20)


def test_an_image_without_a_panel_is_named(tmp_path: Path) -> None:
    write_report(tmp_path, results_of(RECORDS), RECORDS, {})
    [best, *_], [worst, *_] = best_and_worst(RECORDS)
    text = (tmp_path / "report.md").read_text()
    miou = {record.name: record.miou for record in RECORDS}
    for name in (best, worst):
        assert f"{name}: mIoU {100 * miou[name]:.2f} %" in text
    assert not (tmp_path / "panels").exists()
    assert text.index("## Worst images") < text.index(worst) < text.index("## Best images")


def test_best_and_worst_are_ranked_whole_and_apart() -> None:
    best, worst = best_and_worst(RECORDS, 3)
    order = sorted(RECORDS, key=lambda record: record.miou)
    assert worst == [record.name for record in order[:3]]
    assert best == [record.name for record in order[:-4:-1]]
    for count in range(5):
        few = RECORDS[:count]
        best, worst = best_and_worst(few)
        assert sorted([*best, *worst]) == sorted(record.name for record in few)
        assert len(best) - len(worst) in (0, 1)
    lost = failed(SCENES, "set/000")
    unscored = replace(RECORDS[1], pixels=None)
    assert best_and_worst([lost, unscored, RECORDS[2]]) == (["set/002"], [])
    perfect = records_of(SCENES, 0.0)
    busiest = max(len(record.present) for record in perfect)
    assert len(next(r for r in perfect if r.name == best_and_worst(perfect)[0][0]).present) == (
        busiest
    )


def test_failures_are_listed_with_stage_and_message(tmp_path: Path) -> None:
    records = [failed(SCENES, "set/000"), *RECORDS[1:]]
    markdown, page = written(tmp_path, records)
    assert ["set/000", "detector", "no <memory> | left"] in page.rows
    assert "| set/000 | detector | no &lt;memory&gt; \\| left |" in markdown
    assert "1 images failed and count as background" in page.text
    assert "No image failed." in written(tmp_path)[1].text


def test_a_waterfall_starts_at_the_measured_value_and_ends_at_one(tmp_path: Path) -> None:
    steps = [("measured", 0.5), ("<labels> & $5", 0.75), ("boxes", 0.7)]
    chart = waterfall(steps, tmp_path / "w.png", "Where it goes")
    texts = svg_texts(chart.svg)
    for label in ("50.00", "+25.00", "-5.00", "+30.00", "what remains", "<labels> & $5"):
        assert label in texts
    assert (chart.caption, chart.file) == ("Where it goes", "w.png")
    whole = waterfall([("measured", 0.5), ("perfect", 1.0)], tmp_path / "x.png")
    assert "what remains" not in svg_texts(whole.svg)
    with Image.open(tmp_path / "w.png") as picture:
        assert picture.width > 500
    with pytest.raises(ZerosegError, match="measured"):
        waterfall([], tmp_path / "e.png")


def test_an_ablation_shows_measured_and_published(tmp_path: Path) -> None:
    rows = [Bar("full", 0.5, 0.6201, 0.4, 0.6), Bar("none", 0.25), Bar("broken", float("nan"))]
    texts = svg_texts(ablation_chart(rows, tmp_path / "a.png").svg)
    assert {"full", "50.00", "25.00", "undefined", "published"} <= set(texts)
    assert "published" not in svg_texts(ablation_chart(rows[1:], tmp_path / "a.png").svg)
    assert (
        ablation_chart(rows, tmp_path / "a.png").svg == ablation_chart(rows, tmp_path / "a.png").svg
    )
    with pytest.raises(ZerosegError, match="rows"):
        ablation_chart([], tmp_path / "e.png")


def svg_texts(svg: str) -> list[str]:
    """Every text in a chart, which is well-formed XML."""
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_table_report_holds_rows_charts_and_notes(tmp_path: Path) -> None:
    chart = waterfall([("measured", 0.5)], tmp_path / "w.png")
    columns = [Column("row"), Column("mIoU, %", "bar", "miou"), Column("calls", "count")]
    rows = [{"row": "full | all", "miou": 0.5, "calls": 1234567}, {"row": "b"}]
    write_table_report(tmp_path, "T & co", columns, rows, [chart], ["Measured <once>."], "oracle")
    markdown = (tmp_path / "oracle.md").read_text(encoding="utf-8")
    assert "| full \\| all | 50.00 | 1\u202f234\u202f567 |" in markdown
    assert "| b | – | – |" in markdown  # noqa: RUF001
    assert "![Where the mIoU goes](w.png)" in markdown
    page = Reader((tmp_path / "oracle.html").read_text(encoding="utf-8"))
    assert ["full | all", "50.00", "1\u202f234\u202f567"] in page.rows
    assert "svg" in page.tags
    assert "Measured <once>." in page.text
    assert "T & co" in page.text


def test_values_as_text() -> None:
    assert shown(float("nan"), "percent") == shown(None, "text") == "–"  # noqa: RUF001
    assert shown(0.12345, "points") == "+12.35"
    assert shown(0.0, "number") == "0.00"
    assert shown(["a", "b"], "text") == "a, b"
    assert shown({"a": [1, 2], "b": None}, "text") == "a: 1, 2; b: –"  # noqa: RUF001
    assert escaped(" a|b\n<c> ") == "a\\|b &lt;c&gt;"


@pytest.mark.parametrize(
    ("text", "written_as"),
    [
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("=====", r"\====="),
        ("https://evil.example", "https&#58;//evil.example"),
        ("www.evil.example", "www&#46;evil.example"),
        ("me@evil.example", "me&#64;evil.example"),
        ("![x](y)<img src=x>", r"!\[x\](y)&lt;img src=x&gt;"),
        ("a\x1b[2J\u202eb", r"a\\x1b\[2J\\u202eb"),
        ("a\n# b\r\n| c", r"a \# b \| c"),
    ],
)
def test_words_of_others_are_words_in_markdown(text: str, written_as: str) -> None:
    page = Page("t", [Section("s", [Note(text)])])
    assert render(page).splitlines()[4] == written_as
