"""Any folder of pictures and masks as a data set."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from zeroseg.data.files import FileSamples, Place, translate
from zeroseg.data.masks import read_ids
from zeroseg.data.names import sample_names
from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import SampleData
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.find_images import search
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabulary import Vocabulary

_SHOWN = 3
"""Pictures that an error lists."""

_NAMED = 8
"""Classes that one lists."""


def read_mask(
    path: Path | None,
    written: Vocabulary,
    stray: Stray = "refuse",
    classes: Vocabulary | None = None,
) -> Tensor:
    """A mask file of ids, indexed or grey, as (H, W) int64 class indices.

    Args:
        path: The file.
        written: What its ids mean.
        stray: What other ids are taken for; see `translate`.
        classes: What the indices are of, by name; by default `written`.

    Raises:
        ImageError: The file is missing, cannot be read, or is no mask.
        VocabularyError: It holds ids that no class has, and `stray` is "refuse".
    """
    classes = classes or written
    named = range(len(written)) if classes is written else classes.by_name(written)
    meaning = {number: i for number, i in zip(written.ids, named, strict=True) if i is not None}
    meaning[written.ignore_index] = classes.ignore_index
    return translate(read_ids(path), meaning, path, classes, stray)


class ImageMaskFolder(SampleData):
    """Pictures in `images`, masks of the same names in `masks`, classes in `vocabulary.yaml`.

    `zeroseg draw` writes such folders. Masks are PNG files of ids, indexed or grey, of 1 to 16
    bits; those that are the vocabulary's ignore index have no label. The mask of `images/x.jpg` is
    `masks/x.png`, or `masks/x.jpg.png` where there is another picture x; upper and lower case may
    differ. A file that is missing or cannot be read becomes the `problem` of its sample.

    Args:
        root: The folder.
        vocabulary: The classes of the truth; by default those of the folder's own file. Where there
            is one, it says what the ids mean, and its classes become those of the same name.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures, none of them has a mask, or two that differ by their
            suffix only would have the same mask.
        VocabularyError: There is no vocabulary, it is damaged, or `vocabulary` lacks classes of it.
    """

    def __init__(
        self,
        root: str | Path,
        vocabulary: Vocabulary | str | list[str] | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        root = Path(root)
        there = vocabulary is None or _file_of(root).is_file()
        written = _vocabulary_of(root) if there else Vocabulary.parse(vocabulary or "")
        classes = written if vocabulary is None else Vocabulary.parse(vocabulary)
        _check_names(written, classes, root)
        found = search(root / "images")
        pictures = found.files
        files = [picture.relative_to(root / "images").as_posix() for picture in pictures]
        masks = _masks_of(files, root)
        places = [
            Place(name, picture, mask)
            for name, picture, mask in zip(sample_names(files), pictures, masks, strict=True)
        ]
        truth = partial(_truth, written=written, classes=classes)
        folders = [root, root / "images", root / "masks"]
        dataset = FileSamples(places, truth, folders, turn=True)
        super().__init__(classes, dataset, batch_size, num_workers)
        self.title = root.resolve().name
        self.notes = found.notes


def _file_of(root: Path) -> Path:
    return root / "vocabulary.yaml"


def _vocabulary_of(root: Path) -> Vocabulary:
    file = _file_of(root)
    try:
        return Vocabulary.parse(str(file))
    except VocabularyError as error:
        if str(file) in str(error):
            raise
        raise VocabularyError(f"'{file}': {error}") from error


def _check_names(written: Vocabulary, classes: Vocabulary, root: Path) -> None:
    """Refuse classes that lack some of what the masks hold."""
    named = classes.by_name(written)
    lacking = [name for name, index in zip(written.names, named, strict=True) if index is None]
    if lacking:
        more = " and more" if len(lacking) > _NAMED else ""
        raise VocabularyError(
            f"'{_file_of(root)}' says that the masks hold {', '.join(lacking[:_NAMED])}{more}, "
            f"which is no class of the vocabulary '{classes.name}' that was given; leave --labels "
            f"and --vocabulary out, or name all of the folder's classes"
        )


def _truth(place: Place, stray: Stray, written: Vocabulary, classes: Vocabulary) -> Truth:
    return Truth(read_mask(place.mask, written, stray, classes))


def _masks_of(files: Sequence[str], root: Path) -> list[Path]:
    """The mask of every picture; where it should be, if it is not there."""
    folder = root / "masks"
    masks = [_mask_of(file, folder) for file in files]
    if None in masks:
        folded = _by_folded(folder)
        keys = [[wanted.casefold() for wanted in _wanted(file)] for file in files]
        masks = [
            mask or next((folded[key] for key in either if key in folded), None)
            for either, mask in zip(keys, masks, strict=True)
        ]
    if not any(masks):
        raise ImageError(
            f"none of {len(files)} pictures has a mask of its name in '{folder}': "
            f"{', '.join(files[:_SHOWN])}, ..."
        )
    named = [mask or folder / _wanted(f)[-1] for f, mask in zip(files, masks, strict=True)]
    _refuse_shared(files, named, root)
    return named


def _wanted(file: str) -> tuple[str, str]:
    """What the mask of a picture may be called."""
    return f"{file}.png", f"{os.path.splitext(file)[0]}.png"


def _mask_of(file: str, folder: Path) -> Path | None:
    places = (folder / wanted for wanted in _wanted(file))
    return next((place for place in places if place.is_file()), None)


def _by_folded(folder: Path) -> dict[str, Path]:
    """The masks of a folder by their paths in lower case, where that is one only."""
    found = list(folder.rglob("*.[pP][nN][gG]"))
    folded = [path.relative_to(folder).as_posix().casefold() for path in found]
    counts = Counter(folded)
    return {name: path for name, path in zip(folded, found, strict=True) if counts[name] == 1}


def _refuse_shared(files: Sequence[str], masks: Sequence[Path], root: Path) -> None:
    [(mask, count)] = Counter(masks).most_common(1)
    if count > 1:
        twins = [file for file, own in zip(files, masks, strict=True) if own == mask]
        called = os.path.splitext(mask.relative_to(root / "masks").as_posix())[0]
        raise ImageError(
            f"several pictures in '{root / 'images'}' are called {called}: "
            f"{', '.join(twins[:_SHOWN])}; call their masks {twins[0]}.png and so on, or the "
            f"pictures differently"
        )
