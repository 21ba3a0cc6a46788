"""`--model` and what goes with it: which system a command runs, and how it is built."""

from __future__ import annotations

import argparse
import copy
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zeroseg import yaml_text
from zeroseg.cli import options
from zeroseg.errors import PresetError, VocabularyError
from zeroseg.preflight.policies import POLICIES

if TYPE_CHECKING:
    import torch
    from torch import nn

    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.chat.chat_model import ChatModel
    from zeroseg.vocabulary import Vocabulary

DEFAULT = "tiny"
"""The preset that is run where none is named."""

CACHE_VARIABLE = "ZEROSEG_CACHE"
"""Environment variable that stands in for `--llm-cache`."""

Change = tuple[str, Any]
"""A dotted path into a configuration and the value to put there."""


def change(text: str) -> Change:
    """An option KEY=VALUE, the value read as YAML."""
    key, sign, value = text.partition("=")
    if not sign or not all(key.split(".")):
        raise ArgumentTypeError(f"'{text}' is not KEY=VALUE, such as captioner=null")
    try:
        return key, yaml_text.load(value)
    except ValueError as error:
        raise ArgumentTypeError(f"the value of {key}: {error}") from error


def add_system(
    parser: ArgumentParser, default: str | None = DEFAULT, optional: str = ""
) -> argparse._ArgumentGroup:
    """`--model` and `--set`, in a group that more may be added to.

    Args:
        parser: Of the command.
        default: The system where none is named; None if there is none.
        optional: What is done without one; empty if one must be named.
    """
    group = parser.add_argument_group("model")
    said = f"; without it {optional}" if optional else f"; default {default}" if default else ""
    group.add_argument(
        "--model",
        required=default is None and not optional,
        default=default,
        metavar="NAME|FILE",
        help=f"a preset by its name, or a YAML file of your own, as in --model mine.yaml{said}. "
        "Presets: tiny, tiny-open, tiny-sam3, tiny-verified, tiny-llm, tiny-ram-grounded-sam "
        "(embedded, offline, for drawn scenes); large, large-low-memory (for photographs), open "
        "(small, no language model), sam3 (gated weights); paper (as the paper's code behaves), "
        "ram-grounded-sam, ssa, ssa-clip (baselines)",
    )
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
    add_licence(
        group,
        "refuse the system, before anything is fetched or loaded, unless every checkpoint of it is "
        "under such a licence; zeroseg models --licence permissive lists what passes",
    )
    return group


def add_licence(parser: ArgumentParser | argparse._ArgumentGroup, purpose: str) -> None:
    """`--licence`, and what it is for."""
    said = "; ".join(f"{name}: {', '.join(allowed)}" for name, allowed in POLICIES.items())
    parser.add_argument(
        "--licence",
        "--license",
        choices=tuple(POLICIES),
        help=f"{purpose} ({said}; what is not known is refused)",
    )


def add_model(parser: ArgumentParser, default: str | None = DEFAULT) -> argparse._ArgumentGroup:
    """What `add_system` adds, `--device`, `--batch-size` and what concerns the language model."""
    group = add_system(parser, default)
    group.add_argument(
        "--batch-size",
        type=options.positive,
        metavar="N",
        help="pictures that go through together; by default the model's own",
    )
    add_language_model(group)
    return group


def add_language_model(group: argparse._ArgumentGroup) -> None:
    """`--device`, and which language model is asked where."""
    group.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="auto (the default: a GPU if there is one), cpu, cuda, cuda:1, ...",
    )
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
    group.add_argument(
        "--llm-cache",
        metavar="DIR|off",
        help="folder where a language model's answers are kept from run to run, and looked up; "
        f"default: the environment variable {CACHE_VARIABLE}, else off",
    )


