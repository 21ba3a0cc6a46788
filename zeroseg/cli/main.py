"""`zeroseg`: the parser, and the place where errors become one message and an exit code."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from zeroseg import __version__
from zeroseg.cli import (
    ablate,
    batch,
    compare,
    data,
    demo,
    doctor,
    draw,
    fetch,
    oracle,
    score,
    segment,
    test,
)
from zeroseg.cli.terminal import guarded
from zeroseg.errors import ZerosegError
from zeroseg.server_address import without_passwords

_EXAMPLES = """\
examples:
  zeroseg demo                                        draw scenes, segment them, show panels
  zeroseg draw --count 10 --output drawn              drawn scenes as pictures and masks
  zeroseg segment drawn/images --labels "dog, boat, person"
  zeroseg doctor --model large                        is all here that large needs?
  zeroseg fetch --model large                         bring its files, verified
  zeroseg segment photos --model large --llm NAME     with a language model of your choice
  zeroseg batch s3://in s3://out --engine ray         a whole archive, as pools of workers
  zeroseg data check voc2012 VOCdevkit                is the data set whole?
  zeroseg test --model tiny --data drawn --vocabulary dram --count 100
  zeroseg oracle --data drawn --limit 100 --output runs/oracle
  zeroseg ablate --data drawn --limit 200 --output runs/ablation
  zeroseg compare runs/a runs/b                       two result folders side by side
  zeroseg COMMAND --help                              every option of a command

A system is named by --model in every command: tiny, the default of most, is embedded, needs
nothing and understands drawn scenes; large is for photographs, and zeroseg doctor --model large
says what it needs; --model mine.yaml is one of your own.

exit codes: 0 all is done; 1 some pictures failed, the others are done; 2 nothing was begun
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
    work = (segment, batch, draw, demo, data, test, oracle, ablate, score, compare, doctor, fetch)
    for command in work:
        command.add_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        0 when all is done, 1 when some pictures failed, 2 when nothing could be begun.

    Raises:
        SystemExit: The arguments cannot be parsed (2), or help was asked for (0).
    """
    with guarded():
        return _run(parser().parse_args(argv))


def _run(arguments: argparse.Namespace) -> int:
    try:
        return int(arguments.run(arguments))
    except ZerosegError as error:
        said = without_passwords(str(error))
        print(f"zeroseg {arguments.command}: error: {said}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        about = f"{error}; `pip install zeroseg` installs what every command needs"
        print(f"zeroseg {arguments.command}: error: {about}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"zeroseg {arguments.command}: interrupted; what was saved stays", file=sys.stderr)
        return 130
