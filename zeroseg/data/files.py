"""Pictures and the files of their annotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zeroseg.data.sample import Regions, Truth
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.images import read_image

_EIGHT_BITS, _SIXTEEN_BITS = ("P", "L"), ("I", "I;16", "I;16B", "I;16L")


class MissingMask(ImageError):
    """A picture without its mask."""


@dataclass(frozen=True)
class Place:
    """Where one sample lies.

    Attributes:
        name: The sample's name.
        picture: Its picture.
        mask: Its class ids; None where no annotation is published.
        objects: Its single things, if the data set has a file for them.
    """

    name: str
    picture: Path
    mask: Path | None = None
    objects: Path | None = None


class FileSamples(Samples):
    """Pictures and masks in files, read when they are asked for.

    Args:
        places: The files of every sample.
        read_truth: Reads the annotation of a place that has one.
        turn: Whether pictures are turned as their EXIF orientation says. The masks of published
            data sets are in the order of the pixels in the file.
    """

    def __init__(
        self, places: Sequence[Place], read_truth: Callable[[Place], Truth], turn: bool = False
    ) -> None:
        self.places, self.read_truth, self.turn = tuple(places), read_truth, turn
        self._names = tuple(place.name for place in self.places)

    @property
    def names(self) -> Sequence[str]:
        """See `Samples.names`."""
        return self._names

    def image(self, position: int) -> Tensor:
        """See `Samples.image`."""
        return read_image(self.places[position].picture, self.turn)

    def truth(self, position: int) -> Truth | None:
        """See `Samples.truth`."""
        place = self.places[position]
        return self.read_truth(place) if place.mask is not None else None


def read_ids(path: Path | None) -> Tensor:
    """The ids in an 8-bit mask file, indexed or grey, as (H, W) int64.

    Raises:
        MissingMask: There is no such file.
        ImageError: The file cannot be read, or is no mask.
    """
    return _read(path, _EIGHT_BITS, "ids (P or L)")


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
    numbers = _read(path, (*_EIGHT_BITS, *_SIXTEEN_BITS), "numbers (P, L or I)")
    if numbers.shape != target.shape:
        raise ImageError(
            f"'{path}' is {tuple(numbers.shape)}, but the classes of the same picture are "
            f"{tuple(target.shape)} (height, width)"
        )
    return numbers


def _read(path: Path | None, modes: tuple[str, ...], what: str) -> Tensor:
    if path is None or not path.is_file():
        raise MissingMask(f"there is no mask '{path}'")
    try:
        with Image.open(path) as mask:
            numbers, mode = np.array(mask), mask.mode
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise ImageError(f"the mask '{path}' cannot be read: {error}") from error
    if mode not in modes:
        raise ImageError(f"the mask '{path}' is a picture of mode {mode}, not of {what}")
    return torch.from_numpy(numbers.astype(np.int64))


def translate(ids: Tensor, meaning: Mapping[int, int], path: Path | None) -> Tensor:
    """Ids of a file as (H, W) int64 class indices.

    Args:
        ids: (H, W) int64 in 0..255.
        meaning: The class index, or the ignore index, of every id that may occur.
        path: Named in the error.

    Raises:
        VocabularyError: The file holds other ids.
    """
    table = torch.full((256,), -1)
    table[torch.tensor(list(meaning))] = torch.tensor(list(meaning.values()))
    labels = table[ids]
    if bool((labels < 0).any()):
        stray = ids[labels < 0].unique().tolist()
        raise VocabularyError(f"'{path}' holds ids {stray}, which are no ids of this data set")
    return labels


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
