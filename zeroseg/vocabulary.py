"""The closed set of classes that a label map is written in."""

from __future__ import annotations

import colorsys
import difflib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml
from torch import Tensor

from zeroseg.errors import VocabularyError

BACKGROUND_NAMES = ("background", "other", "unlabeled", "void", "none")
"""Names that mean "nothing of the above" without being told; the first that occurs is taken."""

Color = tuple[int, int, int]
"""Red, green and blue in 0..255."""

Value = TypeVar("Value")

_FIELDS = {"name", "classes", "background", "ids", "colors", "aliases", "prompts", "ignore_index"}


def as_words(name: str) -> str:
    """A class name as plain words: "Potted-Plant" becomes "potted plant"."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(text.replace("-", " ").replace("_", " ").split())


def pascal_color(index: int) -> Color:
    """The colour that the PASCAL VOC palette gives an id: its bits, dealt out to r, g and b."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            bit = (index >> (3 * place + channel)) & 1
            channels[channel] |= bit << (7 - place)
    return channels[0], channels[1], channels[2]


def distinct_colors(count: int, background: int) -> tuple[Color, ...]:
    """Colours far apart for any number of classes; black for the background."""
    colors: list[Color] = []
    for index in range(count):
        hue = (0.02 + 0.618034 * index) % 1
        saturation, value = (0.75, 0.92) if index % 2 else (0.6, 0.98)
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    colors[background] = (0, 0, 0)
    return tuple(colors)


