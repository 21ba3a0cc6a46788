"""Label maps of COCO-Stuff, in the forms in which they are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zeroseg.data.catalog import Entry
from zeroseg.data.files import FileSamples, Place, mask_called, pictures_in, translate
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Truth
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabulary import Vocabulary

_CONVERTED = "TrainIds"
"""How the names of maps end that a converter writes beside the published ones."""


@dataclass(frozen=True)
class MapForm:
    """What the pixels of a map mean, and what it is called.

    Attributes:
        name: In results.
        ending: What follows the name of the picture, before ".png".
        meaning: The class index, or the ignore index, of every value that may occur.
    """

    name: str
    ending: str
    meaning: Mapping[int, int]

    def lies_in(self, folder: Path) -> bool:
        """Whether there is a map of this form."""
        return any(
            path.stem.endswith(_CONVERTED) == bool(self.ending) for path in self._all(folder)
        )

    def _all(self, folder: Path) -> Iterator[Path]:
        yield from folder.glob(f"*{self.ending}.png")
        yield from folder.glob(f"*{self.ending}.PNG")


def find_maps(folder: Path, split: str, forms: Sequence[MapForm]) -> tuple[Path, MapForm] | None:
    """The folder of maps of a split, and which of the forms they have; None if there are none.

    Args:
        folder: Of stuffthingmaps or annotations.
        split: Such as "val2017".
        forms: The first one that is there is taken.
    """
    places = [folder / "stuffthingmaps" / split, folder / "annotations" / split]
    for form in forms:
        for place in filter(Path.is_dir, places):
            if form.lies_in(place):
                return place, form
    return None


def map_samples(
    known: Entry,
    pictures: Path,
    maps: tuple[Path, MapForm] | None,
    vocabulary: Vocabulary,
) -> FileSamples:
    """The pictures of a folder with their maps, or with none.

    Raises:
        ImageError: There are no pictures.
    """
    found = pictures_in(pictures)
    if not found:
        raise known.missing(pictures, "*.jpg")
    if maps is None:
        places = [Place(name, picture) for name, picture in found.items()]
        return FileSamples(places, partial(_truth, meaning={}, vocabulary=vocabulary), [pictures])
    folder, form = maps
    places = [
        Place(name, picture, mask_called(folder / f"{name}{form.ending}"))
        for name, picture in found.items()
    ]
    read = partial(_truth, meaning=form.meaning, vocabulary=vocabulary)
    return FileSamples(places, read, [pictures, folder])


def _truth(place: Place, stray: Stray, meaning: Mapping[int, int], vocabulary: Vocabulary) -> Truth:
    return Truth(translate(read_ids(place.mask), meaning, place.mask, vocabulary, stray))
