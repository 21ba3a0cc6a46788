"""The lists of classes that come with the package: names, file ids, colours as published."""

from __future__ import annotations

import difflib
import re
from importlib import resources
from pathlib import Path
from typing import Any

from zeroseg.class_lists.files import read_structured_file

NAMES = (
    *("dram", "voc2012", "cityscapes", "coco81", "ade20k", "drawn", "drawn-all"),
    *("context60", "context459", "coco-stuff", "ade847"),
)
"""What they are called."""

COMPILED = "-compiled"
"""How the name of a list ends that is asked for with added words, such as "voc2012-compiled"."""

_NICKNAMES = {
    "voc2012": ("voc", "pascal", "pascalvoc"),
    "coco81": ("coco", "mscoco", "cocothings"),
    "cityscapes": ("cityscape", "cityscapes"),
    "ade20k": ("ade", "adek"),
    "context60": ("context", "pascalcontext"),
    "coco-stuff": ("cocostuff",),
}
_LONG = ("voc2012", "coco81", "cityscapes", "ade20k")  # "drawn" and "dram" are near real words
_ELSEWHERE = ("imagenet", "lvis", "kitti", "camvid", "mapillary", "openimages")


def file_of(name: str) -> Path | None:
    """The file of a list by its name, in any case; None if there is no such list.

    That of "voc2012-compiled" holds words alone, see `with_list`.
    """
    plain = name.strip().casefold()
    listed = plain.removesuffix(COMPILED)
    if listed not in NAMES:
        return None
    place = resources.files(__package__ or "zeroseg.class_lists")
    file = Path(str(place / ("." if listed == plain else "compiled") / f"{listed}.yaml"))
    return file if listed == plain or file.is_file() else None


def with_list(file: Path, content: Any) -> Any:
    """What a list's file holds; words alone are added to the list that they were written for."""
    if file.parent.name != "compiled":
        return content
    listed: Any = read_structured_file(file.parent.parent / file.name)
    return {**listed, **content}


def near_miss(text: str) -> str | None:
    """A question, where a word alone is nearly the name of a list; else None."""
    if (listed := text.strip().casefold().removesuffix(COMPILED)) in NAMES:
        return f"there are no added words for {listed}; zeroseg vocabulary compile writes some"
    if not re.fullmatch(r"[\w\s-]+", text):
        return None
    word = re.sub(r"[\W_]", "", text.casefold())
    letters = re.sub("[0-9]", "", word)
    meant = [name for name, short in _NICKNAMES.items() if letters in short]
    meant = meant or difflib.get_close_matches(word, _LONG, n=1, cutoff=0.8)
    if not meant and not letters.startswith(_ELSEWHERE):
        return None
    question = f"; did you mean {meant[0]}?" if meant else "."
    return (
        f"there is no vocabulary '{text}'{question} There are {', '.join(NAMES)}. "
        f"For one class of that name write ['{text}']"
    )
