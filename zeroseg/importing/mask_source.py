"""The contract of what is imported: pictures by name, and the label map that each was given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zeroseg.errors import ImageError
from zeroseg.vocabulary import Vocabulary

BACKGROUND = "background"


@dataclass(frozen=True)
class Corrected:
    """A picture with its masks.

    Attributes:
        file: The picture's path as the annotation has it, or the same without suffix.
        draw: Gives (H, W) int64 class indices of a vocabulary; raises a ZerosegError that says what
            is wrong with this picture's annotation.
    """

    file: str
    draw: Callable[[Vocabulary], NDArray[np.int64]]


class MaskSource(ABC):
    """What a tool wrote.

    Args:
        source: The file or folder.

    Attributes:
        notes: What holds no pixel and is passed over, and how often.

    Raises:
        ImageError: It is nothing of the kind.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.notes: Counter[str] = Counter()

    @abstractmethod
    def classes(self) -> Vocabulary:
        """The classes that it names itself.

        Raises:
            VocabularyError: It names none.
        """

    @abstractmethod
    def __iter__(self) -> Iterator[Corrected]: ...


def paint(
    shapes: Iterable[tuple[str, NDArray[np.bool_]]], size: tuple[int, int], vocabulary: Vocabulary
) -> NDArray[np.int64]:
    """The label map of shapes, the later ones on top; the rest is background.

    Raises:
        VocabularyError: A class is none of the vocabulary.
    """
    labels = np.full(size, vocabulary.background, np.int64)
    for name, mask in shapes:
        labels[mask] = vocabulary.index(name)
    return labels


def named(names: Sequence[str], ids: Sequence[int] | None = None) -> Vocabulary:
    """A vocabulary of class names, with a background in front if there is none.

    Args:
        names: The classes.
        ids: Their ids in mask files; 1, 2, ... by default.
    """
    numbers = list(range(1, len(names) + 1)) if ids is None else list(ids)
    if BACKGROUND in names:
        return Vocabulary.from_names(names, background=BACKGROUND, ids=numbers)
    free = next(number for number in range(len(numbers) + 1) if number not in numbers)
    return Vocabulary.from_names([BACKGROUND, *names], background=BACKGROUND, ids=[free, *numbers])


def one_file(source: Path, name: str) -> Path:
    """The file that a path means: itself, or the one of this name in a folder.

    Raises:
        ImageError: There is none.
    """
    file = source / name if source.is_dir() else source
    if not file.is_file():
        raise ImageError(f"there is no file '{file}'; name it, or the folder of {name}")
    return file
