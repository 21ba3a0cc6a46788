"""An instances file of COCO, as it is found in the wild: which pictures, which annotations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from zeroseg.data.coco_outlines import describes
from zeroseg.data.names import sample_names
from zeroseg.data.text_files import read_json
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.regular_file import relative_name
from zeroseg.vocabularies import COCO81, VOC2012
from zeroseg.vocabulary import as_words


@dataclass(frozen=True)
class Listed:
    """A picture of an instances file.

    Attributes:
        name: What it is called in the data set.
        file: Its path below the folder of the pictures; "" if there is none.
        size: Height and width as the file says; None where it does not.
        annotations: The annotations of the picture, as they are written.
        problem: Why the picture cannot be used, whatever its annotations.
    """

    name: str
    file: str = ""
    size: tuple[int, int] | None = None
    annotations: tuple[Mapping[str, Any], ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Instances:
    """What an instances file holds.

    Attributes:
        pictures: In the order of their names.
        classes: Class index by the category's id, see `id_of`; of `COCO81` by `load_instances`.
        named: Whether classes are known by the names in the file; else ids are COCO's own.
        notes: What the file holds beside truth, for whoever looks into it.
    """

    pictures: tuple[Listed, ...]
    classes: Mapping[str, int]
    named: bool
    notes: tuple[str, ...] = field(default=())


def load_instances(path: Path) -> Instances:
    """Read an instances file.

    What is odd about one picture or annotation becomes the problem of that picture.

    Raises:
        ImageError: It is no such file.
        VocabularyError: It annotates other classes than COCO's.
    """
    content = read_json(path)
    annotations = [one for one in _lists(content, path)[1] if isinstance(one, dict)]
    used = {id_of(one.get("category_id")) for one in annotations}
    return instances_in(content, path, *_classes(content.get("categories"), used, path))


def instances_in(
    content: Any, path: Path, classes: Mapping[str, int], named: bool = True
) -> Instances:
    """What the content of a file is, its classes being known; see `load_instances`.

    Raises:
        ImageError: It is no such file.
    """
    images, written = _lists(content, path)
    annotations = [one for one in written if isinstance(one, dict)]
    of_image = defaultdict(list)
    for one in annotations:
        of_image[id_of(one.get("image_id"))].append(one)
    pictures = _pictures(images, of_image)
    if all(not picture.file for picture in pictures):
        raise ImageError(f"'{path}' is no instances file: no picture has a file_name")
    return Instances(pictures, classes, named, _notes(images, annotations, path, len(written)))


def id_of(value: Any) -> str:
    """An id as text, the same whether it is written as a number or as text; "" for none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    return (text.lstrip("0") or "0") if text.isascii() and text.isdigit() else text


def _lists(content: Any, path: Path) -> tuple[list[Any], list[Any]]:
    """The images and the annotations of a file."""
    found = content if isinstance(content, dict) else {}
    images, annotations = found.get("images"), found.get("annotations")
    if not isinstance(images, list) or not images or not isinstance(annotations, list):
        raise ImageError(f"'{path}' is no instances file: it lists no images and annotations")
    return images, annotations


def _classes(categories: Any, used: set[str], path: Path) -> tuple[dict[str, int], bool]:
    """Class index by category id, and whether that is by name."""
    if categories is None or categories == []:
        return {str(number): index for index, number in enumerate(COCO81.ids) if index}, False
    if not isinstance(categories, list):
        raise VocabularyError(f"'{path}': its categories are no list of ids and names")
    names: dict[str, str] = {}
    for category in categories:
        entry = category if isinstance(category, dict) else {}
        number, name = id_of(entry.get("id")), as_words(str(entry.get("name") or ""))
        if names.setdefault(number, name) != name:
            raise VocabularyError(
                f"'{path}' has the category {number} twice: {names[number]} and {name}"
            )
    known = _things()
    classes = {number: known[name] for number, name in names.items() if name in known}
    foreign = [number for number in names if number not in classes and number in used]
    if foreign or not classes:
        shown = ", ".join(f"{names[n] or 'without a name'} ({n})" for n in (foreign or names))
        raise VocabularyError(
            f"'{path}' has categories that are none of COCO's 80: {shown}; for classes of its "
            f"own, write masks and a vocabulary.yaml, and read them as a folder"
        )
    return classes, True


