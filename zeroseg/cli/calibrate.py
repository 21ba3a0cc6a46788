"""`zeroseg calibrate`: what is typical of a user's own pictures, which have no labels."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import model_options, options
from zeroseg.errors import ImageError, PresetError, ZerosegError

if TYPE_CHECKING:
    from torch import Tensor

    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.outputs import Picture
    from zeroseg.refinement.encoder_verifier import EncoderVerifier
    from zeroseg.refinement.presence_thresholds import PresenceThresholds
    from zeroseg.vocabulary import Vocabulary

_EXAMPLES = """\
  zeroseg calibrate photos --labels "dog, boat, person" --model mine.yaml -o presence.yaml
  zeroseg calibrate drawn/images --vocabulary drawn-all --model mine.yaml -o presence.yaml
  zeroseg segment photos --labels "dog, boat, person" --model mine.yaml \\
      --set verifier.init_args.thresholds=presence.yaml
  zeroseg calibrate photos --model sam3 --signatures -o signatures.yaml
  zeroseg segment photos --model sam3 --set "fusion={class_path: zeroseg.fusion.SignatureFusion, \\
      init_args: {signatures: signatures.yaml}}"

Without --signatures it finds thresholds of presence. The model's verifier is an EncoderVerifier,
which compares a picture with the words of a class:

  verifier:
    class_path: zeroseg.refinement.EncoderVerifier
    init_args: {checkpoint: google/siglip2-base-patch16-224, thresholds: ./presence.yaml}

How near a picture is to a word when the class is there differs from class to class and from one
kind of picture to the next. So give a few hundred pictures of the kind that is to be segmented, as
they come: the scores of a class fall into two groups, pictures with it and all others, and its
threshold lies between them. No labels are read, and nothing is trained. A class whose scores do not
fall apart, as it is in none of the pictures or in all, takes its threshold from the others, and is
marked: look at it. Only the verifier is loaded.

With --signatures it finds what the scores of all classes typically are where one of them wins, and
how often each wins, by a whole system with dense scores whose fusion is ThingsAndStuff. The fusion
SignatureFusion settles confusions and the background by them. The report says how many places
change, and from which class to which: no more can become wrong, nor right. Where the two halves of
the pictures differ much in what they settle, give more pictures. A class that never wins is named.

