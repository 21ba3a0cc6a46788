"""`zeroseg oracle`: replace stages by the truth, and see where the mIoU goes."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import model_options, options, scoring

if TYPE_CHECKING:
    from zeroseg.evaluation.oracle import OracleReport

_EXAMPLES = """\
  zeroseg oracle --data drawn --limit 100 --output runs/oracle
  zeroseg oracle --model large --data voc2012 --root VOCdevkit --limit 200 --output runs/oracle

Told the classes that are there, recognition and pre-refinement can do no harm; told the boxes as
well, neither can detection; told the masks, nothing is left but fusion. A system with dense maps
is told, too, whether what it asks for is present, and after boxes and masks, which are then those
of things alone, the maps. Each step's gain is what its stage costs, and with the measured mIoU the
gains add up to the truth's own.

The folder holds oracle.json, waterfall.png, report.html, report.md, and under runs/ a result folder
for each step."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "oracle", "see which stage costs how much mIoU", str(__doc__), _EXAMPLES
    )
    scoring.add_scoring(parser, model_options.DEFAULT)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Score with ever more truth, print the table, draw the waterfall."""
    from zeroseg.evaluation.oracle import oracle
    from zeroseg.evaluation.run_folder import RunFolder

    output = options.output_folder(arguments.output)
    segmenter, data, about = scoring.ScoringOptions.of(arguments).prepare(output)
    report = oracle(segmenter, data, output, **about)
    scoring.tell(arguments.outlet, report.runs)
    RunFolder(output).write_json("oracle.json", report.to_dict())
    _print(report)
    _write(report, output)
    print(f"oracle.json, waterfall.png and report.html in {output}")
    return 1 if report.runs["measured"].results["failures"] else 0


def _rows(report: OracleReport) -> list[dict[str, Any]]:
    content = report.to_dict()
    reached = {step["told"] for step in content["steps"]}
    alone = [own for own in content["single"] if own["told"] not in reached]
    rows = content["steps"] + [{**own, "told": f"{own['told']} alone"} for own in alone]
    return [{**row, "makes_good": row.get("makes_good") or ""} for row in rows]


def _print(report: OracleReport) -> None:
    from rich.table import Table

    from zeroseg.cli.report import Terminal, percent

    table = Table("told", title="where the mIoU goes", title_justify="left")
    table.add_column("mIoU", justify="right")
    table.add_column("gain", justify="right")
    table.add_column("makes good")
    for row in _rows(report):
        gain = "" if row["gain"] is None else f"{100 * row['gain']:+.2f}"
        table.add_row(row["told"], percent(row["miou"]), gain, row["makes_good"])
    Terminal().print(table)


def _write(report: OracleReport, output: Path) -> None:
    from zeroseg.evaluation.oracle import makes_good
    from zeroseg.evaluation.report import Column, waterfall, write_table_report

    told = [(makes_good(name) or name, miou) for name, miou in report.steps.items()]
    chart = waterfall(told, output / "waterfall.png")
    columns = [
        Column("told"),
        Column("mIoU %", "percent", "miou"),
        Column("gain", "points", "gain"),
        Column("makes good", key="makes_good"),
    ]
    data = scoring.said_of(report.runs["measured"].results["data"])
    notes = [f"Data: {data}. Gains in points of mIoU; with the measured mIoU they add up."]
    write_table_report(output, "Oracle report", columns, _rows(report), [chart], notes)
