"""LVIS as label maps: 1203 classes, whose names are read from the data set's own file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zeroseg.class_lists.arguments import as_words
from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.coco81 import CocoSamples
from zeroseg.data.coco_instances import as_whole, instances_in
from zeroseg.data.coco_outlines import require_pycocotools
from zeroseg.data.text_files import read_json
from zeroseg.errors import VocabularyError
from zeroseg.vocabulary import Vocabulary

_BACKGROUND = "background"


class Lvis(BenchmarkData):
    """LVIS version 1: things of COCO's pictures, most classes of them rare.

    Masks are laid over each other as by `Coco81`: the larger before the smaller, by the stated
    area, so that what lies on something else stays visible; no measured score of others follows
    this rule, and there is no published table for label maps. Of a picture only some classes are
    annotated, so that a pixel without a mask may be of any other class: it has no label.

    Args:
        root: The folder of annotations and of COCO's train2017 and val2017, which hold the
            pictures of either split (or images/train2017 and images/val2017).
        split: "val" or "train".
        background: Whether pixels without a mask are background, and scored, all the same.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: The annotation is not there or cannot be read.
        VocabularyError: Its categories have no names, or two have the same.
        ZerosegError: There is no such split, or pycocotools is not installed.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "val",
        background: bool = False,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        known = entry("lvis")
        known.check_split(split)
        listed = f"annotations/lvis_v1_{split}.json"
        folder = known.find_root(root, ("coco", "lvis"), listed)
        file = folder / listed
        require_pycocotools(file)
        content = read_json(file)
        classes = _vocabulary(content, file)
        indices = {str(number): index for index, number in enumerate(classes.ids) if index}
        instances = instances_in(content, file, indices)
        places = [folder / part / f"{year}2017" for part in ("", "images") for year in _YEARS]
        self.background = background
        rest = classes.background if background else classes.ignore_index
        dataset = CocoSamples(instances, places, file, rest)
        scored = None if background else classes.classes
        super().__init__(known, split, classes, dataset, batch_size, num_workers, scored)
        self.notes = instances.notes

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "background": self.background}


_YEARS = ("val", "train")


def _vocabulary(content: Any, path: Path) -> Vocabulary:
    """The categories of a file: their ids, names, and synonyms that mean one of them only."""
    found = content.get("categories") if isinstance(content, dict) else None
    if not isinstance(found, list) or not found:
        raise VocabularyError(f"'{path}' lists no categories, by which its classes are known")
    entries = sorted(_category(one, path) for one in found)
    names = [_BACKGROUND, *(name for _, name, _ in entries)]
    words = Counter(as_words(word) for _, name, more in entries for word in {name, *more})
    aliases = {
        name: [word for word in more if word != name and words[as_words(word)] == 1]
        for _, name, more in entries
    }
    try:
        return Vocabulary.from_names(
            names,
            background=_BACKGROUND,
            ids=[0, *(number for number, _, _ in entries)],
            aliases=aliases,
            name="lvis",
        )
    except VocabularyError as error:
        raise VocabularyError(f"the categories of '{path}': {error}") from error


def _category(one: Any, path: Path) -> tuple[int, str, Sequence[str]]:
    category = one if isinstance(one, dict) else {}
    number, name = as_whole(category.get("id")), category.get("name")
    synonyms = category.get("synonyms") or []
    if not number or not isinstance(name, str) or not isinstance(synonyms, list):
        raise VocabularyError(f"'{path}': a category has no id and name: {str(one)[:80]}")
    return number, name, [word for word in synonyms if isinstance(word, str)]
