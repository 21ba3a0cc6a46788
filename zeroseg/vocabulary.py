"""The closed set of classes that a label map is written in."""

from __future__ import annotations

import colorsys
import difflib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroseg.class_lists.arguments import (
    BACKGROUND_NAMES,
    as_words,
    background_index,
    background_of,
    by_class,
    class_names,
    in_order,
    names_and_ids,
    read_aliases,
    read_distractors,
    read_look_alikes,
    read_prompt,
    read_stuff,
    read_truth,
    read_words,
)
from zeroseg.class_lists.built_in import file_of, near_miss, with_list
from zeroseg.class_lists.files import STRUCTURED, is_file_name, read_structured_file
from zeroseg.class_lists.text import read_plain_file, read_text
from zeroseg.class_lists.values import (
    LARGEST_ID,
    Color,
    check_count,
    is_whole,
    read_colors,
    read_ids,
    read_name,
    read_whole,
    shown,
)
from zeroseg.errors import VocabularyError

_BYTE = 255
"""What a pixel of an 8-bit mask file can hold."""

_LONG = 300
"""Characters of a path that a message does not repeat whole."""

_FIELDS = {
    *("name", "classes", "background", "ids", "colors", "aliases", "prompts", "ignore_index"),
    *("words", "stuff", "look_alikes", "distractors", "exhaustive"),
}


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
        ids: K ids as stored in mask files, in 0..65535; files have 8 bits where that will do.
        colors: K colours.
        aliases: For each class, other words that mean it.
        prompts: For each class, the words a detector is asked with, e.g. "potted plant".
        ignore_index: Value of pixels without a label, in files and in label maps.
        name: What the set is called, for reports.
        words: For each class, further words that a detector is asked with; the best one counts.
        stuff: Indices of the classes without outline and number, such as sky; others are things.
        distractors: Words that are asked for, too, so that they claim what is none of the classes.
        exhaustive: Whether every pixel is known to be of a class that is looked for, as where stuff
            is labelled, too; nothing should be left to the background then.
        look_alikes: Pairs of indices of classes that are easily taken for each other.

    Raises:
        VocabularyError: Names repeat (also as words: "traffic light", "traffic-light") or are
            empty, the background is not among them, ids repeat, one word would mean two classes,
            or there are more classes than a 16-bit mask file can hold.
    """

    names: tuple[str, ...]
    background: int
    ids: tuple[int, ...]
    colors: tuple[Color, ...]
    aliases: tuple[tuple[str, ...], ...]
    prompts: tuple[str, ...]
    ignore_index: int = 255
    name: str = "custom"
    words: tuple[tuple[str, ...], ...] = ()
    stuff: tuple[int, ...] = ()
    distractors: tuple[str, ...] = ()
    exhaustive: bool = False
    look_alikes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.words:
            object.__setattr__(self, "words", ((),) * len(self.names))
        _check_names(self.names)
        count = len(self.names)
        if not 0 <= self.background < count:
            raise VocabularyError(f"background is index {self.background} of {count} classes")
        if count < 2:
            raise VocabularyError("nothing to look for: name a class beside the background")
        for field in ("ids", "colors", "aliases", "prompts", "words"):
            if len(getattr(self, field)) != count:
                have = len(getattr(self, field))
                raise VocabularyError(f"{count} names but {have} {field}")
        if not all(prompt.strip() for prompt in self.prompts):
            raise VocabularyError(f"a prompt is empty: {list(self.prompts)}")
        _check_ids(self.ids, self.ignore_index)
        _check_meanings(self)

    @classmethod
    def from_names(
        cls,
        names: Iterable[str],
        *,
        background: str | int | None = None,
        ids: Iterable[int] | Mapping[str, int] | None = None,
        colors: Iterable[Sequence[float] | str] | Mapping[str, Sequence[float] | str] | None = None,
        aliases: Mapping[str, str | Iterable[str]] | None = None,
        prompts: Mapping[str, str] | None = None,
        ignore_index: int | None = None,
        name: str | None = None,
        words: Mapping[str, str | Iterable[str]] | None = None,
        stuff: str | Iterable[str] | None = None,
        distractors: str | Iterable[str] | None = None,
        exhaustive: bool | str | None = None,
        look_alikes: Iterable[Sequence[str]] | None = None,
    ) -> Vocabulary:
        """Make a vocabulary from class names.

        Numbers may also be written as text, as YAML files hold them.

        Args:
            names: The classes, in the order of their indices. Each stands as it is.
            background: Which of them is the background, or its index. By default the first one
                called background, other, unlabeled, void or none; without such a name,
                "background" is put in front.
            ids: Ids in mask files, as a list or by class; 0, 1, 2, ... by default.
            colors: A colour per class, as a list or by class: red, green, blue in 0..255 or, as
                fractions, in 0..1; a name; or "#ff8800". Far apart by default.
            aliases: Other words for some of the classes.
            prompts: Words for the detector where the name as words will not do.
            ignore_index: Value of pixels without a label; by default 255, or 65535 where there are
                more classes or larger ids.
            name: What the set is called; "custom" by default.
            words: Further words for the detector for some of the classes.
            stuff: Those of the classes that are stuff.
            distractors: Words for what is none of the classes.
            exhaustive: Whether every pixel is of one of the classes beside the background.
            look_alikes: Pairs of classes that are easily taken for each other.

        Raises:
            VocabularyError: See the class; also when `aliases` or `prompts` name no class, and
                when a value is not of its kind. The message names the argument.

        Example:
            >>> from zeroseg import Vocabulary
            >>> vocabulary = Vocabulary.from_names(
            ...     ["sky", "potted-plant"], ids=[23, 64], background="sky", stuff=["sky"]
            ... )
            >>> vocabulary.prompts
            ('sky', 'potted plant')
            >>> vocabulary.find("potted plant")
            1
        """
        listed = class_names(names)
        if background is None and ids is None and colors is None and not background_of(listed):
            listed = [BACKGROUND_NAMES[0], *listed]
        _check_names(listed)
        plain = [as_words(name) for name in listed]
        index = background_index(background, listed)
        alias_of = by_class(aliases, plain, "aliases")
        prompt_of = by_class(prompts, plain, "prompts")
        words_of = by_class(words, plain, "words")
        asked = tuple(read_prompt(prompt_of.get(word), word) for word in plain)
        numbers = tuple(range(len(plain))) if ids is None else read_ids(in_order(ids, plain, "ids"))
        return cls(
            names=tuple(listed),
            background=index,
            ids=numbers,
            colors=distinct_colors(len(plain), index)
            if colors is None
            else read_colors(in_order(colors, plain, "colors")),
            aliases=tuple(read_aliases(alias_of.get(word), word) for word in plain),
            prompts=asked,
            ignore_index=_ignored(numbers)
            if ignore_index is None
            else read_whole(ignore_index, "ignore_index"),
            name="custom" if name is None else read_name(name, "name"),
            words=tuple(
                read_words(words_of.get(word), word, prompt)
                for word, prompt in zip(plain, asked, strict=True)
            ),
            stuff=read_stuff(stuff, plain),
            distractors=read_distractors(distractors),
            exhaustive=read_truth(exhaustive, "exhaustive"),
            look_alikes=read_look_alikes(look_alikes, plain),
        )

    @classmethod
    def from_yaml(cls, path: str | Path) -> Vocabulary:
        """Read a vocabulary from a YAML or JSON file.

        The file is a list of names, or a mapping with `classes` (a list of names, or names by id)
        and any of the other arguments of `from_names`. In YAML every word is itself: no, on, null
        and 7 are class names.

        Raises:
            VocabularyError: The file is missing, is not such YAML, or describes no vocabulary.
        """
        return _of_file(Path(path), read_structured_file)

    @classmethod
    def from_dict(cls, content: Mapping[Any, Any]) -> Vocabulary:
        """Make a vocabulary from the content of a YAML file, see `from_yaml` and `to_dict`.

        Raises:
            VocabularyError: `classes` is missing, or a key is unknown.
        """
        if content and all(map(is_whole, content)):
            content = {"classes": content}
        unknown = sorted(str(key) for key in content if key not in _FIELDS)
        if unknown:
            raise VocabularyError(
                f"unknown keys {shown(unknown)} in a vocabulary; known: {sorted(_FIELDS)} "
                f"(names, also by id, stand under `classes`)"
            )
        options = dict(content)
        classes = options.pop("classes", None)
        if isinstance(classes, Mapping):
            names, ids = names_and_ids(classes, options.get("background"))
            if options.get("ids") is not None:
                raise VocabularyError("ids are given twice: by `ids`, and with the names")
            return cls.from_names(names, **{**options, "ids": ids})
        if classes is None:
            raise VocabularyError("a vocabulary needs `classes`, a list of names")
        return cls.from_names(classes, **options)

    @classmethod
    def parse(
        cls, value: Vocabulary | str | os.PathLike[str] | Iterable[str] | Mapping[Any, Any]
    ) -> Vocabulary:
        """Whatever a user may mean by a vocabulary.

        Args:
            value: A Vocabulary, a list of names, a text of names (separated by commas, one a line,
                ...; see `zeroseg.class_lists.text`), the name of a built-in one ("dram", "voc2012",
                "cityscapes", "coco81", "ade20k", "drawn", "drawn-all", "context60", "context459",
                "coco-stuff", "ade847"; "voc2012-compiled" is one with added words), the path of a
                YAML or JSON file (see `from_yaml`) or of a text file with one name a line, or the
                content of a YAML file.

        Raises:
            VocabularyError: It is none of these, or could be two of them.

        Example:
            >>> from zeroseg import Vocabulary
            >>> Vocabulary.parse("dog, boat, person").names
            ('background', 'dog', 'boat', 'person')
            >>> len(Vocabulary.parse("voc2012"))
            21
        """
        if isinstance(value, Vocabulary):
            return value
        if isinstance(value, Mapping):
            return cls.from_dict(value)
        if isinstance(value, str) and (known := file_of(value)) is not None:
            return _built_in(known)
        if isinstance(value, os.PathLike) or (isinstance(value, str) and is_file_name(value)):
            path = Path(value.strip() if isinstance(value, str) else value)
            structured = path.suffix.casefold() in STRUCTURED
            return _of_file(path, read_structured_file if structured else read_plain_file)
        if not isinstance(value, str):
            return cls.from_names(value)
        if question := near_miss(value):
            raise VocabularyError(question)
        return _of_content(read_text(value))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def bits(self) -> int:
        """Bits a pixel of a mask file, 8 where all ids fit, else 16."""
        return 8 if max(*self.ids, self.ignore_index) <= _BYTE else 16

    @property
    def classes(self) -> tuple[int, ...]:
        """Indices of all classes but the background."""
        return tuple(i for i in range(len(self)) if i != self.background)

    @property
    def things(self) -> tuple[int, ...]:
        """Indices of the classes that are neither stuff nor the background."""
        return tuple(i for i in self.classes if i not in self.stuff)

    def find(self, text: str) -> int | None:
        """Index of the class with this name or prompt, read as words; None if there is none."""
        return self._places.get(as_words(text))

    @cached_property
    def _places(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for index, (name, prompt) in enumerate(zip(self.names, self.prompts, strict=True)):
            found.setdefault(as_words(name), index)
            found.setdefault(as_words(prompt), index)
        return found

    def by_name(self, written: Vocabulary) -> tuple[int | None, ...]:
        """For each class of another vocabulary the index of the class of that name here, if any.

        Whatever they are called, one background is the other.
        """
        return tuple(
            self.background if index == written.background else self.find(name)
            for index, name in enumerate(written.names)
        )

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

    def asked_like(self, other: Vocabulary) -> Vocabulary:
        """The same classes, asked for with the words of another vocabulary.

        Prompts, further words, look-alikes and distractors are the other's, by the names of
        classes; so is what is stuff where this vocabulary does not say. A class that the other has
        not is asked for as before, and so is the background. Where every pixel is of a class,
        there are no distractors.

        Raises:
            VocabularyError: None of the classes is the other's, or one of its words means another
                class here.
        """
        place = {i: self.find(name) for i, name in enumerate(other.names) if i != other.background}
        source = {i: own for own, i in place.items() if i is not None and i != self.background}
        if not source:
            raise VocabularyError(f"'{other.name}' has words for none of {shown(list(self.names))}")
        stuff = (place.get(own) for own in other.stuff)
        pairs = ((place.get(a), place.get(b)) for a, b in other.look_alikes)
        return replace(
            self,
            prompts=tuple(
                other.prompts[source[i]] if i in source else own
                for i, own in enumerate(self.prompts)
            ),
            words=tuple(other.words[source[i]] if i in source else () for i in range(len(self))),
            distractors=() if self.exhaustive else other.distractors,
            stuff=self.stuff or tuple(sorted(i for i in stuff if i in source)),
            look_alikes=tuple((a, b) for a, b in pairs if a in source and b in source),
        )

    def to_ids(self, labels: Tensor) -> Tensor:
        """Class indices to the ids of mask files; the ignore index stays.

        Returns:
            uint8, or int32 where files have 16 bits.
        """
        dtype = torch.uint8 if self.bits == 8 else torch.int32
        table = torch.full((self.ignore_index + 1,), self.ignore_index, dtype=dtype)
        table[: len(self)] = torch.tensor(self.ids, dtype=dtype)
        return table.to(labels.device)[labels.long()]

    def from_ids(self, ids: Tensor) -> Tensor:
        """Ids of mask files to class indices, int64; the ignore index stays.

        Raises:
            VocabularyError: The map holds ids that no class has.
        """
        table = torch.full((LARGEST_ID + 1,), -1, dtype=torch.int64)
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
            **self._more(),
        }

    def _more(self) -> dict[str, object]:
        """What few vocabularies have, and only their files hold."""
        pairs = zip(self.names, self.words, strict=True)
        more = {
            "words": {name: list(words) for name, words in pairs if words},
            "stuff": [self.names[index] for index in self.stuff],
            "look_alikes": [[self.names[a], self.names[b]] for a, b in self.look_alikes],
            "distractors": list(self.distractors),
            "exhaustive": self.exhaustive,
        }
        return {key: value for key, value in more.items() if value}


@cache
def _built_in(file: Path) -> Vocabulary:
    return _of_file(file, lambda path: with_list(path, read_structured_file(path)))


def _of_content(content: dict[Any, Any] | list[Any]) -> Vocabulary:
    if isinstance(content, list):
        return Vocabulary.from_names(content)
    return Vocabulary.from_dict(content)


def _of_file(path: Path, read: Callable[[Path], dict[Any, Any] | list[Any]]) -> Vocabulary:
    """The vocabulary in a file, called as the file is; errors name the file."""
    try:
        content = read(Path(os.path.expanduser(path)))  # Path's own raises for unknown users
        made = _of_content(content)
    except VocabularyError as error:
        name = f"'{path}'" if len(str(path)) < _LONG else shown(str(path))
        raise VocabularyError(f"cannot read the vocabulary {name}: {error}") from error
    is_named = isinstance(content, dict) and content.get("name") is not None
    return made if is_named else replace(made, name=path.stem)


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
    check_count(len(names))


def _ignored(ids: Sequence[int]) -> int:
    """The value of pixels without a label: what is largest in files of as few bits as will do."""
    return _BYTE if max(ids) <= _BYTE and len(ids) <= _BYTE else LARGEST_ID


def _check_ids(ids: Sequence[int], ignore_index: int) -> None:
    if len(set(ids)) < len(ids):
        raise VocabularyError(f"ids repeat: {list(ids)}")
    outside = [i for i in (*ids, ignore_index) if not 0 <= i <= LARGEST_ID]
    if outside:
        raise VocabularyError(f"ids {outside} do not fit a 16-bit mask file (0..{LARGEST_ID})")
    if ignore_index in ids:
        raise VocabularyError(f"id {ignore_index} is a class and the ignore index at once")
    if ignore_index < len(ids):
        raise VocabularyError(f"ignore_index {ignore_index} is also the index of a class")


def _check_meanings(vocabulary: Vocabulary) -> None:
    """See that no word means two classes, or a class and a distractor; spelling makes no word.

    An alias that is another class's name is that class's: names beat aliases.
    """
    names = {as_words(name) for name in vocabulary.names}
    owner = {as_words(name): name for name in vocabulary.names}
    for field in ("prompts", "aliases", "words"):
        for name, own in zip(vocabulary.names, getattr(vocabulary, field), strict=True):
            for text in (own,) if isinstance(own, str) else own:
                other = owner.setdefault(as_words(text), name)
                if other != name and not (field == "aliases" and as_words(text) in names):
                    raise VocabularyError(
                        f"{field}: '{text}' would mean '{other}' and '{name}'; a word can stand "
                        f"for one class only"
                    )
    asked = [*vocabulary.prompts, *itertools.chain(*vocabulary.words), *vocabulary.distractors]
    twice = [text for text, n in Counter(map(as_words, asked)).items() if n > 1]
    claimed = [text for text in vocabulary.distractors if as_words(text) in owner]
    if twice or claimed:
        raise VocabularyError(f"a word can stand for one class only: {shown(claimed or twice)}")
