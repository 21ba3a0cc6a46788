"""`zeroseg ablate`: what each component of a system is worth; of the paper's, its table 3."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import model_options, options, scoring
from zeroseg.cli.model_options import ModelOptions
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.evaluation.ablation import AblationReport
    from zeroseg.refinement.post_refiner import PostRefiner
    from zeroseg.refinement.pre_refiner import PreRefiner

_EXAMPLES = """\
  zeroseg ablate --data drawn --limit 200 --output runs/ablation
  zeroseg ablate --model paper --data voc2012 --root VOCdevkit --protocol paper --output runs/voc
  zeroseg ablate --data drawn --limit 50 --points 1 5 20 --output runs/quick
  zeroseg ablate --model sam3.yaml --data drawn --vocabulary drawn-all --output runs/sam3

The rows are those that the system has. Of one that puts pictures into words: the full system;
without captions, pre-refinement, post-refinement, points, and all of them (RAM-Grounded-SAM);
another chat model; the true labels; all classes prompted; the detector's own phrases with and
without post-refinement; and a sweep over point samplers and counts. Of one that weighs instances
and dense maps by presence, such as SAM 3: without presence, with presence once and twice, without
the dense head, without instances, without the first of two looks; the true presence; other
backgrounds. Of one with a dense scorer: without it, and without or with another pooling over
regions. Of lists that have added words: the names alone (words: raw), and those words (words:
compiled). With signatures (zeroseg calibrate --signatures): without them, or with those of
--signatures. Where the vocabulary has stuff, things and stuff have columns of their own.

What rows share (tags, captions, image embeddings, detections, answers of the chat model) is
computed once; calls, cost and time of a row are what it would take alone.

