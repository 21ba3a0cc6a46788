"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import argparse
import copy
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg import yaml_text
from zeroseg.errors import PresetError, VocabularyError, ZerosegError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.vocabulary import Vocabulary

SMALLEST, LARGEST = 32, 8192
"""Sides of a drawn scene in pixels."""

DEFAULT_PRESET = "tiny"

CACHE_VARIABLE = "ZEROSEG_CACHE"
"""Environment variable that stands in for `--llm-cache`."""

Change = tuple[str, Any]
"""A dotted path into a configuration and the value to put there."""


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


def change(text: str) -> Change:
    """An option KEY=VALUE, the value read as YAML."""
    key, sign, value = text.partition("=")
    if not sign or not all(key.split(".")):
        raise ArgumentTypeError(f"'{text}' is not KEY=VALUE, such as captioner=null")
    try:
        return key, yaml_text.load(value)
    except ValueError as error:
        raise ArgumentTypeError(f"the value of {key}: {error}") from error


def add_command(
    commands: argparse._SubParsersAction[ArgumentParser],
    name: str,
    summary: str,
    description: str,
    examples: str,
) -> ArgumentParser:
    """A parser for one command whose help ends with examples."""
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_model(parser: ArgumentParser) -> None:
    """`--preset` or `--config`, and what changes them."""
    group = parser.add_argument_group("model")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--preset",
        metavar="NAME",
        help="tiny (embedded, offline, for drawn scenes; the default), large (for photographs), "
        "paper (the published system), ...; what else they need, zeroseg doctor tells",
    )
    source.add_argument("--config", metavar="FILE.yaml", help="a segmenter of your own")
    add_changes(group)


def add_changes(group: argparse._ArgumentGroup) -> None:
    """`--set`, `--device`, `--batch-size` and what concerns the language model."""
    group.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        type=change,
        metavar="KEY=VALUE",
        help="change an entry of the preset or file; may be repeated; the value is YAML: "
        "--set captioner=null --set detector.init_args.box_threshold=0.25",
    )
    group.add_argument(
        "--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:1, ..."
    )
    group.add_argument(
        "--batch-size", type=positive, metavar="N", help="pictures that go through together"
    )
    add_language_model(group)
    group.add_argument(
        "--llm-cache",
        metavar="DIR|off",
        help="folder where a language model's answers are kept from run to run, and looked up; "
        f"default: the environment variable {CACHE_VARIABLE}, else off",
    )


def add_language_model(group: argparse._ArgumentGroup) -> None:
    """`--llm` and `--llm-url`."""
    group.add_argument(
        "--llm",
        metavar="NAME",
        help="the language model that is asked, wherever the system asks one of a server; default: "
        "what the configuration names, else the environment variable ZEROSEG_LLM, else one that "
        "the server offers",
    )
    group.add_argument(
        "--llm-url",
        metavar="URL",
        help="its server, such as http://localhost:8000/v1; default: what the configuration names, "
        "else the environment variable OPENAI_BASE_URL, else OpenAI's own",
    )


def add_vocabulary(parser: ArgumentParser, default: str) -> None:
    """`--labels` or `--vocabulary`."""
    group = parser.add_argument_group("classes")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--labels",
        metavar='"A, B, C"',
        help="class names, separated by commas; or a file of names, one a line",
    )
    source.add_argument(
        "--vocabulary",
        metavar="NAME|FILE",
        help="dram, voc2012, cityscapes, coco81, ade20k, drawn, or a file: .yaml, .json, or .txt "
        f"with one name a line; {default}",
    )


def vocabulary(arguments: Namespace) -> Vocabulary | None:
    """What `--labels` or `--vocabulary` say; None where neither is given.

    Raises:
        VocabularyError: They describe no vocabulary.
    """
    from zeroseg.vocabulary import Vocabulary

    if arguments.labels is not None:
        return Vocabulary.parse(arguments.labels)
    if arguments.vocabulary is not None:
        return Vocabulary.parse(_named_or_file(arguments.vocabulary))
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


def config(model: str | None, arguments: Namespace) -> dict[str, Any]:
    """The arguments of a segmenter.

    Args:
        model: Name of a preset, or a YAML file; the preset "tiny" by default.
        arguments: With what `add_changes` adds; `--set`, `--llm` and `--llm-url` are looked at.

    Raises:
        PresetError: There is no such preset or file, a change leads nowhere, or a language model
            is named for a system that asks none.
    """
    from zeroseg.preflight.language import with_language_model
    from zeroseg.presets import STANDS_IN

    model = DEFAULT_PRESET if model is None else model
    content = changed(content_of(model), arguments.changes)
    if model in STANDS_IN:
        print(f"note: {model}: {STANDS_IN[model]}", file=sys.stderr)
    return with_language_model(content, arguments.llm, arguments.llm_url)