@dataclass(frozen=True)
class Vocabulary:
    """K classes, one of which is the background. Most are made by `Vocabulary.from_names`.

    Inside zeroseg a class is its index 0..K-1; the ids that files hold are used at the door only.

    Attributes:
        names: K names as they are shown and written, e.g. "potted-plant".
        background: Index of the class of pixels where nothing stands; it is never looked for.
        ids: K ids as stored in mask files, each in 0..255.
        colors: K colours.
        aliases: For each class, other words that mean it.
        prompts: For each class, the words a detector is asked with, e.g. "potted plant".
        ignore_index: Value of pixels without a label, in files and in label maps.
        name: What the set is called, for reports.

    Raises:
        VocabularyError: Names repeat (also as words: "traffic light", "traffic-light") or are
            empty, the background is not among them, ids repeat, or there are more classes than
            an 8-bit mask file can hold.
    """

    names: tuple[str, ...]
    background: int
    ids: tuple[int, ...]
    colors: tuple[Color, ...]
    aliases: tuple[tuple[str, ...], ...]
    prompts: tuple[str, ...]
    ignore_index: int = 255
    name: str = "custom"

    def __post_init__(self) -> None:
        _check_names(self.names)
        count = len(self.names)
        if not 0 <= self.background < count:
            raise VocabularyError(f"background is index {self.background} of {count} classes")
        if count < 2:
            raise VocabularyError("nothing to look for: name a class beside the background")
        for field in ("ids", "colors", "aliases", "prompts"):
            if len(getattr(self, field)) != count:
                have = len(getattr(self, field))
                raise VocabularyError(f"{count} names but {have} {field}")
        if not all(prompt.strip() for prompt in self.prompts):
            raise VocabularyError(f"a prompt is empty: {list(self.prompts)}")
        if len(set(self.prompts)) < count:
            raise VocabularyError(f"two classes have the same prompt: {list(self.prompts)}")
        _check_ids(self.ids, self.ignore_index)
        if len({alias for words in self.aliases for alias in map(as_words, words)}) < sum(
            len(set(map(as_words, words))) for words in self.aliases
        ):
            raise VocabularyError("two classes share an alias; an alias can mean one class only")

    @classmethod
    def from_names(
        cls,
        names: Iterable[str],
        *,
        background: str | None = None,
        ids: Sequence[int] | None = None,
        colors: Sequence[Sequence[int]] | None = None,
        aliases: Mapping[str, Sequence[str]] | None = None,
        prompts: Mapping[str, str] | None = None,
        ignore_index: int = 255,
        name: str = "custom",
    ) -> Vocabulary:
        """Make a vocabulary from class names.

        Args:
            names: The classes, in the order of their indices.
            background: Which of them is the background. By default the first one called
                background, other, unlabeled, void or none; without such a name, "background" is
                put in front.
            ids: Ids in mask files; 0, 1, 2, ... by default.
            colors: Red, green, blue per class in 0..255; far apart by default.
            aliases: Other words for some of the classes.
            prompts: Words for the detector where the name as words will not do.
            ignore_index: Value of pixels without a label.
            name: What the set is called.

        Raises:
            VocabularyError: See the class; also when `aliases` or `prompts` name no class.
        """
        listed = [name.strip() for name in names]
        if background is None:
            found = [n for n in BACKGROUND_NAMES if n in map(as_words, listed)]
            if not found and ids is None and colors is None:
                listed = [BACKGROUND_NAMES[0], *listed]
                found = [BACKGROUND_NAMES[0]]
            background = found[0] if found else BACKGROUND_NAMES[0]
        _check_names(listed)
        words = [as_words(name) for name in listed]
        if as_words(background) not in words:
            raise VocabularyError(
                f"the background '{background}' is not among the classes {listed}; add it, or "
                f"say which one is with `background`"
            )
        index = words.index(as_words(background))
        alias_of = _by_class(aliases or {}, words, "aliases")
        prompt_of = _by_class(prompts or {}, words, "prompts")
        palette = tuple(_color(c) for c in colors) if colors else distinct_colors(len(words), index)
        return cls(
            names=tuple(listed),
            background=index,
            ids=tuple(ids) if ids is not None else tuple(range(len(listed))),
            colors=palette,
            aliases=tuple(tuple(alias_of.get(word, ())) for word in words),
            prompts=tuple(prompt_of.get(word, word) for word in words),
            ignore_index=ignore_index,
            name=name,
        )

    @classmethod
    def from_yaml(cls, path: str | Path) -> Vocabulary:
        """Read a vocabulary from a YAML file.

        The file is a list of names, or a mapping with `classes` (the names) and any of
        `background`, `ids`, `colors`, `aliases`, `prompts`, `ignore_index` and `name`, as in
        `from_names`.

        Raises:
            VocabularyError: The file is missing, is not such YAML, or describes no vocabulary.
        """
        path = Path(path)
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise VocabularyError(f"cannot read the vocabulary {path}: {error}") from error
        if isinstance(content, list):
            content = {"classes": content}
        if not isinstance(content, dict):
            raise VocabularyError(f"{path} is neither a list of names nor a mapping with `classes`")
        return cls.from_dict({"name": path.stem, **content})

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Vocabulary:
        """Make a vocabulary from the content of a YAML file, see `from_yaml` and `to_dict`.

        Raises:
            VocabularyError: `classes` is missing, or a key is unknown.
        """
        unknown = sorted(set(content) - _FIELDS)
        if unknown:
            raise VocabularyError(
                f"unknown keys {unknown} in a vocabulary; known: {sorted(_FIELDS)}"
            )
        if not isinstance(content.get("classes"), list | tuple):
            raise VocabularyError("a vocabulary needs `classes`, a list of names")
        options = {key: value for key, value in content.items() if key != "classes"}
        return cls.from_names([str(n) for n in content["classes"]], **options)

    @classmethod
    def parse(
        cls, value: Vocabulary | str | Path | Sequence[str] | Mapping[str, Any]
    ) -> Vocabulary:
        """Whatever a user may mean by a vocabulary.

        Args:
            value: A Vocabulary, a list of names, names separated by commas, the name of a
                built-in one ("dram", "voc2012", "cityscapes", "coco81", "ade20k", "drawn"), the
                path of a YAML file, or its content.
        """
        from zeroseg.vocabularies import BUILT_IN

        if isinstance(value, Vocabulary):
            return value
        if isinstance(value, Mapping):
            return cls.from_dict(value)
        if isinstance(value, str | Path):
            text = str(value)
            if text.casefold() in BUILT_IN:
                return BUILT_IN[text.casefold()]
            if text.endswith((".yaml", ".yml")):
                return cls.from_yaml(text)
            value = text.split(",")
        return cls.from_names(value)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def classes(self) -> tuple[int, ...]:
        """Indices of all classes but the background."""
        return tuple(i for i in range(len(self)) if i != self.background)

    def find(self, text: str) -> int | None:
        """Index of the class with this name or prompt, read as words; None if there is none."""
        wanted = as_words(text)
        for index, name in enumerate(self.names):
            if wanted in (as_words(name), as_words(self.prompts[index])):
                return index
        return None

    def index(self, name: str) -> int:
        """Index of the class with this name.

        Raises:
            VocabularyError: There is none; the message names the nearest ones.
        """
        found = self.find(name)
        if found is None:
            near = difflib.get_close_matches(as_words(name), self.names, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise VocabularyError(f"'{name}' is not one of {list(self.names)}{hint}")
        return found

    def to_ids(self, labels: Tensor) -> Tensor:
        """Class indices to the ids of mask files, uint8; the ignore index stays."""
        table = torch.full((256,), self.ignore_index, dtype=torch.uint8)
        table[: len(self)] = torch.tensor(self.ids, dtype=torch.uint8)
        return table.to(labels.device)[labels.long()]

    def from_ids(self, ids: Tensor) -> Tensor:
        """Ids of mask files to class indices, int64; the ignore index stays.

        Raises:
            VocabularyError: The map holds ids that no class has.
        """
        table = torch.full((256,), -1, dtype=torch.int64)
        table[torch.tensor(self.ids)] = torch.arange(len(self))
        table[self.ignore_index] = self.ignore_index
        labels = table.to(ids.device)[ids.long()]
        if bool((labels < 0).any()):
            stray = sorted(set(ids[labels < 0].unique().tolist()))
            raise VocabularyError(f"ids {stray} belong to no class of '{self.name}'")
        return labels

    def to_dict(self) -> dict[str, object]:
        """The content of a YAML file that `from_yaml` reads back."""
        return {
            "name": self.name,
            "classes": list(self.names),
            "background": self.names[self.background],
            "ids": list(self.ids),
            "colors": [list(color) for color in self.colors],
            "aliases": {
                n: list(words) for n, words in zip(self.names, self.aliases, strict=True) if words
            },
            "prompts": dict(zip(self.names, self.prompts, strict=True)),
            "ignore_index": self.ignore_index,
        }


def _check_names(names: Sequence[str]) -> None:
    if not any(name.strip() for name in names):
        raise VocabularyError("a vocabulary needs at least one class")
    empty = [position for position, name in enumerate(names) if not as_words(name)]
    if empty:
        raise VocabularyError(f"class names at positions {empty} are empty: {list(names)}")
    counts = Counter(as_words(name) for name in names)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise VocabularyError(f"classes occur more than once: {twice}")
    if len(names) > 255:
        raise VocabularyError(
            f"{len(names)} classes do not fit an 8-bit mask file, which holds 255 and the ignore "
            f"value; split them into several vocabularies"
        )


def _check_ids(ids: Sequence[int], ignore_index: int) -> None:
    if len(set(ids)) < len(ids):
        raise VocabularyError(f"ids repeat: {list(ids)}")
    outside = [i for i in (*ids, ignore_index) if not 0 <= i <= 255]
    if outside:
        raise VocabularyError(f"ids {outside} do not fit an 8-bit mask file (0..255)")
    if ignore_index in ids:
        raise VocabularyError(f"id {ignore_index} is a class and the ignore index at once")
    if ignore_index < len(ids):
        raise VocabularyError(f"ignore_index {ignore_index} is also the index of a class")


def _by_class(table: Mapping[str, Value], words: Sequence[str], what: str) -> dict[str, Value]:
    stray = [name for name in table if as_words(name) not in words]
    if stray:
        raise VocabularyError(f"{what} are given for {stray}, which are not among the classes")
    return {as_words(name): value for name, value in table.items()}


def _color(value: Sequence[int]) -> Color:
    if len(value) != 3 or not all(0 <= channel <= 255 for channel in value):
        raise VocabularyError(f"{value} is not a colour (red, green, blue in 0..255)")
    return int(value[0]), int(value[1]), int(value[2])