The folder holds ablation.json, ablation.png, report.html, report.md, and under rows/ a result
folder for each row. A run that was stopped goes on where it was."""

_WIDTH = 108
"""Columns that the table takes; a narrower terminal wraps it."""

OTHER = {"tiny": "tiny-llm"}
"""Presets whose refiners take part in the row "other chat model"; `llama-3-8b` of others."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "ablate", "leave out one component after the other", str(__doc__), _EXAMPLES
    )
    scoring.add_scoring(parser, model_options.DEFAULT)
    parser.add_argument(
        "--other",
        metavar="NAME|FILE",
        help='preset or file whose refiners make the row "other chat model": tiny-llm for tiny; '
        "for others their own with Llama-3-8B in place of their chat model",
    )
    parser.add_argument(
        "--points",
        type=options.positive,
        nargs="+",
        metavar="N",
        help="points a box in the sweep; default 1 5 10 20 40",
    )
    parser.add_argument(
        "--signatures",
        metavar="FILE",
        help='file of zeroseg calibrate --signatures, for the row "signatures: with"',
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Score every row, print the table, write the files."""
    from zeroseg.evaluation.ablation import ablate
    from zeroseg.evaluation.run_folder import RunFolder
    from zeroseg.reference.raw_tags import ReferenceRawTags
    from zeroseg.refinement.raw_tags import RawTags

    counts = _counts(arguments.points)
    output = options.output_folder(arguments.output)
    given = scoring.ScoringOptions.of(arguments)
    segmenter, data, about = given.prepare(output)
    report = ablate(
        segmenter,
        data,
        output,
        _other(arguments.other, given.model),
        counts,
        ReferenceRawTags() if given.data.protocol == "paper" else RawTags(),
        arguments.signatures,
        **about,
    )
    runs = {line.row.name: line.run for line in report.lines if line.run is not None}
    scoring.tell(arguments.outlet, runs)
    RunFolder(output).write_json("ablation.json", report.to_dict())
    _print(report)
    _write(report, output)
    print(f"ablation.json, ablation.png and report.html in {output}")
    return 1 if any(run.results["failures"] for run in runs.values()) else 0


def _counts(points: Sequence[int] | None) -> tuple[int, ...]:
    """The points a box of the sweep.

    Raises:
        ZerosegError: They are too many.
    """
    from zeroseg.evaluation.ablation_rows import COUNTS
    from zeroseg.masking.points import checked_count

    try:
        return tuple(map(checked_count, points or COUNTS))
    except ValueError as error:
        raise ZerosegError(f"--points: {error}") from error


def _other(
    other: str | None, model: ModelOptions
) -> tuple[PreRefiner, PostRefiner, Mapping[str, Any]] | str:
    """The refiners of the row "other chat model"; or why there are none."""
    from zeroseg.preflight import examine, require
    from zeroseg.presets import component, load_model
    from zeroseg.refinement.post_refiner import PostRefiner
    from zeroseg.refinement.pre_refiner import PreRefiner

    name = other or OTHER.get(model.model)
    changes = () if name else model.changes
    config = model_options.changed(load_model(name or model.model), changes)
    if name is None and not _asks(config):
        return "this system asks no chat model; name another one's refiners with --other"
    entries = config if name is not None else _with_llama(config)
    refiners = {part: entries.get(part) for part in ("pre_refiner", "post_refiner")}
    try:
        kept = model.answers() is not None
        refiners = require(examine(refiners, answers_kept=kept, licence=model.licence))
        pre = component(PreRefiner, refiners["pre_refiner"], examined=True)
        post = component(PostRefiner, refiners["post_refiner"], examined=True)
    except ZerosegError as error:
        if other is not None:
            raise
        return str(error)
    model.keep_answers((pre, post))
    return pre, post, refiners


def _asks(config: dict[str, Any]) -> list[str]:
    """The refiners of a configuration that ask a chat model."""
    entries = {part: config.get(part) or {} for part in ("pre_refiner", "post_refiner")}
    return [part for part, entry in entries.items() if "chat" in (entry.get("init_args") or {})]


def _with_llama(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with Llama-3-8B in place of each refiner's chat model (paper, table 3)."""
    llama = {
        "class_path": "zeroseg.chat.transformers_chat.TransformersChat",
        "init_args": {"checkpoint": "meta-llama/Meta-Llama-3-8B-Instruct"},
    }
    changes = [(f"{part}.init_args.chat", llama) for part in _asks(config)]
    return model_options.changed(config, changes)


def _print(report: AblationReport) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from zeroseg.cli.report import Terminal, say

    rows = report.to_dict()
    published = any(row["published_miou"] is not None for row in rows)
    title = "ablation (paper, table 3)" if published else "ablation"
    table = Table("row", title=title, title_justify="left", box=SIMPLE)
    columns = _columns(rows)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = _cells(row)
        table.add_row(row["name"], *(cells.get(heading, "") for heading in columns))
    if any(row["miou"] is None for row in rows):
        table.caption, table.caption_justify = "not run: the reasons stand below", "left"
    console = Terminal()
    console = Terminal(width=max(console.width, _WIDTH))
    console.print(table)
    for row in rows:
        if row["finding"] and (row["group"] == "table" or row["miou"] is None):
            say(console, f"{row['name']}: {row['finding']}")


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The headings of the printed table: what any row has a figure for."""
    some = {key for row in rows for key, value in row.items() if value is not None}
    optional = {"paper %": "published_miou", "things %": "miou_things", "stuff %": "miou_stuff"}
    left_out = {title for title, key in optional.items() if key not in some}
    every = ("mIoU %", *optional, "change", "95 %", "F1 %", "calls", "$", "s")
    return [title for title in every if title not in left_out]


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of the printed table by its headings, without its name."""
    paper = {"paper %": _hundred(row["published_miou"])}
    if row["miou"] is None:
        return {"mIoU %": "not run", **paper}
    change = row["difference"] or {"value": None, "low": None, "high": None}
    value, low, high = (_hundred(change[end], "+") for end in ("value", "low", "high"))
    return {
        "mIoU %": _hundred(row["miou"]),
        **paper,
        "things %": _hundred(row["miou_things"]),
        "stuff %": _hundred(row["miou_stuff"]),
        "change": value,
        "95 %": f"{low} .. {high}" if low else "",
        "F1 %": _hundred(row["presence_f1"]),
        "calls": str(row["calls"]),
        "$": "?" if row["cost"] is None else f"{row['cost']:.4f}",
        "s": f"{row['time']:.1f}",
    }


def _hundred(share: float | None, sign: str = "") -> str:
    return "" if share is None else f"{100 * share:{sign}.2f}"


def _write(report: AblationReport, output: Path) -> None:
    from zeroseg.evaluation.report import Bar, Column, ablation_chart, write_table_report

    rows = report.to_dict()
    bars = [
        Bar(row["name"], row["miou"], row["published_miou"])
        for row in rows
        if row["miou"] is not None
    ]
    chart = ablation_chart(bars, output / "ablation.png")
    shown = [_flat(row) for row in rows]
    headings = set(_columns(rows))
    published = [Column("published %", "percent", "published_miou")]
    columns = [
        Column("row", key="name"),
        Column("mIoU %", "bar", "miou"),
        *(published if "paper %" in headings else []),
        *(
            Column(f"{kind} %", "percent", f"miou_{kind}")
            for kind in ("things", "stuff")
            if f"{kind} %" in headings
        ),
        Column("change", "points", "value"),
        Column("from", "points", "low"),
        Column("to", "points", "high"),
        Column("pixels changed %", "percent", "changed"),
        Column("presence F1 %", "percent", "presence_f1"),
        Column("calls", "count", "calls"),
        Column("cost $", "number", "cost"),
        Column("seconds", "number", "time"),
    ]
    findings = [f"{row['name']}: {row['finding']}" for row in rows if row["finding"]]
    notes = [
        f"Data: {scoring.said_of(report.data)}. Changes are in points of mIoU against the full "
        f"system, with a 95 % interval over resampled images (paired bootstrap).",
        *findings,
    ]
    write_table_report(output, "Ablation", columns, shown, [chart], notes)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **(row.get("difference") or {}), **(row.get("agreement") or {})}