A file holds for the words and the system that it was found with, and is refused for others. A
picture that cannot be read is reported and skipped; the exit code is then 1."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "calibrate",
        "thresholds of presence or signatures of classes, from your own pictures",
        str(__doc__),
        _EXAMPLES,
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="file, folder, or pattern such as '*.png'"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="YAML file to write")
    parser.add_argument(
        "--signatures",
        action="store_true",
        help="find signatures of classes, by the whole system, and no thresholds of presence",
    )
    options.add_vocabulary(parser, "by default the model's own")
    model_options.add_model(parser, default=None)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Look at the pictures, write what is typical of them, and say what it rests on."""
    model = options.given(model_options.ModelOptions, arguments)
    config = model.config()
    from zeroseg.cli import signatures
    from zeroseg.cli.outputs import plan
    from zeroseg.vocabulary import Vocabulary

    chosen = options.vocabulary(arguments.labels, arguments.vocabulary)
    vocabulary = chosen or Vocabulary.parse(config["vocabulary"])
    entry = None if arguments.signatures else _entry(config, model.model)
    model.target()
    outlet: Outlet = arguments.outlet
    planned = plan(arguments.paths, Path())
    for note in planned.notes:
        print(f"left out: {note}", file=sys.stderr)
    for failure in planned.failures:
        outlet.failed(failure.message)
        outlet.picture(failure.name, failure)
    if not planned.pictures:
        raise ZerosegError("there are no pictures to find thresholds or signatures from")
    if entry is None:
        seen = signatures.find(
            model, config, vocabulary, planned.pictures, arguments.output, outlet
        )
    else:
        verifier = _verifier(entry, model.model, model.licence).to(model.target())
        seen = _thresholds(verifier, planned.pictures, vocabulary, arguments.output, outlet)
    return 1 if planned.failures or seen < len(planned.pictures) else 0


def _thresholds(
    verifier: EncoderVerifier,
    pictures: Sequence[Picture],
    vocabulary: Vocabulary,
    output: str,
    outlet: Outlet,
) -> int:
    """Find thresholds of presence; how many pictures could be read."""
    names, scores = _look(verifier, pictures, vocabulary, outlet)
    found = verifier.calibrate(scores, vocabulary)
    found.to_yaml(output)
    _tell(outlet, names, scores, found)
    _print(found)
    print(f"thresholds in {output}")
    return len(names)


def _entry(config: dict[str, Any], model: str) -> dict[str, Any]:
    """The verifier of a configuration, without thresholds: these are about to be found."""
    entry = config.get("verifier")
    if not isinstance(entry, dict) or "class_path" not in entry:
        raise PresetError(
            f"{model} has no verifier to find thresholds for; name a model with an EncoderVerifier "
            f"(zeroseg calibrate --help shows one)"
        )
    given = entry.get("init_args") or {}
    return {**entry, "init_args": {k: v for k, v in given.items() if k != "thresholds"}}


def _verifier(entry: dict[str, Any], model: str, licence: str | None) -> EncoderVerifier:
    from zeroseg.preflight import examine, require
    from zeroseg.presets import component
    from zeroseg.refinement.encoder_verifier import EncoderVerifier
    from zeroseg.refinement.verifier import Verifier

    entry = require(examine({"verifier": entry}, licence=licence))["verifier"]
    found = component(Verifier, entry, examined=True)
    if not isinstance(found, EncoderVerifier):
        raise PresetError(
            f"the verifier of {model} is a {type(found).__name__}, which has no thresholds; only "
            f"EncoderVerifier has"
        )
    return found


def _look(
    verifier: EncoderVerifier, pictures: Sequence[Picture], vocabulary: Vocabulary, outlet: Outlet
) -> tuple[list[str], Tensor]:
    """The pictures that can be read, and their scores (N, C)."""
    import torch

    from zeroseg.cli.report import Terminal, progress

    names: list[str] = []
    parts: list[Tensor] = []
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("looking", total=len(pictures))
        for batch in _batches(pictures, verifier.batch_size):
            read = list(_read(batch, outlet))
            names += [name for name, _ in read]
            parts.append(verifier.scores([image for _, image in read], vocabulary))
            bar.advance(task, len(batch))
    return names, torch.cat(parts)


def _batches(pictures: Sequence[Picture], size: int) -> Iterator[Sequence[Picture]]:
    return (pictures[start : start + size] for start in range(0, len(pictures), size))


def _read(batch: Sequence[Picture], outlet: Outlet) -> Iterator[tuple[str, Tensor]]:
    """The pictures of a batch that can be read, with their names."""
    from zeroseg.cli.outputs import printable
    from zeroseg.images import read_image
    from zeroseg.values import Failure

    for picture in batch:
        name = printable(picture.source)
        try:
            yield name, read_image(picture.source)
        except ImageError as error:
            outlet.failed(str(error))
            outlet.picture(name, Failure(name, "reading", str(error)))


def _tell(outlet: Outlet, names: list[str], scores: Tensor, found: PresenceThresholds) -> None:
    """Tell programs which classes are in each picture, by the thresholds."""
    import torch

    limits = torch.tensor([own.threshold for own in found.classes.values()])
    for name, above in zip(names, (scores > limits).tolist(), strict=True):
        there = [own for own, is_there in zip(found.classes, above, strict=True) if is_there]
        outlet.picture(name, classes=there)


_MEANING = {
    "two groups": "",
    "others": "no two groups where those of the others are: its threshold is theirs",
    "never": "seems to be in no picture: its threshold is by the others",
    "always": "seems to be in every picture: its threshold is by the others",
}


def _print(found: PresenceThresholds) -> None:
    """A row a class, and what to look at."""
    from rich.table import Table

    from zeroseg.cli.report import Terminal, plain

    table = Table("class", title=f"{found.pictures} pictures", title_justify="left")
    for title in ("there", "not there", "threshold"):
        table.add_column(title, justify="right")
    table.add_column("", overflow="fold")
    for name, own in found.classes.items():
        counts = (str(own.there), str(found.pictures - own.there))
        table.add_row(plain(name), *counts, f"{own.threshold:.4f}", _MEANING[own.basis])
    Terminal().print(table)
    never = [name for name, own in found.classes.items() if own.there == 0]
    if never:
        print(f"in none of these pictures: {options.listed(never)}")
