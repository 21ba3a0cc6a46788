"""What a live system is: its classes, their source, and all that they hold."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
import pickle
import re
import string
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.chat.cached_chat import CachedChat
from zeroseg.chat.chat_model import ChatModel
from zeroseg.server_address import shown_address
from zeroseg.weights.needs import constructor_arguments

UNTOLD = "untold"
"""Key of an identity: what of a system cannot be told from another one, by name."""

_LONG = 300
"""Characters from which a description is a digest."""

_COUNTED = {
    "asked",
    "exchanges",
    "skipped",
    "cache",
    "name",
    "place",
    "waited",
    "scores",
    "failures",
}
"""What components of this package hold that decides no result: counts, caches, places."""

_SETTLED = ("_named", "_what")
"""What they hold that decides it, and is not public: which model `OpenAIChat` asks, and how."""


def identity(system: BaseSegmenter) -> dict[str, Any]:
    """Everything that a system's answers follow from but its weights, ready for JSON.

    Args:
        system: As it is now.

    Returns:
        Under "segmenter" its class, vocabulary and own values, then its components by name. Where
        something was given as an object that cannot be told from others, its name is in `UNTOLD`.
    """
    teller = _Teller(trusting=system.config is not None)
    own = set(vars(LightningModule())) | {"vocabulary", "_config", "_then"}
    held = {name: value for name, value in vars(system).items() if name not in own}
    values = {name: value for name, value in held.items() if value is not None}  # left out, or not
    parts = {
        "segmenter": {
            **teller.kind(type(system)),
            "vocabulary": system.vocabulary.to_dict(),
            **teller.attributes(type(system), values, "segmenter"),
        },
        **{
            name: teller.module(part, name)
            for name, part in system.named_children()
            if name not in _COUNTED
        },
    }
    return {"parts": parts, UNTOLD: sorted(teller.untold)} if teller.untold else {"parts": parts}


def weights(module: nn.Module) -> str:
    """Digest of all parameters and buffers of a module, by name; "" for one without any."""
    digest = hashlib.sha256()
    state = module.state_dict()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16] if state else ""


class _Teller:
    """Describes objects, and remembers which it could not describe.

    Args:
        trusting: Whether all was built from a configuration, which then tells what is not seen.
    """

    def __init__(self, trusting: bool) -> None:
        self.trusting = trusting
        self.untold: set[str] = set()
        self._open: list[int] = []

    def told(self, value: Any, where: str) -> Any:
        """A value in words of JSON; long ones as a digest."""
        if id(value) in self._open:  # it holds itself
            return "above"
        self._open.append(id(value))
        found = self._told(value, where)
        self._open.pop()
        text = json.dumps(found, sort_keys=True)
        whole = isinstance(value, nn.Module) or len(text) <= _LONG
        return found if whole else _digest(text.encode())

    def kind(self, kind: type[Any]) -> dict[str, Any]:
        """A class, and the source of one that is not of this package."""
        found = {"class": f"{kind.__module__}.{kind.__qualname__}"}
        theirs = [own for own in kind.__mro__ if not _is_ours(own) and not _is_library(own)]
        if theirs:
            found["source"] = _digest(" ".join(map(_source, theirs)).encode())
        return found

    def attributes(self, kind: type[Any], values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """What an object holds that decides a result.

        Of this package's own classes in words; of others all, as digests, since nobody knows what
        of it is secret.
        """
        found = {}
        if self.trusting and issubclass(kind, ChatModel) and not _is_ours(kind):
            taken = constructor_arguments(kind)  # it may have been asked, and count
            values = {name: value for name, value in values.items() if name in taken}
        for name, value in values.items():
            place = f"{where}.{name}"
            if name == "_own":
                continue
            if not _is_ours(kind):
                found[name] = self._shortened(self.told(value, place))
            elif name in _COUNTED or (name.startswith("_") and name not in _SETTLED):
                continue
            elif _is_library(type(value)) and hasattr(value, "to_dict"):
                found[name] = _processor(value)
            else:
                found[name] = self.told(value, place)
        return found

    def _shortened(self, found: Any) -> Any:
        plain = found is None or isinstance(found, bool | int)
        return found if plain else _digest(json.dumps(found, sort_keys=True).encode())

    def _told(self, value: Any, where: str) -> Any:
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if isinstance(value, float | complex | torch.dtype | Path | range):
            return repr(value)
        if isinstance(value, Enum):
            return f"{type(value).__qualname__}.{value.name}"
        if isinstance(value, torch.device | ModuleType | BuiltinFunctionType):
            return type(value).__name__
        if isinstance(value, bytes | bytearray):
            return _digest(bytes(value))
        if isinstance(value, Tensor | np.ndarray):
            return _numbers(value)
        if isinstance(value, re.Pattern):
            return value.pattern
        if isinstance(value, string.Template):
            return value.template
        if isinstance(value, Mapping):
            return [[self.told(k, where), self.told(v, where)] for k, v in value.items()]
        if isinstance(value, list | tuple):
            return [self.told(part, where) for part in value]
        if isinstance(value, set | frozenset):
            return sorted((self.told(part, where) for part in value), key=json.dumps)
        if isinstance(value, type):
            return self.kind(value)
        if isinstance(value, FunctionType | MethodType | functools.partial):
            return self._function(value, where)
        if isinstance(value, nn.Module):
            return {**self.module(value, where), "weights": weights(value)}
        return self._object(value, where)

    def module(self, part: nn.Module, where: str) -> dict[str, Any]:
        """A component or network, without its weights."""
        if isinstance(part, CachedChat):  # keeping answers changes none of them
            part = part.chat
        kind = self.kind(type(part))
        if _is_library(type(part)):
            return {**kind, "layout": _digest(repr(part).encode())}
        usual = vars(nn.Module())
        values = {name: value for name, value in vars(part).items() if name not in usual}
        loose = {name: part._buffers[name] for name in part._non_persistent_buffers_set}
        inside = {name: self.module(own, f"{where}.{name}") for name, own in part.named_children()}
        server = getattr(part, "address", None)
        values |= {"address": shown_address(server)} if isinstance(server, str) else {}
        return {**kind, **self.attributes(type(part), {**values, **loose}, where), **inside}

    def _function(self, value: Any, where: str) -> Any:
        if isinstance(value, functools.partial):
            return [self.told(part, where) for part in (value.func, value.args, value.keywords)]
        if isinstance(value, MethodType):
            return [value.__func__.__qualname__, self.told(value.__self__, where)]
        held = [cell.cell_contents for cell in value.__closure__ or ()]
        known = [value.__defaults__, value.__kwdefaults__, held]
        return [value.__qualname__, _code(value), self.told(known, where)]

    def _object(self, value: Any, where: str) -> Any:
        kind = type(value)
        if not _is_library(kind):
            slots = [name for own in kind.__mro__ for name in getattr(own, "__slots__", ())]
            held = {name: getattr(value, name) for name in slots if hasattr(value, name)}
            held |= getattr(value, "__dict__", {})
            return {**self.kind(kind), **self.attributes(kind, held, where)}
        name = f"{kind.__module__}.{kind.__qualname__}"
        if self.trusting:
            return name
        try:
            return [name, _digest(pickle.dumps(value))]
        except (pickle.PickleError, TypeError, AttributeError, ValueError, RuntimeError):
            self.untold.add(f"{where} ({name})")
            return name


def _is_ours(kind: type[Any]) -> bool:
    return kind.__module__.partition(".")[0] == "zeroseg"


def _is_library(kind: type[Any]) -> bool:
    """Whether a class is of a library that knows nothing of this package, or of Python."""
    if any(map(_is_ours, kind.__mro__)):
        return False
    try:
        file = inspect.getsourcefile(kind) or ""
    except (TypeError, OSError):  # built in, or typed into a prompt
        return kind.__module__ != "__main__"
    return "site-packages" in file or "dist-packages" in file or "/lib/python" in file


def _processor(value: Any) -> str:
    """Digest of what a processor of transformers is told, wherever it lies."""
    content = {name: own for name, own in value.to_dict().items() if "path" not in name}
    return _digest(json.dumps(content, sort_keys=True, default=repr).encode())


def _numbers(value: Tensor | np.ndarray[Any, Any]) -> str:
    array = value.detach().cpu().contiguous() if isinstance(value, Tensor) else value
    if isinstance(array, Tensor):
        kind, data = str(array.dtype), array.flatten().view(torch.uint8).numpy().tobytes()
    else:
        kind, data = str(array.dtype), np.ascontiguousarray(array).tobytes()
    return f"{kind} {tuple(array.shape)} {_digest(data)}"


def _source(kind: type[Any]) -> str:
    """Digest of the file that a class stands in, else of its methods."""
    try:
        file = inspect.getsourcefile(kind)
        if file is not None and Path(file).is_file():
            return _digest(Path(file).read_bytes())
    except (TypeError, OSError):  # typed into a prompt or a notebook: there is no file
        pass
    methods = [_code(own) for own in vars(kind).values() if isinstance(own, FunctionType)]
    return _digest("\n".join(methods).encode())


def _code(function: FunctionType) -> str:
    """Digest of what a function does, whatever file it stands in."""
    inner = [function.__code__]
    told = []
    while inner:
        code = inner.pop()
        inner += [own for own in code.co_consts if isinstance(own, type(code))]
        plain = [own for own in code.co_consts if not isinstance(own, type(code))]
        told.append(f"{code.co_code.hex()} {code.co_names} {_constants(plain)}")
    return _digest("\n".join(told).encode())


def _constants(values: list[Any]) -> str:
    return repr([sorted(map(repr, own)) if isinstance(own, frozenset) else own for own in values])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
