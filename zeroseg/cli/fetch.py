"""`zeroseg fetch`: bring every file of a model here, or into a folder for another machine."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options
from zeroseg.errors import CheckpointError, ZerosegError

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.preflight.bundle import Bundle

_EXAMPLES = """\
  zeroseg fetch --model large                         into the hub's cache (HF_HUB_CACHE)
  zeroseg fetch --model large --to models             into a folder, to be carried elsewhere
  zeroseg segment photos --model models/large.yaml    there

Only what is read is fetched: no format twice. Every file is verified by its checksum. What was
interrupted goes on where it was when the same command is given again; what is here is not fetched.
A checkpoint whose licence has to be accepted first needs that done on its page, and HF_TOKEN.
A language model that a server answers for is no part of it."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "fetch", "bring a model's files here or into a folder", str(__doc__), _EXAMPLES
    )
    model_options.add_system(parser, None)
    parser.add_argument("--to", metavar="DIR", help="a folder in place of the hub's cache")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Fetch everything; go on with the others where one cannot be fetched."""
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.preflight.bundle import Bundle
    from zeroseg.preflight.licences import judged, refuse
    from zeroseg.presets import check, load_model

    config = model_options.changed(load_model(arguments.model), arguments.changes)
    check(BaseSegmenter, {**config, "vocabulary": config.get("vocabulary") or "drawn"})
    folder = None if arguments.to is None else options.output_folder(arguments.to)
    bundle = Bundle.of(config, folder)
    if arguments.licence is not None:
        refuse(judged(bundle.checkpoints, arguments.licence))
    bundle.require_room()
    failures = _fetch(bundle, arguments.outlet)
    for failure in failures:
        arguments.outlet.failed(failure)
    if failures:
        return 1
    if folder is None:
        print(f"all of {arguments.model} is here")
        return 0
    written = bundle.write(Path(arguments.model).stem)
    print(f"all of {arguments.model} is in {folder}; run it from there:")
    print(f"  zeroseg segment PICTURES --model {written}")
    return 0


def _fetch(bundle: Bundle, outlet: Outlet) -> list[str]:
    """Bring everything; what could not be brought, and why."""
    from zeroseg.preflight.machine import gigabytes

    failures: list[str] = []
    outside = [wanted for wanted in bundle.checkpoints if wanted.held.where != "package"]
    for number, wanted in enumerate(outside, 1):
        missing = gigabytes(bundle.left(wanted)) if bundle.left(wanted) else "nothing is missing"
        if wanted.refusal is not None:
            missing = "cannot be fetched"
        print(f"[{number}/{len(outside)}] {wanted.held.checkpoint.name}: {missing}", flush=True)
        problem = None
        try:
            bundle.fetch(wanted)
        except ZerosegError as error:
            problem = str(error)
            failures.append(f"{wanted.subject}: {error}")
        outlet.line(checkpoint=wanted.held.checkpoint.name, error=problem)
    try:
        bundle.fetch_small_files()
    except CheckpointError as error:
        failures.append(str(error))
    return failures
