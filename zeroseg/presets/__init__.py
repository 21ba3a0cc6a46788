"""Presets: segmenters as YAML files of class paths and arguments (jsonargparse's convention)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from zeroseg.errors import CheckpointNotFound, MissingKeyError, PresetError, ZerosegError
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace
    from torch import nn

    from zeroseg.base_segmenter import BaseSegmenter

System = TypeVar("System", bound="BaseSegmenter")

_DEFAULT_SYSTEM = "zeroseg.segmenter.ZeroShotSegmenter"


def preset_names() -> list[str]:
    """The presets that come with the package."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))


def load_preset(name: str) -> dict[str, Any]:
    """The content of a preset that comes with the package.

    Raises:
        PresetError: There is none of that name.
    """
    if name not in preset_names():
        raise PresetError(f"there is no preset '{name}'; there are {', '.join(preset_names())}")
    text = (resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def load_yaml(path: str | Path) -> dict[str, Any]:
    """The content of a user's file.

    Raises:
        PresetError: The file is missing or is no YAML mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PresetError(f"cannot read the configuration '{path}': {error}") from error
    if not isinstance(content, dict):
        raise PresetError(f"'{path}' is not a mapping of the segmenter's arguments")
    return content


def build(kind: type[System], config: Mapping[str, Any], changes: Mapping[str, Any]) -> System:
    """Build a segmenter; nothing is loaded before every argument has been checked.

    Args:
        kind: The segmenter's class, or a base of the one that `config` names.
        config: Arguments by name; components as `class_path` and `init_args`. A `class_path`
            among the arguments names the segmenter's own class; `ZeroShotSegmenter` by default.
        changes: Arguments that replace those of `config`; here components may also be objects.

    Raises:
        PresetError: An argument is unknown, misspelt or of the wrong kind; or weights or keys are
            missing, all of which are named.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    merged = {**config, **changes}
    named = merged.pop("class_path", None)
    kind = _system(kind, named)
    vocabulary = Vocabulary.parse(_required(merged, "vocabulary"))
    del merged["vocabulary"]
    objects = {name: value for name, value in merged.items() if not _is_plain(value)}
    plain = {name: value for name, value in merged.items() if name not in objects}
    parser = ArgumentParser(exit_on_error=False)
    # What is given as an object needs no parsing; what is None keeps its default.
    parser.add_class_arguments(kind, skip={"vocabulary", *objects}, fail_untyped=False)
    try:
        parsed = parser.parse_object(plain)
    except (ArgumentError, TypeError, ValueError) as error:
        raise PresetError(f"this does not describe a segmenter: {_reason(error)}") from None
    parts = _instantiate(parser, parsed)
    try:
        segmenter = kind(vocabulary, **parts, **objects)
    except ValueError as error:
        raise PresetError(str(error)) from error
    if not objects:
        described = {"vocabulary": vocabulary.to_dict(), **without_secrets(plain)}
        segmenter.config = {"class_path": named, **described} if named else described
    return segmenter


def component(kind: type[nn.Module], entry: Mapping[str, Any] | None) -> Any:
    """Build one component from its `class_path` and `init_args`.

    Raises:
        PresetError: It is not described, not a `kind`, or weights or keys are missing.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    name = kind.__name__
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=kind)
    try:
        parsed = parser.parse_object({name: entry})
    except (ArgumentError, TypeError, ValueError) as error:
        raise PresetError(f"this does not describe a {name}: {_reason(error)}") from None
    built = _instantiate(parser, parsed)[name]
    if built is None:
        raise PresetError(f"there is no {name} in this configuration")
    return built


def _system(kind: type[System], path: str | None) -> type[System]:
    """The class to build: what a configuration names, else `kind`, else the default system.

    Raises:
        PresetError: There is no such class, or it is not a `kind`.
    """
    from zeroseg.base_segmenter import BaseSegmenter

    if path is None and kind is not BaseSegmenter:
        return kind
    module, _, name = str(path or _DEFAULT_SYSTEM).rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise PresetError(f"class_path: there is no class '{path}': {error}") from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise PresetError(f"class_path: '{path}' is not a {kind.__name__}")
    return found


def save_yaml(segmenter: BaseSegmenter, path: str | Path) -> None:
    """Write a segmenter's arguments; see `ZeroShotSegmenter.to_yaml`."""
    if segmenter.config is None:
        raise PresetError(
            "a component of this segmenter was given as an object; only a segmenter built from a "
            "preset, a file or class paths can be written to one"
        )
    text = yaml.safe_dump(segmenter.config, sort_keys=False, allow_unicode=True)
    Path(path).write_text(text, encoding="utf-8")


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, str | int | float | bool | Path)


def without_secrets(value: Any) -> Any:
    """A configuration without API keys: what is written down takes them from the environment."""
    if isinstance(value, Mapping):
        return {name: without_secrets(v) for name, v in value.items() if name != "api_key"}
    return value


def _required(merged: Mapping[str, Any], name: str) -> Any:
    if merged.get(name) is None:
        raise PresetError(f"the segmenter's '{name}' is missing")
    return merged[name]


def _instantiate(parser: ArgumentParser, parsed: Namespace) -> dict[str, Any]:
    """Build part by part, and report everything that is missing in one message."""
    from jsonargparse import Namespace

    parts: dict[str, Any] = {}
    missing: list[str] = []
    # Refiners first: they tell a missing key in no time, before gigabytes are loaded.
    names = sorted(vars(parsed), key=lambda name: "refiner" not in name)
    for name in names:
        alone = Namespace(**{name: parsed[name]})
        try:
            parts[name] = vars(parser.instantiate(alone))[name]
        except (ZerosegError, ValueError) as error:
            origin = _origin(error)
            if isinstance(origin, CheckpointNotFound):
                missing.append(f"{name}: checkpoint '{origin.checkpoint}'")
            elif isinstance(origin, MissingKeyError):
                missing.append(f"{name}: environment variable {origin.variable}")
            elif isinstance(origin, ValueError) and not isinstance(origin, ZerosegError):
                raise PresetError(f"{name}: {origin}") from origin
            else:
                raise origin from None
    if missing:
        raise PresetError(
            "missing here: " + "; ".join(missing) + ". Checkpoints are fetched from their hub when "
            "there is a network, or given as local folders (`checkpoint`); a local "
            "OpenAI-compatible server is given by `base_url`. Fully offline: --preset tiny."
        )
    return parts


_NOISE = ("Does not validate against", "Subtypes:", "Errors:", "- Expected a <class 'NoneType'>")


def _reason(error: Exception) -> str:
    """The message in one line, without the values given, which may hold API keys."""
    lines: list[str] = []
    for line in str(error).splitlines():
        text = line.strip()
        if not text.startswith(("Given value", *_NOISE)):
            lines.append(text.removeprefix("- "))
    return " ".join(lines)


def _origin(error: BaseException) -> BaseException:
    """What an optional part raised: jsonargparse wraps it, once for each optional it is within."""
    while error.__cause__ is not None and str(error).startswith("Does not validate against any"):
        error = error.__cause__
    return error
