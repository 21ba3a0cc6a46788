"""The data sets that zeroseg reads as their owners publish them, and how to come by them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg import yaml_text
from zeroseg.errors import ImageError, ZerosegError

if TYPE_CHECKING:
    from zeroseg.data.sample_data import SampleData


@dataclass(frozen=True)
class Entry:
    """What is known of a data set before a file of it is at hand.

    Attributes:
        name: What it is called on the command line and in results.
        title: What it is called elsewhere.
        class_path: Its datamodule, built with the root as the first argument.
        tree: The files below the root.
        sources: Addresses to fetch it from.
        licence: Under which conditions.
        sizes: Number of pictures of each split, where its owners tell.
        split: The split that is scored by default.
        unlabelled: Splits whose annotation is not published.
        paper_options: What the reference evaluation does differently, as arguments of the class.
        cut: The score below which SegEarth-OV3 and ActiveSAM take a pixel for background; None
            where background is not scored, or they have no figure.
    """

    name: str
    title: str
    class_path: str
    tree: str
    sources: tuple[str, ...] = ()
    licence: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    split: str = ""
    unlabelled: tuple[str, ...] = ()
    paper_options: Mapping[str, Any] = field(default_factory=dict)
    cut: float | None = None

    def how_to_fetch(self) -> str:
        """Addresses, licence and expected tree, several lines."""
        lines = [self.title, *(f"fetch    {source}" for source in self.sources)]
        if self.licence:
            lines.append(f"licence  {self.licence}")
        lines.append("expected")
        lines.extend(f"  {line}" for line in self.tree.splitlines())
        return "\n".join(lines)

    def find_root(self, root: str | Path, folders: Sequence[str], *needed: str) -> Path:
        """The folder at, or a little below, the root in which the data set lies.

        Args:
            root: What the user gave.
            folders: Folders below it to try, besides the root itself.
            *needed: Files and folders that have to be there.

        Raises:
            ImageError: None of these has them all; the message says what was found instead.
        """
        for place in (Path(root), *(Path(root, folder) for folder in folders)):
            if all((place / path).exists() for path in needed):
                return place
        raise self.missing(root, *needed)

    def missing(self, root: str | Path, *needed: str) -> ImageError:
        """The error that something is not below the root, with how to fetch the data set."""
        return ImageError(
            f"no {self.name} at '{root}': expected {' and '.join(needed)}, found "
            f"{_listing(Path(root))}\n\n"
            f"{self.how_to_fetch()}"
        )

    def check_split(self, split: str) -> None:
        """Raise a ZerosegError that lists the splits if this is none of them."""
        known = (*self.sizes, *(name for name in self.unlabelled if name not in self.sizes))
        if split not in known:
            raise ZerosegError(f"{self.name} has no split '{split}'; there are {', '.join(known)}")


def _listing(folder: Path) -> str:
    if not folder.is_dir():
        return "a file" if folder.exists() else "no such folder"
    names = sorted(path.name for path in folder.iterdir())
    more = ", ..." if len(names) > 8 else ""
    return ", ".join(names[:8]) + more if names else "an empty folder"


def _entry(name: str, known: dict[str, Any]) -> Entry:
    for lists in ("sources", "unlabelled"):
        known[lists] = tuple(known.get(lists, ()))
    return Entry(name, **known)


CATALOG: dict[str, Entry] = {
    name: _entry(name, known)
    for name, known in yaml_text.packaged("zeroseg.data", "catalog.yaml").items()
}
"""All entries by name."""

NAMES = tuple(CATALOG)
"""Names that `open_data` takes."""


def entry(name: str) -> Entry:
    """The entry of a data set.

    Raises:
        ZerosegError: There is none of this name.
    """
    if name.casefold() not in CATALOG:
        raise ZerosegError(f"there is no data set '{name}'; there are {', '.join(NAMES)}")
    return CATALOG[name.casefold()]


def open_data(
    name: str,
    root: str | Path,
    *,
    protocol: str = "standard",
    words: str | None = None,
    **options: Any,
) -> SampleData:
    """Open a data set by its name.

    Args:
        name: One of `NAMES`.
        root: Its folder.
        protocol: How it is scored, "standard" or "paper"; see `zeroseg.metrics.protocol`. Under
            "paper" the classes are those of the reference: Cityscapes has a background.
        words: The list of words that classes are asked for with, see
            `zeroseg.data.wordings`; their own names by default.
        **options: Arguments of the data set's class, such as `split` or `batch_size`.

    Raises:
        ZerosegError: The name, the protocol, the words or an option is unknown.
        ImageError: The data set is not there; the message says how to fetch it.

    Example:
        >>> from zeroseg.data import open_data
        >>> data = open_data("folder", "scenes")  # images/, masks/ and vocabulary.yaml
        >>> len(data.dataset)
        2
    """
    from zeroseg.metrics.protocol import PAPER, Protocol

    known, scoring = entry(name), Protocol.parse(protocol)
    if scoring == PAPER:
        options = {**known.paper_options, **options}
    module, _, class_name = known.class_path.rpartition(".")
    build = getattr(importlib.import_module(module), class_name)
    taken = [option for option in inspect.signature(build).parameters if option != "root"]
    stray = [option for option in options if option not in taken]
    if stray:
        raise ZerosegError(f"{known.name} has no option {', '.join(stray)}; it has {taken}")
    data: SampleData = build(root, **options)
    data.protocol = scoring
    if words is not None:
        data.ask_with(words)
    return data
