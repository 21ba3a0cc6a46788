"""What is wrong with the description of a component, where jsonargparse says nothing or little."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zeroseg.class_lists.values import shown
from zeroseg.errors import PresetError
from zeroseg.preflight.class_paths import check_path, named
from zeroseg.weights.needs import arguments_of

_KEYS = ("class_path", "init_args")

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_PLAIN = frozenset(
    "str int float bool bytes None Path PathLike list dict tuple Sequence Mapping Literal Any "
    "Optional Union typing pathlib os collections abc".split()
)
"""Names in the types of arguments for which a text is a text."""


def check_arguments(
    made: Callable[..., Any], arguments: Mapping[str, Any], where: str = ""
) -> None:
    """Look into the arguments of a system or component, and into those of its components.

    Args:
        made: The class, or the function that makes one.
        arguments: By name; components as `class_path` and `init_args`.
        where: What stands in front of an argument's name in messages.

    Raises:
        PresetError: One is null that cannot be, or a component is described in another way.
    """
    parameters = arguments_of(made)
    for name, value in arguments.items():
        if value is None and name in parameters and not _may_be_none(parameters[name]):
            raise PresetError(
                f"{where}{name} is null, which it cannot be; leave it out for a default"
            )
        if name in parameters and _takes_parts(parameters[name]):
            _check_texts(value, f"{where}{name}")
        check_entry(value, f"{where}{name}")


def _check_texts(value: object, where: str) -> None:
    """Look into texts where a component belongs: they are class paths, too."""
    if isinstance(value, str) and _PATH.fullmatch(value):
        _check_path(value, where)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            _check_texts(part, f"{where}[{number}]")
    elif isinstance(value, Mapping) and "class_path" not in value:
        for key, part in value.items():
            _check_texts(part, f"{where}.{key}")


def _check_path(path: object, where: str) -> None:
    try:
        check_path(path)
    except PresetError as error:
        raise PresetError(f"{where}: {error}") from None


def _takes_parts(parameter: inspect.Parameter) -> bool:
    """Whether a text for an argument might be imported: more than plain values may stand there."""
    kind = parameter.annotation
    text = kind if isinstance(kind, str) else inspect.formatannotation(kind)
    return not set(_NAME.findall(_QUOTED.sub("", text))) <= _PLAIN


def check_entry(entry: object, where: str) -> None:
    """Look into the description of a component; anything else passes.

    Args:
        entry: A value of a configuration.
        where: What it is called in messages.

    Raises:
        PresetError: It has other keys than `class_path` and `init_args`, see `check_arguments`.
    """
    if isinstance(entry, list | tuple):
        for number, value in enumerate(entry):
            check_entry(value, f"{where}[{number}]")
    if not isinstance(entry, Mapping):
        return
    if "class_path" not in entry:
        for key, value in entry.items():
            check_entry(value, f"{where}.{key}")
        return
    if "." in str(entry["class_path"]):
        _check_path(entry["class_path"], where)
    stray = [str(key) for key in entry if key not in _KEYS]
    if stray:
        raise PresetError(
            f"{where} has '{stray[0]}' beside class_path; options of a component stand under its "
            f"init_args"
        )
    options = entry.get("init_args") or {}
    if not isinstance(options, Mapping):
        raise PresetError(f"{where}.init_args is {shown(options)}, not a mapping of options")
    if (made := _made_by(entry["class_path"])) is not None:
        check_arguments(made, options, f"{where}.init_args.")


def _made_by(path: object) -> Callable[..., Any] | None:
    """What a class path means; None where jsonargparse has more to say about it."""
    try:
        found = named(path)
        arguments_of(found)
    except (PresetError, TypeError, ValueError):
        return None
    return found


def _may_be_none(parameter: inspect.Parameter) -> bool:
    annotation = str(parameter.annotation)
    typed = parameter.annotation is not parameter.empty
    return not typed or parameter.default is None or "None" in annotation or "Any" in annotation


def is_plain(value: object) -> bool:
    """Whether a configuration can hold a value."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    return value is None or isinstance(value, str | int | float | bool | Path)
