"""The lists of classes that come with the package: names, file ids, colours as published."""

from __future__ import annotations

import difflib
import re
from importlib import resources
from pathlib import Path

NAMES = (
    *("dram", "voc2012", "cityscapes", "coco81", "ade20k", "drawn", "drawn-all"),
    *("context60", "context459", "coco-stuff", "ade847"),
)
"""What they are called."""

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
    """The file of a list by its name, in any case; None if there is no such list."""
    plain = name.strip().casefold()
    if plain not in NAMES:
        return None
    return Path(str(resources.files(__package__ or "zeroseg.class_lists") / f"{plain}.yaml"))


def near_miss(text: str) -> str | None:
    """A question, where a word alone is nearly the name of a list; else None."""
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
