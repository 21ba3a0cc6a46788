"""Presets: segmenters as YAML files of class paths and arguments (jsonargparse's convention)."""

from __future__ import annotations

import difflib
import inspect
import os
import warnings
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from zeroseg import yaml_text
from zeroseg.class_lists.values import shown
from zeroseg.decoding import decoded
from zeroseg.errors import PresetError, ZerosegError
from zeroseg.preflight.class_paths import named
from zeroseg.preflight.secrets import without_secrets
from zeroseg.presets.entries import check_arguments, check_entry, is_plain
from zeroseg.presets.loading import as_written, with_loading
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace
    from torch import nn

System = TypeVar("System", bound="nn.Module")

_DEFAULT_SYSTEM = "zeroseg.segmenter.ZeroShotSegmenter"

STANDS_IN = {
    "paper": "the language model stands in for gpt-4-0125-preview, which the paper used and which "
    "its provider shut down on 2026-03-26"
}
"""What has to be said of the language model that a preset asks."""


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
        raise PresetError(f"there is no preset '{name}'; {_near(name)}, or the path of a YAML file")
    text = (resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def _near(name: object) -> str:
    """The presets there are, after the one that was probably meant."""
    meant = difflib.get_close_matches(str(name).casefold(), preset_names(), n=1, cutoff=0.5)
    question = f"did you mean {meant[0]}? Presets are" if meant else "presets are"
    return f"{question} {', '.join(preset_names())}"


def load_model(model: str) -> dict[str, Any]:
    """The content of a preset that is named, or of the YAML file at a path.

    The name of a preset means the preset, whatever lies in the current folder; `./tiny` is a file
    of that name.

    Raises:
        PresetError: There is no such preset or file, or the file is no YAML mapping.
    """
    is_path = model.lower().endswith((".yaml", ".yml")) or "/" in model or os.path.exists(model)
    if model in preset_names() or not is_path:
        return load_preset(model)
    if os.path.isdir(model):
        inside = ", ".join(str(file) for file in sorted(Path(model).glob("*.y*ml"))[:3])
        such = f", such as {inside}" if inside else ", of which it has none"
        raise PresetError(f"'{model}' is a folder; name a YAML file in it{such}")
    if not os.path.exists(model):
        raise PresetError(f"there is no file '{model}'; {_near(Path(model).stem)}")
    return load_yaml(model)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """The content of a user's file.

    A path that begins with ./ or ../ is meant from the file's own folder where it is there, so that
    a configuration and its checkpoints can move together.

    Raises:
        PresetError: The file is missing or is no YAML mapping.
    """
    try:
        content = yaml_text.load(decoded(Path(path).read_bytes()))
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise PresetError(f"cannot read the configuration '{path}': {said}") from error
    if not isinstance(content, dict):
        raise PresetError(f"'{path}' is not a mapping of the segmenter's arguments")
    return dict(_from(Path(path).absolute().parent, content))


def _from(folder: Path, value: Any) -> Any:
    """A part of a configuration with the paths that are meant from a folder."""
    if isinstance(value, dict):
        return {name: _from(folder, part) for name, part in value.items()}
    if isinstance(value, list):
        return [_from(folder, part) for part in value]
    if isinstance(value, str) and value.startswith(("./", "../")) and (folder / value).exists():
        return os.path.normpath(folder / value)
    return value


def build(
    kind: type[System],
    config: Mapping[str, Any],
    changes: Mapping[str, Any],
    examined: bool = False,
    licence: str | None = None,
) -> System:
    """Build a segmenter; nothing is loaded before every argument and need has been checked.

    Args:
        kind: The segmenter's class, or a base of the one that `config` names.
        config: Arguments by name; components as `class_path` and `init_args`. A `class_path`
            among the arguments names the segmenter's own class; `ZeroShotSegmenter` by default.
        changes: Arguments that replace those of `config`; here components may also be objects,
            which are not looked into.
        examined: Whether `zeroseg.preflight` has been asked about the configuration already.
        licence: The policy that every checkpoint's licence has to meet; None for any.

    Raises:
        PresetError: An argument is unknown, misspelt or of the wrong kind; something that it
            needs is missing, all of which is named; or a licence is refused.
    """
    if not isinstance(config, Mapping):
        raise PresetError(f"a configuration is a mapping of arguments, not {shown(config)}")
    merged = {**config, **changes}
    named = merged.pop("class_path", None)
    kind = _system(kind, named)
    vocabulary = Vocabulary.parse(_required(merged, "vocabulary"))
    del merged["vocabulary"]
    objects = {name: value for name, value in merged.items() if not is_plain(value)}
    plain = {name: value for name, value in merged.items() if name not in objects}
    parser, parsed = _parsed(kind, plain, objects)
    if not examined:
        plain = _examined(plain, licence)
        parser, parsed = _parsed(kind, plain, objects)
    parts = _instantiate(parser, parsed)
    try:
        segmenter = kind(vocabulary, **parts, **objects)
    except (TypeError, ValueError) as error:  # TypeError: an object in another part's place
        raise PresetError(str(error)) from error
    if not objects:
        described = {"vocabulary": vocabulary.to_dict(), **without_secrets(plain)}
        system: Any = segmenter
        system.config = {"class_path": named, **described} if named else described
    return segmenter


def check(base: Any, config: Mapping[str, Any]) -> None:
    """Say whether a configuration describes a segmenter; nothing is built.

    Args:
        base: What the class that it names has to be.
        config: Its arguments.

    Raises:
        PresetError: An argument is unknown, misspelt or of the wrong kind.
        VocabularyError: Its vocabulary is none.
    """
    plain = dict(config)
    kind = _system(base, plain.pop("class_path", None))
    Vocabulary.parse(_required(plain, "vocabulary"))
    del plain["vocabulary"]
    _parsed(kind, plain, {})


def _parsed(
    kind: type[System], plain: Mapping[str, Any], objects: Mapping[str, Any]
) -> tuple[ArgumentParser, Namespace]:
    """The arguments of a system but its vocabulary, each of the kind that it has to be.

    Raises:
        PresetError: One is not.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    check_arguments(kind, plain)
    parser = ArgumentParser(exit_on_error=False)
    # What is given as an object needs no parsing; what is None keeps its default.
    parser.add_class_arguments(kind, skip={"vocabulary", *objects}, fail_untyped=False)
    try:
        return parser, parser.parse_object(with_loading(plain))
    except (ArgumentError, TypeError, ValueError) as error:
        raise PresetError(f"this does not describe a segmenter: {_reason(error)}") from None


def _examined(config: Mapping[str, Any], licence: str | None = None) -> dict[str, Any]:
    """A configuration that nothing is missing for, with the names of its language models.

    Raises:
        PresetError: Something is missing, all of which is named; or a licence is refused.
    """
    from zeroseg.preflight import examine, require

    examination = examine(config, licence=licence)
    for warning in examination.warnings:
        warnings.warn(warning, stacklevel=4)
    return require(examination)


def component(
    kind: type[nn.Module], entry: Mapping[str, Any] | None, examined: bool = False
) -> Any:
    """Build one component from its `class_path` and `init_args`.

    Args:
        kind: What it has to be.
        entry: Its description.
        examined: Whether `zeroseg.preflight` has been asked about it already.

    Raises:
        PresetError: It is not described, not a `kind`, or something that it needs is missing.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    name = kind.__name__
    check_entry(entry, name)
    if not examined:
        entry = _examined({name: entry})[name]
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=kind)
    try:
        parsed = parser.parse_object(with_loading({name: entry}))
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
    if path is None and not inspect.isabstract(kind):
        return kind
    try:
        found = named(_DEFAULT_SYSTEM if path is None else path)
    except PresetError as error:
        raise PresetError(f"class_path: {error}") from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise PresetError(f"class_path: '{path}' is not a {kind.__name__}")
    return found


