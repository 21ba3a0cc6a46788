"""`zeroseg score`: score the label maps that any other system wrote."""

from __future__ import annotations

import argparse
from argparse import Namespace

from zeroseg.cli import data_options, options, scoring
from zeroseg.cli.data_options import DataOptions

_EXAMPLES = """\
  zeroseg score --predictions cause/voc --data voc2012 --root VOCdevkit --output runs/cause
  zeroseg score --predictions out --data set/ --protocol paper

A prediction has the name of its picture and ends in .png (grey or indexed, with the ids of the data
set) or .npy (whole numbers, height x width). Before that may stand .mask, the picture's own suffix,
_pred, _leftImg8bit or _gtFine_labelIds. It lies at the picture's path below the folder, or right in
it. What zeroseg wrote says itself which classes it holds (NAME.json, run.json, vocabulary.yaml);
these are the data set's of the same name. A picture without a prediction counts as background
throughout, and the exit code is 1. The reports are those of zeroseg test; zeroseg compare sets two
of them side by side."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "score", "score another system's label maps", str(__doc__), _EXAMPLES
    )
    parser.add_argument("--predictions", required=True, metavar="DIR", help="the label maps")
    parser.add_argument(
        "--indices",
        action="store_true",
        help="the maps hold class indices 0, 1, ..., not ids; -1 or the ignore value is none",
    )
    parser.add_argument(
        "--corrected",
        action="store_true",
        help="take the corrected maps where a person left some (/review of zeroseg app)",
    )
    parser.add_argument("--name", metavar="NAME", help="of the system; the folder by default")
    data_options.add_data(parser)
    options.add_vocabulary(parser, "by default the data set's, or all that is drawn")
    parser.add_argument("--output", metavar="DIR", help="folder for results and reports")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Score, print the table, and write the results."""
    from zeroseg.evaluation.evaluate import evaluate
    from zeroseg.evaluation.prediction_files import PredictionFiles

    name = arguments.name or arguments.predictions
    chosen = options.vocabulary(arguments.labels, arguments.vocabulary)
    given = options.given(DataOptions, arguments)
    data = given.open(chosen, "drawn")
    files = PredictionFiles(
        arguments.predictions,
        data.vocabulary,
        data.protocol,
        arguments.indices,
        data.dataset.names,
        arguments.corrected,
    )
    with scoring.folder(arguments.output) as output:
        seeds = {"subset": given.subset_seed}
        trainer = {"accelerator": "cpu", **scoring.following()}
        runs = evaluate({name: files}, data, {name: output}, seeds=seeds, **trainer)
        scoring.tell(arguments.outlet, runs)
        results = runs[name].results
        scoring.print_scores(results)
        if arguments.output is not None:
            print(f"results in {output / 'results.json'}, report in {output / 'report.html'}")
    return 1 if results["failures"] else 0
