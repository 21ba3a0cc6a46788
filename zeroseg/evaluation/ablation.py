"""What each component of a system is worth on any data set, and how sure that is.

Of the paper's system it is the paper's table 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample_data import SampleData
from zeroseg.evaluation.ablation_rows import COUNTS, Other, Row, is_described, rows
from zeroseg.evaluation.agreement import Agreement, agreements
from zeroseg.evaluation.bootstrap import Interval, paired_difference
from zeroseg.evaluation.evaluate import Run, evaluate
from zeroseg.evaluation.oracle import with_stages
from zeroseg.evaluation.published import paper_results
from zeroseg.metrics.segmentation_scores import kinds
from zeroseg.refinement.raw_tags import RawTags

OF_THE_PAPER = (
    "without captions",
    "without pre-refinement",
    "without post-refinement",
    "without points",
    "without all",
)
"""Rows that the paper finds to be worse than the full model, on every data set."""

LEFT_OUT = (
    *OF_THE_PAPER,
    "without verification",
    "without review",
    "without presence",
    "without dense head",
    "without instances",
    "without dense head and presence",
    "without dense scorer",
    "without pooling",
    "without scope",
    "without two-stage",
    "words: raw",
    "signatures: without",
)
"""Rows of which it is said whether what they leave out is worth anything."""


@dataclass(frozen=True)
class Line:
    """A row of the finished table.

    Attributes:
        row: The system.
        run: Its run; None where it could not be run.
        difference: Its mIoU less that of the full system, with a 95 % interval over images.
        apart: The same of things and of stuff, where the vocabulary has stuff.
        agreement: How its label maps differ from the full system's.
        paper: The paper's mIoU in percent, where it has the row and the data set.
        finding: What the figures say of the component that is left out, in a sentence.
    """

    row: Row
    run: Run | None = None
    difference: Interval | None = None
    apart: Mapping[str, Interval] = field(default_factory=dict)
    agreement: Agreement | None = None
    paper: float | None = None
    finding: str = ""

    def to_dict(self) -> dict[str, Any]:
        """An entry of `ablation.json`."""
        common = {
            "name": self.row.name,
            "group": self.row.group,
            "published_miou": self.paper / 100 if self.paper is not None else None,
            "finding": self.finding,
        }
        if self.run is None:
            return {**common, "miou": None, "not_run": self.row.reason}
        figures = self.run.results
        presence = figures["presence"]
        return {
            **common,
            "miou": figures["miou"],
            "miou_things": figures.get("miou_things"),
            "miou_stuff": figures.get("miou_stuff"),
            "iou": figures["iou"],
            "pixel_accuracy": figures["pixel_accuracy"],
            "boundary_iou": figures["boundary_iou"],
            "presence_f1": presence["label_map"]["f1"] if "label_map" in presence else None,
            "presence": presence,
            "calls": figures["usage"]["calls"],
            "tokens": figures["usage"]["prompt_tokens"] + figures["usage"]["completion_tokens"],
            "cost": figures["usage"]["cost"],
            "time": sum(figures["seconds"].values()),
            "seconds": figures["seconds"],
            "failed": figures["images"]["failed"],
            "difference": self.difference._asdict() if self.difference is not None else None,
            "difference_apart": {kind: own._asdict() for kind, own in self.apart.items()},
            "agreement": vars(self.agreement) if self.agreement is not None else None,
        }


@dataclass(frozen=True)
class AblationReport:
    """The finished table.

    Attributes:
        lines: One for each row, the full system first.
        data: What the data set says of itself.
        asked: Conversations that chat models were really asked, over all rows.
    """

    lines: list[Line]
    data: dict[str, Any]
    asked: int

    def to_dict(self) -> list[dict[str, Any]]:
        """The content of `ablation.json`."""
        return [line.to_dict() for line in self.lines]


def ablate(
    full: BaseSegmenter,
    data: SampleData,
    output: str | Path,
    other: Other,
    counts: Sequence[int] = COUNTS,
    raw_tags: RawTags | None = None,
    signatures: str | Path | None = None,
    **options: Any,
) -> AblationReport:
    """Score the full system and all its ablations, in step, each with a result folder.

    Which rows there are follows from what the system has; see `rows`.

    Args:
        full: The complete system, a `ZeroShotSegmenter`.
        data: The data set.
        output: Folder; the runs lie under `rows`.
        other: Refiners with another chat model and their configuration; or why there are none.
        counts: Points a box in the sweep.
        raw_tags: What asks for unrefined tags.
        signatures: See `rows`.
        options: See `evaluate`.

    Raises:
        ZerosegError: The system has no such stages; or see `evaluate`.
    """
    whole = with_stages(full, "the ablation")
    table, shared = rows(whole, other, counts, raw_tags, signatures)
    systems = {row.name: row.system for row in table if row.system is not None}
    folders = {name: Path(output) / "rows" / _slug(name) for name in systems}
    runs = evaluate(systems, data, folders, **options)
    paper = paper_results(data.title) if is_described(whole) else {}
    return AblationReport(lines(table, runs, data, paper), data.describe(), shared.asked)


def lines(
    table: Sequence[Row], runs: Mapping[str, Run], data: SampleData, paper: Mapping[str, float]
) -> list[Line]:
    """Compare every run with that of the full system, and with the paper's figures in percent."""
    base = runs["full"]
    others = [run for name, run in runs.items() if name != "full"]
    agreed = dict(
        zip([r for r in runs if r != "full"], agreements(others, base, data), strict=True)
    )
    apart = kinds(data.vocabulary, data.scored)
    found = []
    for row in table:
        run = runs.get(row.name)
        if run is None or run is base:
            finding = f"not run: {row.reason}" if run is None else ""
            found.append(Line(row, run, paper=paper.get(row.name), finding=finding))
            continue
        line = Line(
            row,
            run,
            _difference(run, base, data, data.scored, data.scoring()["void_classes"]),
            {kind: _difference(run, base, data, own) for kind, own in apart.items()},
            agreed[row.name],
            paper.get(row.name),
        )
        found.append(replace(line, finding=finding_of(line, runs)))
    return found


