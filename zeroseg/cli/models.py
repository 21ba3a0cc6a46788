"""`zeroseg models`: every preset and checkpoint with its size, licence, gate and training data."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zeroseg.cli.known_models import Row

_EXAMPLES = """\
  zeroseg models                                      all there is
  zeroseg models open large                           two presets, and the checkpoints they take
  zeroseg models facebook/sam3                        a checkpoint
  zeroseg models mine.yaml                            a file of your own
  zeroseg models --licence permissive                 only what apache-2.0, mit and bsd-* cover
  zeroseg models --json

Parameters are those of the networks, files what is fetched, memory the weights on a GPU: what runs
beside them takes more. Licences are those that model cards name, sizes are rounded; --json tells
where each was read. What is not known is a question mark. The hub is not asked: zeroseg doctor
--model NAME asks it, and says what of a model is here.

exit codes: 0 all that was named is shown; 1 something named is refused by --licence; 2 there is
nothing of such a name"""

_WIDTH = 150
"""Columns that the table takes; a narrower terminal wraps it."""

TITLES = (
    *("model", "parameters", "files", "memory", "licence"),
    "made of; for a checkpoint, trained on",
)
"""The heads of the table's columns."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "models", "presets and checkpoints to choose from", str(__doc__), _EXAMPLES
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="presets, checkpoints, or YAML files of your own; by default all that is known",
    )
    model_options.add_licence(parser, "show only what is wholly under such licences")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print the table."""
    from zeroseg.cli.known_models import passes, rows

    found, policy = rows(arguments.names), arguments.licence
    shown = [row for row in found if policy is None or passes(row, policy)]
    for row in shown:
        arguments.outlet.line(**asdict(row))
    _print(shown)
    refused = [row for row in found if row not in shown] if arguments.names else []
    for row in refused:
        print(f"not {policy}: {_name(row)} ({_licences(row)})", file=sys.stderr)
    return 1 if refused else 0


def _print(rows: Sequence[Row]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from zeroseg.cli.known_models import ModelRow
    from zeroseg.cli.report import Terminal, plain

    table = Table(box=SIMPLE)
    model, *sizes, licence, told = TITLES
    table.add_column(model, overflow="fold")
    for title in sizes:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(licence, overflow="fold")
    table.add_column(told, overflow="fold", ratio=1)
    previous: type | None = None
    for row in rows:
        if previous not in (None, type(row)):
            table.add_section()
        previous = type(row)
        name, *numbers, licences, words = cells(row)
        bold = "bold" if isinstance(row, ModelRow) else ""
        table.add_row(plain(name, bold), *numbers, plain(licences), plain(words))
    console = Terminal()
    Terminal(width=max(console.width, _WIDTH)).print(table)


def cells(row: Row) -> tuple[str, ...]:
    """A row as people read it, a text for each of `TITLES`."""
    sizes = _count(row.parameters), _size(row.bytes), _size(row.memory)
    return (_name(row), *sizes, _licences(row), _told(row))


def _name(row: Row) -> str:
    from zeroseg.cli.known_models import ModelRow

    return row.model if isinstance(row, ModelRow) else row.checkpoint


def _licences(row: Row) -> str:
    """Licences and gate."""
    from zeroseg.cli.known_models import licences_of

    named = ", ".join(licence or "?" for licence in licences_of(row))
    return f"{named}; gated" if row.gated else named


def _told(row: Row) -> str:
    """What a preset is made of, or a checkpoint was trained on."""
    from zeroseg.cli.known_models import ModelRow

    if not isinstance(row, ModelRow):
        return ", ".join(row.trained_on) or "?"
    asked = ["a language model of a server"] if row.asks_language_model else []
    return ", ".join([*row.checkpoints, *asked])


def _count(number: int | None) -> str:
    """Parameters as people say them."""
    if not number:
        return "?" if number is None else "-"
    return f"{number / 1e9:.2f} B" if number >= 1e9 else f"{number / 1e6:.3g} M"


def _size(number: int | None) -> str:
    from zeroseg.preflight.machine import gigabytes

    return gigabytes(number) if number else "?" if number is None else "-"
