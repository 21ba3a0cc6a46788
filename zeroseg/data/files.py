"""Pictures and the files of their annotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from zeroseg.data.masks import read_ids
from zeroseg.data.names import sample_names
from zeroseg.data.sample import Regions, Truth
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.find_images import SUFFIXES, find_images
from zeroseg.images import read_image
from zeroseg.metrics.protocol import Stray
from zeroseg.regular_file import inside
from zeroseg.vocabulary import Vocabulary

_MOST = 65535
"""The largest number that a file of single things may hold."""

_SHOWN = 10
"""Stray ids that an error lists."""


@dataclass(frozen=True)
class Place:
    """Where one sample lies.

    Attributes:
        name: The sample's name.
        picture: Its picture.
        mask: Its class ids; None where there is no annotation.
        objects: Its single things, if the data set has a file for them.
        problem: Why none of them is looked at.
    """

    name: str
    picture: Path
    mask: Path | None = None
    objects: Path | None = None
    problem: str | None = None


class FileSamples(Samples):
    """Pictures and masks in files, read when they are asked for.

    Args:
        places: The files of every sample.
        read_truth: Reads the annotation of a place that has one, with what ids that no class has
            are taken for; see `translate`.
        folders: The data set's, and those in it that may be links: no file lies outside of them.
        turn: Whether pictures are turned as their EXIF orientation says. The masks of
            benchmarks are in the order of the pixels in the file.
    """

    def __init__(
        self,
        places: Sequence[Place],
        read_truth: Callable[[Place, Stray], Truth],
        folders: Sequence[Path],
        turn: bool = False,
    ) -> None:
        self.places, self.read_truth, self.turn = tuple(places), read_truth, turn
        self.folders = tuple(folders)
        self._names = tuple(place.name for place in self.places)

    @property
    def names(self) -> Sequence[str]:
        """See `Samples.names`."""
        return self._names

    def image(self, position: int) -> Tensor:
        """See `Samples.image`."""
        place = self._place(position)
        return read_image(inside(place.picture, *self.folders), self.turn)

    def truth(self, position: int) -> Truth | None:
        """See `Samples.truth`."""
        place = self._place(position)
        for file in (place.mask, place.objects):
            if file is not None:
                inside(file, *self.folders)
        return self.read_truth(place, self.protocol.stray) if place.mask is not None else None

    def files(self, position: int) -> Sequence[Path]:
        """See `Samples.files`."""
        place = self.places[position]
        return [file for file in (place.picture, place.mask, place.objects) if file is not None]

    def _place(self, position: int) -> Place:
        place = self.places[position]
        if place.problem is not None:
            raise ImageError(place.problem)
        return place


def picture_called(base: Path) -> Path:
    """The picture at a path without suffix, whatever its suffix is; .jpg where there is none."""
    usual = base.with_name(f"{base.name}.jpg")
    upper = tuple(suffix.upper() for suffix in SUFFIXES)
    places = (base.with_name(base.name + suffix) for suffix in (".jpg", *SUFFIXES, *upper))
    return next((place for place in places if place.is_file()), usual)


def mask_called(base: Path, suffix: str = ".png") -> Path:
    """The mask at a path without suffix, which is .png, or another one, in lower or upper case."""
    upper = base.with_name(base.name + suffix.upper())
    return upper if upper.is_file() else base.with_name(base.name + suffix)


def pictures_in(folder: Path) -> dict[str, Path]:
    """The pictures in a folder and below it, by their paths without suffix; there may be none.

    Raises:
        ImageError: Two of them differ by their suffix only.
    """
    try:
        found = find_images([folder])
    except ImageError:  # there are none, and what was expected is better said by the data set
        return {}
    files = [picture.relative_to(folder).as_posix() for picture in found]
    names = sample_names(files)
    twins = [file for file, name in zip(files, names, strict=True) if file == name]
    if twins:
        raise ImageError(
            f"several pictures in '{folder}' have one name: {', '.join(twins[:_SHOWN])}"
        )
    return dict(sorted(zip(names, found, strict=True)))


def read_size(picture: Path) -> tuple[int, int]:
    """Height and width of a picture as it lies in its file.

    Raises:
        ImageError: It cannot be read.
    """
    try:
        if not picture.is_file():
            raise FileNotFoundError("there is no such file")
        with Image.open(picture) as image:
            return image.height, image.width
    except Exception as error:  # whatever any decoder raises is a problem of this file alone
        raise ImageError(f"the picture '{picture}' cannot be read: {error}") from error


def read_objects(place: Place, target: Tensor) -> Tensor | None:
    """The numbers of the single things of a place, up to 16 bits, as (H, W) int64.

    Args:
        place: The files of one sample.
        target: (H, W), the classes of the same picture.

    Returns:
        None where there is no such file: it is optional everywhere.

    Raises:
        ImageError: The file cannot be read, is no mask, or has another size than the classes.
    """
    path = place.objects
    if path is None or not path.is_file():
        return None
    numbers = read_ids(path)
    if numbers.shape != target.shape:
        raise ImageError(
            f"'{path}' is {tuple(numbers.shape)}, but the classes of the same picture are "
            f"{tuple(target.shape)} (height, width)"
        )
    if bool(((numbers < 0) | (numbers > _MOST)).any()):
        raise ImageError(f"'{path}' numbers single things outside of 0..{_MOST}")
    return numbers


def translate(
    ids: Tensor,
    meaning: Mapping[int, int],
    path: Path | None,
    vocabulary: Vocabulary,
    stray: Stray = "refuse",
) -> Tensor:
    """Ids of a file as (H, W) int64 class indices.

    Args:
        ids: (H, W) int64.
        meaning: The class index, or the ignore index, of every id that may occur.
        path: Named in the error.
        vocabulary: The classes.
        stray: What other ids are taken for, see `zeroseg.metrics.protocol.indices_of`; what stands
            for no class there is without a label here.

    Raises:
        VocabularyError: The file holds other ids, and `stray` is "refuse".
    """
    largest = max(meaning)
    table = torch.full((largest + 1,), -1)
    table[torch.tensor(list(meaning))] = torch.tensor(list(meaning.values()))
    labels = torch.where((ids >= 0) & (ids <= largest), table[ids.clamp(0, largest)], -1)
    others = labels < 0
    if stray == "refuse" and bool(others.any()):
        found = ids[others].unique().tolist()
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise VocabularyError(
            f"'{path}' holds ids {found[:_SHOWN]}{more}, which are no ids of this data set"
        )
    aliased = (ids >= 0) & (ids < len(vocabulary)) & (stray == "alias")
    return labels.where(~others, ids.where(aliased, vocabulary.ignore_index))


def meanings(
    vocabulary: Vocabulary, background: bool = True, void: Sequence[int] = ()
) -> dict[int, int]:
    """What `translate` takes where files hold the vocabulary's own ids.

    Args:
        vocabulary: The classes.
        background: Whether the background is a class; else its pixels have no label.
        void: More ids of pixels without a label.
    """
    found = {number: index for index, number in enumerate(vocabulary.ids)}
    if not background:
        found[vocabulary.ids[vocabulary.background]] = vocabulary.ignore_index
    return found | dict.fromkeys(void, vocabulary.ignore_index)


def number_regions(numbers: Tensor, labels: Mapping[int, int]) -> Regions:
    """Regions from a map of the numbers that a data set gives its single things.

    Args:
        numbers: (H, W) int64, from 0 up.
        labels: Class index of every number that is a thing; all other pixels belong to none.
    """
    table = torch.full((max(int(numbers.max()), *labels, 0) + 1,), -1)
    table[torch.tensor(list(labels), dtype=torch.int64)] = torch.arange(len(labels))
    return Regions(table[numbers], torch.tensor(list(labels.values()), dtype=torch.int64))


def present(numbers: Tensor) -> list[int]:
    """The numbers from 0 up that occur in a map, in order."""
    return [int(n) for n in torch.bincount(numbers.flatten()).nonzero()]
