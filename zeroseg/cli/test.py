"""`zeroseg test`: score a system on a data set."""

from __future__ import annotations

import argparse
import time
from argparse import Namespace

from zeroseg.cli import options, scoring

_EXAMPLES = """\
  zeroseg test --model tiny --data drawn --count 100
  zeroseg test --model tiny --data drawn --vocabulary dram --count 500 --output runs/dram
  zeroseg test --model tiny --data drawn --set captioner=null
  zeroseg test --model paper --data voc2012 --root VOCdevkit --protocol paper --output runs/voc
  zeroseg test --model large --data coco81 --root coco --limit 500 --devices 4 --output runs/coco
  zeroseg draw --count 50 --output drawn && zeroseg test --model tiny --data drawn/

A folder holds images/NAME.*, masks/NAME.png (ids) and vocabulary.yaml, as zeroseg draw writes it.
mIoU is computed from one confusion matrix over the whole data set. The protocol "standard" takes
the mean over all classes that occur in the truth or in the predictions. A picture that fails counts
as background throughout.

--output holds results.json, report.html, report.md, and the prediction and record of every picture;
with --instances, instances/NAME.json, and with --confidence, confidence/NAME.png.
A run that was stopped goes on where it was when the same command is given again."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "test", "score a system on a data set", str(__doc__), _EXAMPLES
    )
    scoring.add_scoring(parser, None)
    parser.add_argument("--output", metavar="DIR", help="folder for results, reports, predictions")
    options.add_details(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Score, print the table, and write the results."""
    from zeroseg.evaluation.evaluate import evaluate

    given = scoring.ScoringOptions.of(arguments)
    name = given.model.model
    with scoring.folder(arguments.output) as output:
        segmenter, data, about = given.prepare(output)
        asked = {"instances": arguments.instances, "confidence": arguments.confidence}
        segmenter = segmenter.variant(**asked) if any(asked.values()) else segmenter
        start = time.perf_counter()
        runs = evaluate({name: segmenter}, data, {name: output}, **about)
        if not runs:  # this process is not the first of several
            return 0
        scoring.tell(arguments.outlet, runs)
        results = runs[name].results
        scoring.print_scores(results, time.perf_counter() - start)
        if arguments.output is not None:
            print(f"results in {output / 'results.json'}, report in {output / 'report.html'}")
    return 1 if results["failures"] else 0
