"""`zeroseg`: the parser, and the place where errors become one message and an exit code."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from signal import Signals
from typing import NoReturn

from zeroseg import __version__
from zeroseg.cli import (
    ablate,
    app,
    batch,
    calibrate,
    compare,
    data,
    demo,
    describe,
    doctor,
    draw,
    export,
    fetch,
    import_masks,
    models,
    oracle,
    score,
    segment,
    test,
    video,
    vocabulary,
)
from zeroseg.cli.outlet import Outlet
from zeroseg.cli.signals import listening
from zeroseg.cli.terminal import guarded
from zeroseg.errors import ZerosegError
from zeroseg.server_address import without_passwords

_EXAMPLES = """\
examples:
  zeroseg demo                                        draw scenes, segment them, show panels
  zeroseg draw --count 10 --output drawn              drawn scenes as pictures and masks
  zeroseg segment drawn/images --labels "dog, boat, person"
  zeroseg describe drawn/images                       tags, caption, boxes: no list of classes
  zeroseg segment drawn/images --labels auto          what is seen there, as classes
  zeroseg app                                         a page for pictures and words
  zeroseg video clip.mp4 results --labels "dog, cat"  a label for every pixel of a video
  zeroseg models                                      presets and checkpoints to choose from
  zeroseg doctor --model large                        is all here that large needs?
  zeroseg fetch --model large                         bring its files, verified
  zeroseg segment photos --model large --llm NAME     with a language model of your choice
  zeroseg batch s3://in s3://out --engine ray         a whole archive, as pools of workers
  zeroseg export results --format coco -o coco        results for other tools
  zeroseg import corrected --format cvat -o truth     corrected masks, to score against
  zeroseg vocabulary compile names.txt -o mine.yaml   words for a list of classes, once
  zeroseg calibrate photos --labels "dog, boat" --model mine.yaml -o presence.yaml
  zeroseg data check voc2012 VOCdevkit                is the data set whole?
  zeroseg test --model tiny --data drawn --vocabulary dram --count 100
  zeroseg oracle --data drawn --limit 100 --output runs/oracle
  zeroseg ablate --data drawn --limit 200 --output runs/ablation
  zeroseg compare runs/a runs/b                       two result folders side by side
  zeroseg COMMAND --help                              every option of a command

A system is named by --model in every command: tiny, the default of most, is embedded, needs
nothing and understands drawn scenes; large is for photographs, and zeroseg doctor --model large
says what it needs; --model mine.yaml is one of your own.

--json prints a line of JSON for every picture and nothing else on standard output; --quiet prints
nothing but failures and errors.

exit codes: 0 all is done; 1 some pictures failed or were not reached, the others are done; 2
nothing was begun; 130 and 143 it was ended by Ctrl-C or SIGTERM, and what was saved stays
"""


class _Parser(argparse.ArgumentParser):
    """A parser that tells how a system is named, also to those who know its former options."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with 2."""
        if {"--model", "--preset", "--config"} & set(re.split(r"[\s=,:]", message)):
            message += (
                "\nname the system by --model NAME or --model FILE.yaml, such as --model large"
            )
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`, a function of the parsed arguments."""
    top = _Parser(
        prog="zeroseg",
        description="Training-free, zero-shot semantic segmentation: pictures and class names in, "
        "a label for every pixel out.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"zeroseg {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    scored = (test, oracle, ablate, score, compare)
    lists = (vocabulary, calibrate)
    files = (export, import_masks)
    work = (segment, describe, app, batch, video, *files, draw, demo, *lists, data, *scored)
    for command in (*work, models, doctor, fetch):
        command.add_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        0 when all is done, 1 when some pictures failed or were not reached, 2 when nothing could be
        begun, 130 or 143 when SIGINT or SIGTERM ended it.

    Raises:
        SystemExit: The arguments cannot be parsed (2), or help was asked for (0).
    """
    with guarded():
        arguments = parser().parse_args(argv)
        outlet = Outlet(getattr(arguments, "json", False), getattr(arguments, "quiet", False))
        arguments.outlet = outlet
        return _to_its_end(arguments.command, partial(arguments.run, arguments), outlet)


def _to_its_end(command: str, run: Callable[[], int], outlet: Outlet) -> int:
    """Carry out a command, and say what ended it; its exit code."""
    with listening() as received:
        try:
            with outlet.open():
                return int(run())
        except BaseException as error:  # a signal has become, by way of libraries, whatever it is
            problem, begun = _said(error), outlet.done > 0 or getattr(error, "begun", False)
            if not received and problem is None:
                raise
    if received:
        problem = f"ended by {Signals(received[0]).name}; what was saved stays"
        print(f"zeroseg {command}: {problem}", file=sys.stderr)
        return 128 + received[0]
    print(f"zeroseg {command}: error: {problem}", file=sys.stderr)
    if begun:
        print("what is done is saved", file=sys.stderr)
    return 1 if begun else 2


def _said(error: BaseException) -> str | None:
    """What is told of an error that a user can act on; None for any other."""
    if isinstance(error, ZerosegError):
        return without_passwords(str(error))
    if isinstance(error, ModuleNotFoundError):
        return f"{error}; `pip install zeroseg` installs what every command needs"
    if isinstance(error, OSError):
        place = f" '{error.filename}'" if error.filename is not None else ""
        return f"cannot read or write{place}: {error.strerror or error}"
    return None