@dataclass(frozen=True)
class ModelOptions:
    """What the options of `add_model` say.

    Attributes:
        model: Name of a preset, or path of a YAML file.
        changes: What `--set` puts elsewhere.
        licence: The policy that every checkpoint's licence has to meet; None for any.
        device: "auto", or a device's name.
        batch_size: Pictures that go through together, in place of the configuration's.
        llm: Name of the language model, in place of the configuration's.
        llm_url: Its server, likewise.
        llm_cache: A folder for its answers, or "off"; None is the environment's ZEROSEG_CACHE.
    """

    model: str
    changes: Sequence[Change]
    licence: str | None
    device: str
    batch_size: int | None
    llm: str | None
    llm_url: str | None
    llm_cache: str | None

    def config(self) -> dict[str, Any]:
        """The arguments of the segmenter; says on the terminal what has to be known of it.

        Raises:
            PresetError: There is no such preset or file, a change leads nowhere, or a language
                model is named for a system that asks none.
        """
        from zeroseg.preflight.language import with_language_model
        from zeroseg.presets import STANDS_IN, load_model

        content = changed(load_model(self.model), self.changes)
        if self.model in STANDS_IN:
            print(f"note: {self.model}: {STANDS_IN[self.model]}", file=sys.stderr)
        return with_language_model(content, self.llm, self.llm_url)

    def say_limits(self) -> None:
        """Say on the terminal what pictures the system does not understand."""
        if self.model.partition("-")[0] == "tiny":
            print("note: the tiny models understand drawn scenes, not photographs", file=sys.stderr)

    def target(self) -> torch.device:
        """The device; see `options.device`."""
        return options.device(self.device)

    def answers(self) -> str | None:
        """The folder where a language model's answers are kept; None for none."""
        given = self.llm_cache if self.llm_cache is not None else os.environ.get(CACHE_VARIABLE, "")
        return None if given in ("", "off") else given

    def ready(
        self, config: dict[str, Any], vocabulary: Vocabulary | None, target: torch.device | None
    ) -> dict[str, Any]:
        """Look for all that a configuration needs, and say which language model will be asked.

        Args:
            config: Arguments of a segmenter.
            vocabulary: Its classes, in place of the configuration's.
            target: Where it is to run; None where that is not known.

        Returns:
            The configuration with the name of every language model.

        Raises:
            PresetError: The configuration is wrong, or something is missing; all of it is named.
        """
        from zeroseg.base_segmenter import BaseSegmenter
        from zeroseg.preflight import examine, require
        from zeroseg.presets import check
        from zeroseg.vocabulary import Vocabulary

        check(BaseSegmenter, {**config, "vocabulary": vocabulary or config.get("vocabulary")})
        examination = examine(config, target, self.answers() is not None, self.licence)
        config = require(examination)
        _say_unknown(config, Vocabulary.parse(vocabulary or config["vocabulary"]))
        for warning in examination.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        for line in examination.asked:
            print(f"language model: {line}", file=sys.stderr)
        return config

    def segmenter(self, config: dict[str, Any], vocabulary: Vocabulary | None) -> BaseSegmenter:
        """Build the segmenter of a configuration, if all that it needs is here; see `ready`.

        Args:
            config: Its arguments.
            vocabulary: Its classes, in place of the configuration's.

        Raises:
            ZerosegError: The device or something else is missing, or the configuration is wrong.
        """
        target = self.target()
        from zeroseg.base_segmenter import BaseSegmenter
        from zeroseg.presets import build

        given = {"vocabulary": vocabulary, "batch_size": self.batch_size}
        changes = {name: value for name, value in given.items() if value is not None}
        config = self.ready(config, vocabulary, target)
        kind: Any = BaseSegmenter
        built: BaseSegmenter = build(kind, config, changes, examined=True).to(target)
        self.keep_answers(built.children())
        return built

    def chat(self) -> tuple[ChatModel, str]:
        """The language model that the system asks first, by itself, and what it is called.

        Raises:
            PresetError: The system asks none, or something that it needs is missing.
        """
        from zeroseg.chat.chat_model import ChatModel
        from zeroseg.preflight import examine, require
        from zeroseg.preflight.components import places
        from zeroseg.presets import component

        config, target = self.config(), self.target()
        kinds = ((place, place.kind) for place in places(config))
        asked = (p for p, kind in kinds if isinstance(kind, type) and issubclass(kind, ChatModel))
        place = next(asked, None)
        if place is None:
            raise PresetError(
                f"{self.model} asks no language model; name one that does, such as --model large, "
                f"or a file of your own with an LLMPreRefiner"
            )
        entry: Any = config
        for step in place.path:
            entry = entry[step]
        examination = examine({"chat": entry}, target, self.answers() is not None, self.licence)
        entry = require(examination)["chat"]
        told = entry.get("init_args") or {}
        built: ChatModel = component(ChatModel, entry, examined=True).to(target)
        return built, str(told.get("model") or told.get("checkpoint") or type(built).__name__)

    def keep_answers(self, parts: Iterable[nn.Module]) -> None:
        """Have refiners keep a language model's answers, as `--llm-cache` says.

        By default they keep none: a run whose answers were given earlier, perhaps by a model that
        the server has replaced since, says little about calls and time, and nobody expects a
        command to write outside its output folder. Whoever sets ZEROSEG_CACHE does.

        The folder is no part of the configuration: a result is the same wherever answers were
        kept, and an interrupted run may go on with another folder.

        Args:
            parts: Components; those that ask no language model are left alone.
        """
        folder = self.answers()
        if folder is None:
            return
        from zeroseg.refinement import keeping

        keeping.keep_answers(parts, folder)


def _say_unknown(config: dict[str, Any], vocabulary: Vocabulary) -> None:
    """Say which classes the tiny models cannot find in any picture: they know the drawn world."""
    if "tiny:" not in repr(config.get("detector")):
        return
    from zeroseg.data.drawn_scenes import never_drawn
    from zeroseg.drawn.world import SYNONYMS

    try:
        unknown = never_drawn(vocabulary)
    except VocabularyError:  # nothing of all is known
        unknown = [vocabulary.names[index] for index in vocabulary.classes]
    if unknown:
        print(
            f"note: the tiny models cannot find {options.listed(unknown)}: they know the drawn "
            f"world, {', '.join(SYNONYMS)}",
            file=sys.stderr,
        )


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
