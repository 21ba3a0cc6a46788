"""`zeroseg doctor`: is all here that a model needs? Nothing is run, built or fetched."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from zeroseg.cli import model_options, options

if TYPE_CHECKING:
    from zeroseg.preflight import Examination
    from zeroseg.preflight.findings import Finding

_EXAMPLES = """\
  zeroseg doctor                                      the embedded default, and this machine
  zeroseg doctor --model large                        what large needs, and what of it is missing
  zeroseg doctor --model large --llm-url http://localhost:8000/v1 --llm my-model
  zeroseg doctor --model mine.yaml --json

For every checkpoint: where it is, or how much is to be fetched; its licence, and whether that has
to be accepted on the hub first. For the language model: whether its server answers and knows the
model, and until when. Keys and tokens are looked for, and never shown.

exit codes: 0 it can run; 1 something is missing; 2 there is no such model"""

_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "doctor", "say what a model needs and what is missing", str(__doc__), _EXAMPLES
    )
    model_options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Look for everything, print it, and say whether it can run."""
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.preflight import examine
    from zeroseg.presets import check

    model = options.given(model_options.ModelOptions, arguments)
    config = model.config()
    check(BaseSegmenter, {**config, "vocabulary": config.get("vocabulary") or "drawn"})
    target = model.target()
    examination = examine(config, target, model.answers() is not None, model.licence)
    findings = [
        *_machine(str(target)),
        *_hub(examination),
        *_described(examination),
        *_unknown(config),
    ]
    for finding in findings:
        arguments.outlet.line(**vars(finding))
    _print(findings)
    problems = sum(finding.state == "problem" for finding in findings)
    if problems:
        print(f"{model.model} cannot run here; problems: {problems}", file=sys.stderr)
    else:
        print(f"{model.model} can run here")
    return 1 if problems else 0


def _machine(target: str) -> Iterator[Finding]:
    """Versions, devices, packages that only some parts take."""
    import torch

    from zeroseg.preflight.findings import Finding
    from zeroseg.preflight.machine import (
        OPTIONAL,
        available_memory,
        gigabytes,
        version_of,
        versions,
    )

    for name, version in versions():
        yield Finding("version", name, "ok", version)
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        says = f"{torch.cuda.get_device_name(index)}, {gigabytes(free)} of {gigabytes(total)} free"
        yield Finding("device", f"cuda:{index}", "ok", says)
    says = f"{os.cpu_count()} cores, {gigabytes(available_memory())} of memory free"
    yield Finding("device", "cpu", "ok", says)
    yield Finding("device", "in use", "ok", target)
    for name, use in OPTIONAL.items():
        found = version_of(name)
        yield Finding("optional", name, "ok", found or f"not installed; only for {use}")


def _hub(examination: Examination) -> Iterator[Finding]:
    """Where the hub is, whether it answers, and what the environment says of it."""
    from huggingface_hub import constants

    from zeroseg.preflight.findings import Finding
    from zeroseg.preflight.machine import free_disk, gigabytes
    from zeroseg.server_address import shown_address
    from zeroseg.weights.hub import has_token

    reach = "not asked, all is here"
    if constants.is_offline_mode():
        reach = "not asked, HF_HUB_OFFLINE is set"
    elif any(each.remote is not None for each in examination.checkpoints):
        reach = "it answers"
    elif any(each.refusal is not None for each in examination.checkpoints):
        reach = "see checkpoints"
    address = shown_address(str(constants.ENDPOINT))
    yield Finding("hub", "address", "ok", f"{address}; {reach}")
    token = "set" if has_token() else "not set; only for gated and private checkpoints"
    yield Finding("hub", "token", "ok", token)
    free = gigabytes(free_disk(constants.HF_HUB_CACHE))
    yield Finding("hub", "cache", "ok", f"{constants.HF_HUB_CACHE}, {free} free")


def _described(examination: Examination) -> Iterator[Finding]:
    """What was found, checkpoints with their licences, language models with their prices."""
    from dataclasses import replace

    about = {each.subject: _licence(each) for each in examination.checkpoints}
    for finding in examination.findings:
        if finding.topic == "checkpoint" and about[finding.subject]:
            finding = replace(finding, says=f"{finding.says}; {about[finding.subject]}")
        if finding.topic == "language model" and finding.state == "ok":
            finding = replace(finding, says=f"{finding.says}; {_price(finding.says.split()[0])}")
        yield finding


def _licence(wanted: Any) -> str:
    """Licence and gate of a checkpoint, as the hub says, else as the package knows."""
    from zeroseg.preflight.known import known
    from zeroseg.weights.hub import page

    name = wanted.held.checkpoint.name
    if wanted.held.where not in ("cache", "nowhere"):
        return ""
    told = known(name)
    licence = wanted.remote.licence if wanted.remote is not None else told.licence
    gated = wanted.remote.gated if wanted.remote is not None else told.gated
    gate = f", to be accepted at {page(name)}" if gated else ""
    return f"licence {licence or 'unknown'}{gate}"


def _price(model: str) -> str:
    from zeroseg.chat.prices import load_prices

    price = load_prices().get(model)
    if price is None:
        return "its price is not known, so costs are not told"
    return f"${price.input:g} and ${price.output:g} for a million tokens sent and received"


def _unknown(config: dict[str, Any]) -> Iterator[Finding]:
    """Components that do not say what they need."""
    from zeroseg.preflight.components import places
    from zeroseg.preflight.findings import Finding

    for place in places(config):
        if not place.known:
            says = "does not say what it needs, so nothing could be looked for"
            yield Finding("component", place.name, "ok", says)


def _print(findings: list[Finding]) -> None:
    from rich.table import Table

    from zeroseg.cli.report import Terminal, plain

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=4, overflow="fold")
    table.add_column(ratio=6, overflow="fold")
    topic = ""
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            table.add_row(plain(topic, "bold"))
        state = plain(f"  {finding.state}", _COLORS[finding.state])
        table.add_row(state, plain(finding.subject), plain(finding.says))
    Terminal().print(table)