def _difference(
    run: Run, base: Run, data: SampleData, classes: Sequence[int], void_classes: int = 0
) -> Interval:
    """The mean over some classes of a run less that of another, with its interval."""
    scored = [i for i, record in enumerate(base.records) if record.pixels is not None]
    return paired_difference(
        [base.records[i] for i in scored],
        [run.records[i] for i in scored],
        len(data.vocabulary),
        classes,
        data.protocol.absent,
        void_classes=void_classes,
    )


def finding_of(line: Line, runs: Mapping[str, Run]) -> str:
    """What a row says: whether and how it moves the mIoU, and if it does not, why.

    Args:
        line: A row with its difference and agreement.
        runs: All runs, by the names of their rows.
    """
    assert line.difference is not None
    assert line.agreement is not None
    value, low, high = (100 * end for end in line.difference)
    agreement = line.agreement
    said = f"{value:+.2f} points [{low:+.2f}, {high:+.2f}]"
    if line.row.name not in LEFT_OUT:
        return said
    if high < 0:
        found = ", as in the paper" if line.row.name in OF_THE_PAPER else ""
        return f"{said}: worse without it{found}"
    pixels = (
        f"{agreement.changed:.2%} of the pixels change, {agreement.gained:.2%} for the better and "
        f"{agreement.lost:.2%} for the worse"
    )
    direction = "no difference to be told"
    if low > 0:
        against = ", against the paper" if line.row.name in OF_THE_PAPER else ""
        direction = f"better without it{against}"
    return f"{said}: {direction}; {pixels}{_why(line.row.name, runs)}"


def _why(name: str, runs: Mapping[str, Run]) -> str:
    """What the records say about a component that makes no difference."""
    full = runs["full"].results
    phrases = full["phrases"]
    if name == "without post-refinement" and not phrases["unresolved_before"]:
        said = (
            f"; it was never asked: all {phrases['detections']} detections had their class from "
            f"their prompt"
        )
        alone, neither = (
            runs.get(row) for row in ("without pre-refinement", "without pre- and post-refinement")
        )
        if alone is not None and neither is not None:
            worth = 100 * (alone.results["miou"] - neither.results["miou"])
            said += f"; without pre-refinement, post-refinement is worth {worth:+.2f} points"
        return said
    if name == "without points" and "TopLogits" in json.dumps(full["config"]):
        return "; the points are the surest pixels of the first pass's own mask"
    return ""


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