def save_yaml(segmenter: Any, path: str | Path) -> None:
    """Write a segmenter's arguments; see `ZeroShotSegmenter.to_yaml`."""
    config = segmenter.config
    if config is None:
        raise PresetError(
            "a component of this segmenter was given or put in place as an object; only one built "
            "from a preset, a file or class paths can be written to one"
        )
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    Path(path).write_text(text, encoding="utf-8")


def _required(merged: Mapping[str, Any], name: str) -> Any:
    if merged.get(name) is None:
        raise PresetError(f"the segmenter's '{name}' is missing")
    return merged[name]


def _instantiate(parser: ArgumentParser, parsed: Namespace) -> dict[str, Any]:
    """Build part by part, and say which one cannot be built."""
    from jsonargparse import Namespace

    parts: dict[str, Any] = {}
    for name in vars(parsed):
        alone = Namespace(**{name: parsed[name]})
        try:
            parts[name] = vars(parser.instantiate(alone))[name]
        except Exception as error:  # a constructor of somebody else's: whatever it raises is told
            origin = _origin(error)
            if isinstance(origin, ZerosegError):
                raise origin from None
            plain = isinstance(origin, TypeError | ValueError)
            kind = "" if plain else f"{type(origin).__name__}: "
            raise PresetError(f"{name}: {kind}{origin}") from origin
    return parts


_NOISE = ("Does not validate against", "Subtypes:", "Errors:", "- Expected a <class 'NoneType'>")


def _reason(error: Exception) -> str:
    """The message in one line, without the values given, which may hold API keys."""
    lines: list[str] = []
    for line in str(error).splitlines():
        text = line.strip()
        if not text.startswith(("Given value", *_NOISE)):
            lines.append(text.removeprefix("- "))
    return as_written(" ".join(lines))


def _origin(error: BaseException) -> BaseException:
    """What an optional part raised: jsonargparse wraps it, once for each optional it is within."""
    while error.__cause__ is not None and str(error).startswith("Does not validate against any"):
        error = error.__cause__
    return error
