"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zeroseg.class_lists.built_in import NAMES
from zeroseg.errors import VocabularyError, ZerosegError

if TYPE_CHECKING:
    import torch

    from zeroseg.vocabulary import Vocabulary

SMALLEST, LARGEST = 32, 8192
"""Sides of a drawn scene in pixels."""

AUTO = "auto"
"""What `--labels` is where the classes are what is seen in the pictures."""

Given = TypeVar("Given")


def given(kind: type[Given], arguments: Namespace) -> Given:
    """A group of options as one value, whose fields are called as the parser calls them."""
    kinds: Any = kind
    return kind(**{field.name: getattr(arguments, field.name) for field in fields(kinds)})


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names with commas; of many the first ones, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def positive(text: str) -> int:
    """An option's whole number from 1 up."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """An option's whole number from 0 up."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise ArgumentTypeError(f"'{text}' is not a whole number from {least} up")
    return value


def size(text: str) -> tuple[int, int]:
    """An option's size such as 256x192, width by height, as (height, width)."""
    sides = text.lower().replace("×", "x").split("x")  # noqa: RUF001
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise ArgumentTypeError(f"'{text}' is not a size; write WIDTHxHEIGHT, such as 256x192")
    width, height = map(int, sides)
    if not all(SMALLEST <= side <= LARGEST for side in (width, height)):
        raise ArgumentTypeError(f"'{text}': a side has {SMALLEST} to {LARGEST} pixels")
    return height, width


def add_command(
    commands: argparse._SubParsersAction[ArgumentParser],
    name: str,
    summary: str,
    description: str,
    examples: str,
) -> ArgumentParser:
    """A parser for one command whose help ends with examples.

    Args:
        commands: Those of the program.
        name: Of the command.
        summary: What it does, in the list of all.
        description: The first line of its module: the command, a colon, and what it does.
        examples: Command lines, and what else has to be known.
    """
    said = description.partition(": ")[2]
    parser = commands.add_parser(
        name,
        help=summary,
        description=said[:1].upper() + said[1:],
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_output(parser)
    return parser


def add_output(parser: ArgumentParser) -> None:
    """`--json` and `--quiet`; see `zeroseg.cli.outlet.Outlet`."""
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print a line of JSON for every picture, and nothing else on standard output",
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print nothing but failures and errors",
    )


def add_details(group: argparse._ActionsContainer) -> None:
    """`--instances` and `--confidence`: what is kept of a picture beside its label map."""
    group.add_argument(
        "--instances", action="store_true", help="keep the mask of each thing that is found"
    )
    group.add_argument(
        "--confidence", action="store_true", help="say how sure each pixel and picture is"
    )


def add_vocabulary(parser: ArgumentParser, default: str, more: str = "") -> None:
    """`--labels` or `--vocabulary`.

    Args:
        parser: Of the command.
        default: What the classes are where neither is given.
        more: What `--labels` may be beside names.
    """
    group = parser.add_argument_group("classes")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--labels",
        metavar='"A, B, C"',
        help=f"class names, separated by commas; or a file of names, one a line{more}",
    )
    source.add_argument(
        "--vocabulary",
        metavar="NAME|FILE",
        help=f"{', '.join(NAMES)}, any of them with -compiled for added words, or a file: .yaml, "
        f".json, or .txt with one name a line; {default}",
    )


def is_auto(labels: str | None) -> bool:
    """Whether the classes are what is seen in the pictures."""
    return labels is not None and labels.strip().casefold() == AUTO


def vocabulary(labels: str | None, name: str | None) -> Vocabulary | None:
    """What `--labels` or `--vocabulary` say; None where neither is given.

    Raises:
        VocabularyError: They describe no vocabulary.
    """
    from zeroseg.vocabulary import Vocabulary

    if is_auto(labels):
        raise VocabularyError(
            f"--labels {AUTO}, what is seen in the pictures, is for `zeroseg segment`; name the "
            f'classes here (one that is called so: --labels "{AUTO}, other")'
        )
    if labels is not None:
        return Vocabulary.parse(labels)
    if name is not None:
        return Vocabulary.parse(_named_or_file(name))
    return None


def _named_or_file(text: str) -> str | Path:
    from zeroseg.class_lists.built_in import NAMES, file_of, near_miss
    from zeroseg.class_lists.files import is_file_name

    if file_of(text) or is_file_name(text):
        return text
    if Path(text).is_file():
        return Path(text)
    raise VocabularyError(
        near_miss(text)
        or f"there is no vocabulary '{text}'; there are {', '.join(NAMES)}, any file of names "
        f'(.yaml, .json, .txt), and class names with --labels "dog, boat"'
    )


def device(name: str) -> torch.device:
    """The device that `--device` means.

    Raises:
        ZerosegError: There is no such device here.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise ZerosegError(f"--device {name}: write auto, cpu, cuda, cuda:N, xpu or mps") from error
    counts = {"cpu": 1}
    if torch.accelerator.is_available() and (own := torch.accelerator.current_accelerator()):
        counts[own.type] = torch.accelerator.device_count()
    if (found.index or 0) >= counts.get(found.type, 0):
        raise ZerosegError(f"--device {name}: there is no such device here; --device cpu works")
    return found


def output_folder(path: str | Path) -> Path:
    """A folder to write to, made if it is not there.

    Raises:
        ZerosegError: It cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZerosegError(f"cannot write to the folder '{folder}': {error.strerror}") from error
    return folder
