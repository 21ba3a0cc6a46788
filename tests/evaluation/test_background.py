"""The protocol of the background stands in every result, and in its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.conftest import QUIET, build, scenes
from zeroseg.data.sample_data import SampleData
from zeroseg.evaluation.background import background_of
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.fusion.things_and_stuff import ThingsAndStuff


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [("threshold", 0.3), ("margin", 0.3), ("distractors", None), ("never", None)],
)
def test_the_rule_of_the_fusion(rule: str, threshold: float | None) -> None:
    system = build(fusion=ThingsAndStuff(background=rule, threshold=0.3))
    expected = {"scored": True, "rule": rule, "threshold": threshold, "words": []}
    assert background_of(system, scenes(1)) == expected


def test_it_stands_in_the_result_and_the_report(tmp_path: Path) -> None:
    systems = {
        "masks": build(),
        "scores": build(fusion=ThingsAndStuff(background="margin", threshold=0.1)),
    }
    runs = evaluate(systems, scenes(2), {n: tmp_path / n for n in systems}, **QUIET)
    told = {name: run.results["background"]["rule"] for name, run in runs.items()}
    assert told == {"masks": "uncovered", "scores": "margin"}
    page = (tmp_path / "scores" / "report.md").read_text()
    assert "scored; rule margin 0.1" in page


def test_whether_it_is_scored() -> None:
    whole = scenes(1)
    data = SampleData(whole.vocabulary, whole.dataset, 1, 0, whole.vocabulary.classes)
    assert background_of(build(), data)["scored"] is False
