"""What others report on a data set, and whose run each figure is."""

from __future__ import annotations

from functools import cache
from typing import Any, TypedDict

from zeroseg import yaml_text
from zeroseg.data.sample_data import SampleData
from zeroseg.metrics.protocol import PAPER

_PAPER = "Huang et al., BMVC 2024, full system"


class PublishedResult(TypedDict):
    """A figure that somebody else reports.

    Attributes:
        method: What was run.
        miou: In [0, 1], over the whole split.
        run_by: Whose run it is: figures of one method differ by up to 4.4 points.
        words: What each class was asked for with, and the background.
        source: Where it was read; "second-hand" where that is not its own source.
        note: What else has to be known of it.
    """

    method: str
    miou: float
    run_by: str
    words: str
    source: str
    note: str


def paper_results(data: str) -> dict[str, float]:
    """The paper's mIoU of each row, in percent; empty for a data set it does not have."""
    return dict(_file("paper_results.yaml").get(data, {}))


def published(data: SampleData) -> list[PublishedResult]:
    """What others report on a data set as it is scored, the best first.

    Under the paper's protocol these are the paper's own figures, which no other protocol gives;
    under the field's they are those of `published_results.yaml`. A data set whose background is
    scored where the published ones leave it out, or the reverse, has none.
    """
    found = _of_paper(data.title) if data.protocol == PAPER else _of_field(data)
    return sorted(found, key=lambda result: -result["miou"])


def _of_paper(name: str) -> list[PublishedResult]:
    figure = paper_results(name).get("full")
    if figure is None:
        return []
    return [
        PublishedResult(
            method=_PAPER,
            miou=figure / 100,
            run_by="its authors",
            words="the names of the classes",
            source="tables 2 and 3",
            note="",
        )
    ]


def _of_field(data: SampleData) -> list[PublishedResult]:
    scored = data.vocabulary.background in data.scored
    content = _file("published_results.yaml")
    if scored != (data.title in content["with_background"]):
        return []
    return [
        PublishedResult(
            method=run["method"],
            miou=run["miou"][data.title] / 100,
            run_by=run["run_by"],
            words=content["words"].get(run["words"], run["words"]),
            source=run["source"],
            note=run.get("note", ""),
        )
        for run in content["runs"]
        if data.title in run["miou"]
    ]


@cache
def _file(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml_text.packaged("zeroseg.evaluation", name)
    return content
