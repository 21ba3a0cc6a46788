"""`zeroseg import`: masks that people corrected in other tools, as truth to score against."""

from __future__ import annotations

import argparse
from argparse import Namespace

from zeroseg.cli import options

_EXAMPLES = """\
  zeroseg export results --format cvat -o to-correct
  zeroseg import corrected --format cvat --pictures pictures -o truth
  zeroseg score --predictions results --data truth/

what is read:
  coco     annotations.json: run lengths and polygons, as pycocotools draws them
  cvat     annotations.xml of CVAT for images 1.1: masks, polygons, boxes, by their z_order
  labelme  NAME.json: masks, polygons, rectangles, circles; later shapes lie on top
  png      NAME.png of ids, grey or indexed, as zeroseg export --format png writes them

Classes are those of --labels or --vocabulary, else of a vocabulary.yaml beside SOURCE, as every
export has one, else those that the file names. What no shape covers is background. OUT holds
images/, masks/ and vocabulary.yaml. A picture whose annotation is damaged, or that is not found, is
reported and left out; the exit code is then 1."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "import", "read corrected masks as truth", str(__doc__), _EXAMPLES
    )
    parser.add_argument("source", metavar="SOURCE", help="what the tool wrote: a file or a folder")
    parser.add_argument(
        "--format", required=True, metavar="FORMAT", help="coco, cvat, labelme or png"
    )
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write to")
    parser.add_argument(
        "--pictures", metavar="DIR", help="where the pictures lie; by default beside SOURCE"
    )
    options.add_vocabulary(parser, "by default what lies beside SOURCE")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Import; see `zeroseg.cli.main.main` for the exit code."""
    from zeroseg.cli.outputs import printable
    from zeroseg.importing.import_masks import import_truth
    from zeroseg.values import Failure

    def told(name: str, failure: Failure | None) -> None:
        if failure is not None:
            arguments.outlet.failed(f"{name}: {failure.message}")
        arguments.outlet.picture(printable(name), failure)

    report = import_truth(
        arguments.source,
        arguments.output,
        arguments.format,
        pictures=arguments.pictures,
        vocabulary=options.vocabulary(arguments.labels, arguments.vocabulary),
        told=told,
    )
    for note, count in report.notes.items():
        print(f"passed over: {count} x {note}")
    done = f"{report.written} pictures with masks, {len(report.failures)} failed"
    print(f"{done}; in {arguments.output}, to be read by --data {arguments.output}/")
    return 1 if report.failures else 0
