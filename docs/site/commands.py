"""The page of commands: what `--help` of each says."""

from __future__ import annotations

import argparse
import os
from unittest.mock import patch

from zeroseg.cli.main import parser

_INTRODUCTION = "# Commands\n\nWhat `zeroseg COMMAND --help` says of each."


def page() -> str:
    """The page as Markdown."""
    [commands] = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    parts = [f"## zeroseg {name}\n\n{_said(each)}" for name, each in commands.choices.items()]
    return "\n\n".join([_INTRODUCTION, *parts]) + "\n"


def _said(command: argparse.ArgumentParser) -> str:
    with patch.dict(os.environ, COLUMNS="88"):  # whatever terminal this is
        return f"```\n{command.format_help()}```"