def _things() -> dict[str, int]:
    """Class indices by name; also by the names that VOC and many lists have for the same."""
    found = {as_words(COCO81.names[index]): index for index in COCO81.classes}
    for name, aliases in zip(VOC2012.names, VOC2012.aliases, strict=True):
        words = [as_words(word) for word in (name, *aliases)]
        meant = [found[word] for word in words if word in found]
        found.update(dict.fromkeys(words, meant[0]) if meant else {})
    return found


def _pictures(images: Sequence[Any], of_image: Mapping[str, Any]) -> tuple[Listed, ...]:
    """The pictures, each file once, and those that cannot be told by number of their entry."""
    entries: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    files_of: dict[str, list[str]] = defaultdict(list)
    odd = []
    for position, image in enumerate(images):
        try:
            file, number = _file(image), id_of(image.get("id"))
        except ImageError as error:
            odd.append(Listed(f"entry-{position}", problem=f"image {position}: {error}"))
            continue
        if entries[file].setdefault(number, image) is image:
            files_of[number].append(file)
    listed = []
    for (file, found), name in zip(entries.items(), sample_names(list(entries)), strict=True):
        problem = _problem(found, files_of)
        [number, image] = next(iter(found.items()))
        size = _size(image)
        listed.append(Listed(name, file, size, tuple(of_image.get(number, ())), problem))
    return tuple(sorted([*listed, *odd], key=lambda one: one.name))


def _problem(found: Mapping[str, Any], files_of: Mapping[str, list[str]]) -> str | None:
    """Why it is not known which annotations a file has."""
    if len(found) > 1:
        return f"the picture is listed several times, with the ids {', '.join(found)}"
    [number] = found
    if not number:
        return "the picture is listed without an id"
    if len(files_of[number]) > 1:
        return f"the id {number} is that of several pictures: {', '.join(files_of[number])}"
    return None


def _file(image: Any) -> str:
    """Where an image lies below its folder; of an address, the last part."""
    entry = image if isinstance(image, dict) else {}
    text = next((v for key in ("file_name", "coco_url") if (v := entry.get(key))), None)
    if not isinstance(text, str):
        raise ImageError("the entry has no file_name")
    if "://" in text:
        try:
            text = unquote(urlsplit(text).path).rsplit("/", 1)[-1]
        except ValueError as error:
            raise ImageError(f"'{text[:80]}' is no address of a picture: {error}") from error
    return relative_name(text)


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = (as_whole(image.get(side)) for side in ("height", "width"))
    return (height, width) if height and width else None


def as_whole(value: Any) -> int | None:
    """A whole number from 0 up, written as a number or as text; None for anything else."""
    found = as_number(value)
    return int(found) if found is not None and found >= 0 and found.is_integer() else None


def as_number(value: Any) -> float | None:
    """A finite number, written as a number or as text; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _notes(
    images: Iterable[Any], annotations: Sequence[Mapping[str, Any]], path: Path, written: int
) -> tuple[str, ...]:
    """What is passed over, with how many of it."""
    known = {id_of(image.get("id")) for image in images if isinstance(image, dict)}
    stray = sum(id_of(one.get("image_id")) not in known for one in annotations)
    empty = sum(not describes(one.get("segmentation")) for one in annotations)
    if empty == len(annotations) > 1:
        raise ImageError(
            f"'{path}' has {empty} annotations and no outline: boxes are no truth of pixels"
        )
    odd = written - len(annotations)
    counts = {
        f"{odd} x annotation that is no mapping": odd,
        f"{stray} x annotation of a picture that is not listed": stray,
        f"{empty} x annotation without an outline of three points": empty,
    }
    return tuple(note for note, count in counts.items() if count)
