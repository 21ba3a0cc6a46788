"""What a component needs before it can be built; nothing is loaded to say it.

A component that needs something has a static method `needs`, which takes the arguments that it
would be made with, defaults included, and yields what they need:

    class Blip2(Captioner):
        @staticmethod
        def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
            yield Checkpoint(arguments["checkpoint"], dtype=arguments["dtype"])

`zeroseg.preflight` looks whether it is there. A component without the method needs nothing that
could be looked for beforehand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from zeroseg.weights.authors_file import AuthorsFile

Part: TypeAlias = Literal["network", "pictures", "words"]
"""What is read from a checkpoint: the network itself, and what prepares pictures and words."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and what comes with them: a repository of the hub, a folder, or one file.

    Attributes:
        name: As a component is given it; see `zeroseg.weights.checkpoints.locate`.
        parts: What is read from it, where it has the layout of transformers.
        files: What is read from it by name, where it has another layout.
        holds: What the hub calls the repository.
        dtype: What its weights are loaded as; "auto" is float16 on an accelerator, else float32,
            "stored" is as they lie in the file.
        argument: The component's argument that names it.
        beside: For what no argument names: the one whose checkpoint it may also lie beside.
    """

    name: str
    parts: tuple[Part, ...] = ("network", "pictures", "words")
    files: tuple[str, ...] = ()
    holds: Literal["model", "dataset"] = "model"
    dtype: str = "float32"
    argument: str = "checkpoint"
    beside: str | None = None


@dataclass(frozen=True)
class SmallFile:
    """A small file at a fixed address.

    Attributes:
        file: The file.
        beside: The argument of the component whose checkpoint it may also lie beside.
    """

    file: AuthorsFile
    beside: str = "checkpoint"


@dataclass(frozen=True)
class Package:
    """A package that is not installed with zeroseg.

    Attributes:
        module: What is imported.
        install: What pip is told.
    """

    module: str
    install: str


@dataclass(frozen=True)
class OwnFile:
    """A file that the user makes.

    Attributes:
        path: As a component is given it; see `zeroseg.weights.checkpoints.locate`.
        made_by: What makes one, for messages.
        argument: The component's argument that names it.
    """

    path: str
    made_by: str
    argument: str


@dataclass(frozen=True)
class Sight:
    """A language model, among the arguments, that is shown pictures.

    Attributes:
        argument: The component's argument that is the language model.
    """

    argument: str = "chat"


Need: TypeAlias = Checkpoint | SmallFile | Package | OwnFile | Sight


def maker(kind: Any) -> Any:
    """What makes a component of a configuration: its `from_pretrained`, or else its class."""
    return getattr(kind, "from_pretrained", kind)


def arguments_of(kind: Any) -> dict[str, inspect.Parameter]:
    """What a configuration can give to a component, by name.

    Arguments that its maker hands on by `**` are those of the constructor.

    Raises:
        TypeError: It cannot be called.
        ValueError: It does not say what it takes.
    """
    made = maker(kind)
    if not isinstance(kind, type):
        return dict(inspect.signature(made).parameters)
    return _handed_on([*([] if made is kind else [made]), *_constructors(kind)])


def constructor_arguments(kind: type) -> dict[str, inspect.Parameter]:
    """What a class's constructor takes, by name, with what it hands on by `**`."""
    return _handed_on(_constructors(kind))


def _constructors(kind: type) -> Iterator[Callable[..., Any]]:
    """A class's constructor and those of its bases, in the order in which they are called."""
    return (vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base))


def _handed_on(functions: Iterable[Callable[..., Any]]) -> dict[str, inspect.Parameter]:
    found: dict[str, inspect.Parameter] = {}
    for function in functions:
        own = inspect.signature(function).parameters
        stars = [p for p in own.values() if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        found = {**{n: p for n, p in own.items() if p not in stars and n != "self"}, **found}
        if not any(star.kind is star.VAR_KEYWORD for star in stars):
            break
    return found


def authors_or_hub(
    arguments: Mapping[str, Any], parts: tuple[Part, ...], tokenizer: str | None = None
) -> Iterator[Need]:
    """The needs of a component that takes a hub name, a folder, or a file of the authors.

    Args:
        arguments: What it would be built with; `checkpoint` and perhaps `tokenizer`.
        parts: What it reads from a hub name or a folder.
        tokenizer: The argument that names the tokenizer for a file of the authors, if it has one.
    """
    checkpoint = str(arguments["checkpoint"])
    if not checkpoint.endswith((".pth", ".pt")):
        yield Checkpoint(checkpoint, parts)
        return
    yield Checkpoint(checkpoint, files=(Path(checkpoint).name,))
    if tokenizer is not None:
        yield Checkpoint(str(arguments[tokenizer]), ("words",), argument=tokenizer)
