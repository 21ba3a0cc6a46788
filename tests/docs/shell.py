"""Lines of a shell block: are there such commands, options, presets, data sets and scripts?"""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib import metadata
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tests.docs.blocks import ROOT
from zeroseg import BaseSegmenter, presets
from zeroseg.app.job_routes import router as job_router
from zeroseg.app.routes import router
from zeroseg.cli.main import main, parser
from zeroseg.cli.model_options import changed
from zeroseg.data.catalog import CATALOG
from zeroseg.presets import load_model
from zeroseg.vocabulary import Vocabulary


class Parsed(Exception):
    """A script has read its options, and would begin."""


def commands(code: str) -> Iterator[list[str]]:
    """The words of each command, without comments."""
    for line in code.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def run(code: str) -> None:
    """Run a block that consists of calls of `zeroseg`."""
    for words in commands(code):
        assert words[0] == "zeroseg", f"{words[0]} is not run by tests: say what the block needs"
        assert main(words[1:]) == 0, shlex.join(words)


def check(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every line of a block against what there is, and run none.

    Raises:
        AssertionError: There is no such command, option, file or name.
        SystemExit: A parser refuses the options.
        ZerosegError: There is no such preset, component or vocabulary.
    """
    checks: dict[str, Callable[[list[str]], object]] = {
        "zeroseg": _zeroseg,
        "python": lambda words: _script(words, monkeypatch),
        "torchrun": lambda words: _script(["-m", *words[words.index("--") + 1 :]], monkeypatch),
        "make": _make,
        "pip": _pip,
        "export": _export,
        "curl": _curl,
        "podman": _podman,
    }
    for words in commands(code):
        assert words[0] in checks, f"no test knows the command {words[0]}"
        checks[words[0]](words[1:])


def _zeroseg(words: list[str]) -> None:
    """The command parses, and what it names by a name is there."""
    found: Any = parser().parse_args(words, Namespace())
    model, vocabulary = getattr(found, "model", None), getattr(found, "vocabulary", None)
    data = getattr(found, "data", None)
    if model is not None and not model.endswith(".yaml"):
        presets.check(BaseSegmenter, changed(load_model(model), found.changes))
    if vocabulary is not None:
        Vocabulary.parse(vocabulary)
    assert data is None or data.endswith("/") or data in {"drawn", *CATALOG}, data


def _script(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`python FILE` or `python -m MODULE` reads its options, and is stopped before it begins."""
    parse = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *_: Any) -> None:
        parse(self)
        raise Parsed

    module = words[1] if words[0] == "-m" else None
    name = module or str(ROOT / words[0])
    start = runpy.run_module if module else runpy.run_path
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [name, *words[2 if module else 1 :]])
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        patch.delitem(sys.modules, name, raising=False)  # as in a process of its own
        with pytest.raises(Parsed):
            start(name, run_name="__main__")


def _make(words: list[str]) -> None:
    """Targets, and variables that the Makefile has."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = re.findall(r"^(\w+)(?=:| \??=)", text, re.MULTILINE)
    assert {word.partition("=")[0] for word in words} <= set(known)


def _pip(words: list[str]) -> None:
    """Packages are zeroseg with extras that it has."""
    assert words[0] == "install"
    known = set(metadata.metadata("zeroseg").get_all("Provides-Extra") or [])
    for package in words[1:]:
        if package != "-e":
            found = re.fullmatch(r"(?:zeroseg|\.)(?:\[([\w,]+)\])?", package)
            assert found, f"{package} is not this package"
            assert set((found[1] or "").split(",")) <= known | {""}, package


def _curl(words: list[str]) -> None:
    """The server has such a route, with such fields."""
    [address] = [urlsplit(word) for word in words if word.startswith("http://127.0.0.1:8000/")]
    routes = [own for own in (*router.routes, *job_router.routes) if isinstance(own, APIRoute)]
    found = [own for own in routes if own.path_regex.fullmatch(address.path)]
    sent = [word.partition("=")[0] for flag, word in pairwise(words) if flag == "-F"]
    named = {*sent, *parse_qs(address.query)}
    assert any(named <= _fields(own.dependant) for own in found), (
        f"{address.path} takes no such fields"
    )


def _fields(dependant: Dependant) -> set[str]:
    """Of a route's form and query."""
    own = {field.alias for field in (*dependant.body_params, *dependant.query_params)}
    return own.union(*map(_fields, dependant.dependencies))


def _podman(words: list[str]) -> None:
    """The container is built of a file that is there, and what follows its name is the app's."""
    assert (ROOT / "Containerfile").is_file()
    if words[0] == "run":
        name = words.index("zeroseg")
        assert any(word.startswith("ZEROSEG_TOKEN=") for word in words[:name])
        _zeroseg(["app", "--host", "0.0.0.0", *words[name + 1 :]])
    else:
        assert words[0] == "build" and words[-1] == "."


def _export(words: list[str]) -> None:
    assert all(re.fullmatch(r"[A-Z_]+=\S+", word) for word in words)
