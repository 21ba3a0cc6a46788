"""`zeroseg compare`: two result folders, side by side."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace

from zeroseg.cli import compare_pixels, compare_scores, options

_EXAMPLES = """\
  zeroseg compare runs/full runs/without-points
  zeroseg compare runs/a runs/b --resamples 5000 --seed 1 --json
  zeroseg compare runs/a runs/b --output runs/a-b
  zeroseg compare out/monday out/tuesday --json
  zeroseg compare runs/a out/b --pixels
  zeroseg compare out out --corrected b

A and B are folders that zeroseg test or zeroseg score wrote, over the same data set with the same
classes and protocol. Only the images that both scored are compared. The interval says what other
images of the same kind might have given; one that leaves 0 out is more than chance.

Without scores, or with --pixels, their label maps are compared: which pixels differ, and what
became of each class. Such folders are of zeroseg segment, test or batch, and may have different
classes, which are matched by name. The most different pictures are told first; the exit code is 1
where one cannot be compared. --corrected takes label maps as people left them at /review of zeroseg
app; with one folder twice and "b", it tells what they changed. The page of zeroseg app --results A
--results B shows the pixels."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "compare", "compare two result folders", str(__doc__), _EXAMPLES
    )
    parser.add_argument("a", metavar="A", help="result folder")
    parser.add_argument("b", metavar="B", help="result folder whose gain or loss is asked for")
    parser.add_argument(
        "--resamples",
        type=options.positive,
        default=2000,
        metavar="N",
        help="draws of the paired bootstrap over images (default: 2000)",
    )
    parser.add_argument(
        "--seed", type=options.natural, default=0, metavar="S", help="of the draws (default: 0)"
    )
    parser.add_argument(
        "--pixels", action="store_true", help="compare label maps, also where there are scores"
    )
    parser.add_argument(
        "--corrected",
        choices=("none", "a", "b", "both"),
        default="none",
        help="whose label maps are as people corrected them, which compares label maps (default: "
        "none)",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="folder for compare.json, and for scores compare.md and compare.html",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Compare, print the table, and write what was asked for."""
    a, b = arguments.a, arguments.b
    by_pixels = arguments.pixels or arguments.corrected != "none"
    if by_pixels or not (_is_scored(a) or _is_scored(b)):
        return compare_pixels.run(a, b, arguments.corrected, arguments.output, arguments.outlet)
    return compare_scores.run(
        a, b, arguments.resamples, arguments.seed, arguments.output, arguments.outlet
    )


def _is_scored(folder: str) -> bool:
    """Whether a run of `test` or `score` lies there, finished or not; `batch` keeps a manifest."""
    begun = os.path.isfile(os.path.join(folder, "run.json"))
    return begun and not os.path.isdir(os.path.join(folder, "manifest"))
