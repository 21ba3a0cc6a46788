"""Figures of others: where a data set of that name is scored, as it is scored there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.data.miniatures import MINIATURES
from tests.evaluation.result_runs import records_of, results_of, scenes
from zeroseg import yaml_text
from zeroseg.data.catalog import NAMES, open_data
from zeroseg.evaluation.published import paper_results, published
from zeroseg.evaluation.report import write_report

DOCUMENT = Path(__file__).parents[2] / "docs" / "evaluation.md"
CONTENT: Mapping[str, Any] = yaml_text.packaged("zeroseg.evaluation", "published_results.yaml")
FIELD = ("voc2012", "voc20", "context60", "context59", "coco-object", "coco-stuff", "cityscapes")


@pytest.mark.parametrize("name", FIELD)
def test_a_data_set_of_the_fields_tables(name: str, tmp_path: Path) -> None:
    found = published(open_data(name, MINIATURES[name](tmp_path, 1)))
    assert len(found) >= 10
    assert [r["miou"] for r in found] == sorted((r["miou"] for r in found), reverse=True)
    assert all(r["run_by"] and r["words"] and r["source"] for r in found)
    runs = {(r["run_by"], round(100 * r["miou"], 2)) for r in found if "SegEarth" in r["method"]}
    assert len(runs) == 2 and {run[0] for run in runs} == {"ActiveSAM", "ConceptBank"}


def test_whose_run_it_is_moves_a_figure_by_up_to_what_the_file_says() -> None:
    by_method: dict[str, list[Mapping[str, float]]] = {}
    for run in CONTENT["runs"]:
        by_method.setdefault(run["method"], []).append(run["miou"])
    one, other = by_method["SegEarth-OV3 (SAM 3, dense head and presence)"]
    assert max(abs(one[name] - other[name]) for name in one) == pytest.approx(4.4)


def test_every_figure_is_of_a_data_set_here_and_a_percentage() -> None:
    for run in CONTENT["runs"]:
        assert set(run["miou"]) <= set(NAMES)
        assert all(1 < figure < 100 for figure in run["miou"].values())


def test_scored_otherwise_there_are_none(tmp_path: Path) -> None:
    root = MINIATURES["cityscapes"](tmp_path, 1)
    assert published(open_data("cityscapes", root))
    assert published(open_data("cityscapes", root, background=True)) == []
    [paper] = published(open_data("cityscapes", root, protocol="paper"))
    assert paper["miou"] == pytest.approx(paper_results("cityscapes")["full"] / 100)
    coco = MINIATURES["coco81"](tmp_path / "coco", 1)
    assert published(open_data("coco81", coco)) == []


def test_the_report_shows_this_run_among_them(tmp_path: Path) -> None:
    records = records_of(scenes(3, 5), 0.3)
    figures = {**results_of(records), "miou": 0.5, "published": [
        {"method": "A", "miou": 0.6, "run_by": "B", "words": "C", "source": "D", "note": "E"},
        {"method": "F", "miou": 0.4, "run_by": "G", "words": "H", "source": "I", "note": ""},
    ]}  # fmt: skip
    write_report(tmp_path, figures, records, {})
    page = (tmp_path / "report.md").read_text()
    rows = re.findall(r"^\| (A|F|this run) \|.*$", page, re.M)
    assert rows == ["A", "this run", "F"] and "D; E" in page
    write_report(tmp_path, {**figures, "published": []}, records, {})
    assert "Published figures" not in (tmp_path / "report.md").read_text()


def test_the_document_has_the_same_figures() -> None:
    columns = [*FIELD, "ade20k"]
    text = DOCUMENT.read_text()
    for run in CONTENT["runs"]:
        cells = [str(run["miou"][name]) if name in run["miou"] else "" for name in columns]
        row = " | ".join([run["method"], run["run_by"], *cells])
        assert f"| {row} |" in text, run["method"]