def content_of(model: str) -> dict[str, Any]:
    """What a preset or a YAML file says.

    Raises:
        PresetError: There is no such preset or file.
    """
    from zeroseg.presets import load_preset, load_yaml

    is_file = model.endswith((".yaml", ".yml")) or os.path.isfile(model)
    return load_yaml(model) if is_file else load_preset(model)


def changed(config: dict[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """A configuration with other values at some dotted paths.

    Raises:
        PresetError: A path leads nowhere; the message names what there is.
    """
    config = copy.deepcopy(config)
    for key, value in changes:
        *path, last = key.split(".")
        node: Any = config
        for depth, step in enumerate(path):
            node = _enter(node, step, f"--set {key}", ".".join(path[:depth]))
        _check_leaf(node, last, f"--set {key}", ".".join(path))
        node[last] = value
    return config


def _enter(node: Any, step: str, option: str, where: str) -> Any:
    if isinstance(node, dict) and step == "init_args" and "class_path" in node:
        node[step] = node.get(step) or {}
    if not isinstance(node, dict) or step not in node:
        known = ", ".join(node) if isinstance(node, dict) else f"the value {node!r}"
        place = f"'{where}'" if where else "the configuration"
        raise PresetError(f"{option}: there is no '{step}' in {place}, which has {known}")
    return node[step]


def _check_leaf(node: Any, last: str, option: str, where: str) -> None:
    if not isinstance(node, dict):
        raise PresetError(f"{option}: '{where}' is the value {node!r}, it has no '{last}'")
    if where and "class_path" in node and last not in ("class_path", "init_args"):
        raise PresetError(
            f"{option}: options of a component stand under its init_args, "
            f"as in --set {where}.init_args.{last}=..."
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


def segmenter(
    config: dict[str, Any],
    vocabulary: Vocabulary | None,
    batch_size: int | None,
    where: str,
    llm_cache: str | None = None,
) -> BaseSegmenter:
    """Build the segmenter of a configuration, if all that it needs is here; see `ready`.

    Args:
        config: Its arguments.
        vocabulary: Its classes, in place of the configuration's.
        batch_size: Pictures that go through together, in place of the configuration's.
        where: What `--device` says.
        llm_cache: What `--llm-cache` says; see `keep_answers`.

    Raises:
        ZerosegError: The device or something else is missing, or the configuration is wrong.
    """
    target = device(where)
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.presets import build

    changes: dict[str, Any] = {}
    if vocabulary is not None:
        changes["vocabulary"] = vocabulary
    if batch_size is not None:
        changes["batch_size"] = batch_size
    config = ready(config, vocabulary, llm_cache, target)
    kind: Any = BaseSegmenter
    built: BaseSegmenter = build(kind, config, changes, examined=True).to(target)
    keep_answers(built.children(), llm_cache)
    return built


def ready(
    config: dict[str, Any],
    vocabulary: Vocabulary | None,
    llm_cache: str | None,
    target: torch.device | None,
) -> dict[str, Any]:
    """Look for all that a configuration needs, and say which language model will be asked.

    Args:
        config: Arguments of a segmenter.
        vocabulary: Its classes, in place of the configuration's.
        llm_cache: What `--llm-cache` says: with answers at hand, a server may be out of reach.
        target: Where it is to run; None where that is not known.

    Returns:
        The configuration with the name of every language model.

    Raises:
        PresetError: The configuration is wrong, or something is missing; all of it is named.
    """
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.preflight import examine, require
    from zeroseg.presets import check

    check(BaseSegmenter, {**config, "vocabulary": vocabulary or config.get("vocabulary")})
    examination = examine(config, target, answers_folder(llm_cache) is not None)
    config = require(examination)
    for warning in examination.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for line in examination.asked:
        print(f"language model: {line}", file=sys.stderr)
    return config


def keep_answers(parts: Iterable[nn.Module], llm_cache: str | None) -> None:
    """Have refiners keep a language model's answers, as `--llm-cache` says.

    By default they keep none: a run whose answers were given earlier, perhaps by a model that the
    server has replaced since, says little about calls and time, and nobody expects a command to
    write outside its output folder. Whoever sets ZEROSEG_CACHE does.

    The folder is no part of the configuration: a result is the same wherever answers were kept,
    and an interrupted run may go on with another folder.

    Args:
        parts: Components; those that ask no language model are left alone.
        llm_cache: A folder, or "off"; None is the environment's ZEROSEG_CACHE.
    """
    folder = answers_folder(llm_cache)
    if folder is None:
        return
    from zeroseg.refinement import keeping

    keeping.keep_answers(parts, folder)


def answers_folder(llm_cache: str | None) -> str | None:
    """The folder of answers that `--llm-cache` or the environment means; None for none."""
    folder = llm_cache if llm_cache is not None else os.environ.get(CACHE_VARIABLE, "")
    return None if folder in ("", "off") else folder


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
