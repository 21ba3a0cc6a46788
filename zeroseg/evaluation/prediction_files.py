"""Any system, by the label maps it wrote."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import LookingAhead
from zeroseg.decoding import decoded
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.find_images import SUFFIXES as PICTURES
from zeroseg.images import read_file
from zeroseg.metrics.protocol import STANDARD, UNLISTED, Protocol, indices_of, resized
from zeroseg.regular_file import inside
from zeroseg.reviewed import Reviewed, fingerprint, review_files
from zeroseg.running.in_flight import Job
from zeroseg.running.stage import Stage
from zeroseg.running.stage_cache import StageCache
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

SUFFIXES = (".png", ".npy")
"""Files that are read, in lower or upper case."""

_MASK = ".mask"
"""What `zeroseg segment` adds to the name of a label map."""

_WRITTEN = ("masks", "predictions")
"""Folders of label maps whose parent says what they hold."""

_TAILS = (*PICTURES, "_leftImg8bit", "_gtFine_labelIds", "_pred")
_TAILED = re.compile(f"(.+)({'|'.join(map(re.escape, _TAILS))})", re.IGNORECASE)
"""A picture's name, and what its own suffix, Cityscapes and other programs add to it."""


class PredictionFiles(BaseSegmenter):
    """Takes the label maps of a data set from a folder, to be scored like any system's.

    A sample's file has its name, as a relative path or as the last part alone, and the suffix .png
    or .npy. Before it, .mask may stand (which goes before a file without), or the picture's own
    suffix, _leftImg8bit, _gtFine_labelIds or _pred. A PNG is grey or indexed and holds file ids
    (the index of a palette, never its colour); a .npy is an (H, W) array of whole numbers. What
    files say of themselves is believed: the NAME.json of `zeroseg segment` beside them, a run.json
    of `zeroseg batch` or `test`, a vocabulary.yaml; their classes are ours of the same name. A
    missing or unusable file fails alone, and so does one of several that may be meant: its image
    scores as background, as in the reference.

    Args:
        folder: Where the files lie.
        vocabulary: The classes behind the ids.
        protocol: What an id without a class is taken for. A label map of another size than its
            annotation is a failure; under the protocol "paper" it is brought to that size,
            nearest, as in the reference.
        indices: The files hold class indices 0..K-1 instead of ids.
        names: All names of the data set. A last part that several of them share means none.
        corrected: Where a person corrected a result (`zeroseg.reviewed`), take that map. Whether
            it was accepted or rejected is not asked: rejecting a result makes no pixel right.

    Raises:
        ZerosegError: There is no such folder, or no label map in it.
    """

    def __init__(
        self,
        folder: str | Path,
        vocabulary: Vocabulary,
        protocol: Protocol = STANDARD,
        indices: bool = False,
        names: Collection[str] = (),
        corrected: bool = False,
    ) -> None:
        super().__init__(vocabulary)
        self.folder, self.protocol, self.indices = Path(folder), protocol, indices
        if not self.folder.is_dir():
            raise ZerosegError(f"there is no folder of predictions '{folder}'")
        if not any(_is_read(file) for file in self.folder.rglob("*")):
            raise ZerosegError(f"'{folder}' holds no label maps: files that end in .png or .npy")
        self.corrected = corrected
        more = {"corrected": True} if corrected else {}
        self.config = {"predictions": str(folder), "indices": indices, **more}
        last_parts = Counter(_last_part(name) for name in names)
        self._shared = {part for part, count in last_parts.items() if count > 1}
        self._told = _told_of(self.folder)
        self._listings: dict[Path, dict[str, dict[int, list[Path]]]] = {}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """None: predictions in files are of the pictures of their data set only."""
        return ()

    def begin(self, images: Sequence[Tensor], names: Sequence[str] | None = None) -> Job:
        """Refuse pictures of nobody knows where.

        Raises:
            ZerosegError: Always.
        """
        raise ZerosegError("predictions in files are of the pictures of their data set only")

    def segment_samples(
        self, samples: Sequence[Sample] | LookingAhead, cache: StageCache | None = None
    ) -> list[Segmentation | Failure]:
        """Read the label maps of samples."""
        return [self._take(sample) for sample in samples]

    def _take(self, sample: Sample) -> Segmentation | Failure:
        if sample.problem is not None:
            return Failure(sample.name, "reading", sample.problem)
        try:
            labels = self._read(self._find(sample.name))
            size = (sample.image.shape[1], sample.image.shape[2])
            if tuple(labels.shape) != size:
                labels = self._fit(labels, size)
        except (ImageError, VocabularyError) as error:
            return Failure(sample.name, "reading", str(error))
        return Segmentation(labels, self.vocabulary, sample.image.cpu(), sample.name)

    def files(self, name: str) -> Sequence[Path]:
        """The label map of a sample, if there is one, and what says what it means."""
        try:
            file = self._find(name)
            others = [
                _json_of(file),
                *(map(Path, review_files(str(file))) if self.corrected else ()),
            ]
            return [file, *filter(Path.is_file, others)]
        except ImageError:
            return []

    def _find(self, name: str) -> Path:
        last = _last_part(name)
        unread: list[Path] = []
        for place in dict.fromkeys((self.folder / name, self.folder / last)):
            files = self._files(place)
            maps = [file for file in files if _is_read(file)]
            if maps and place != self.folder / name and last in self._shared:
                raise ImageError(f"'{maps[0]}' may be of several pictures that are called {last}")
            if len(maps) > 1:
                found = ", ".join(f"'{file}'" for file in sorted(maps))
                raise ImageError(f"there are several predictions, {found}; keep one")
            if maps:
                return inside(maps[0], self.folder)
            unread += files
        instead = f", but '{unread[0]}', which is not read" if unread else ""
        raise ImageError(f"there is no prediction '{self.folder / name}' (.png, .npy){instead}")

    def _files(self, place: Path) -> list[Path]:
        """The files meant by a path without suffix: the nearest, or any if none is read."""
        if place.parent not in self._listings:
            self._listings[place.parent] = _listing(place.parent)
        found = self._listings[place.parent].get(place.name, {})
        read = (files for _, files in sorted(found.items()) if any(map(_is_read, files)))
        return next(read, [file for files in found.values() for file in files])

    def _read(self, file: Path) -> Tensor:
        ids = _array(file) if file.suffix.lower() == ".npy" else read_ids(file, "prediction")
        ids = _corrected(file, ids) if self.corrected else ids
        written = _told(_json_of(file)) or self._told or self.vocabulary
        if self.indices:
            inside = (ids >= 0) & (ids < len(written))
            self._check_indices(ids[~inside], written)
            table = torch.tensor(written.ids)
            ids = torch.where(inside, table[ids.where(inside, 0)], written.ignore_index)
        labels = indices_of(ids, written, self.protocol.stray)
        return labels if written == self.vocabulary else self._translated(labels, written)

    def _translated(self, labels: Tensor, written: Vocabulary) -> Tensor:
        """Class indices of the vocabulary that files were written in, as those of this one."""
        found = self.vocabulary.by_name(written)
        table = torch.tensor([UNLISTED if index is None else index for index in found])
        inside = labels >= 0
        translated = labels.where(~inside, table[labels.where(inside, 0)])
        lost = labels[inside & (translated == UNLISTED)].unique().tolist()
        if lost and self.protocol.stray == "refuse":
            names = ", ".join(written.names[index] for index in lost[:10])
            raise VocabularyError(f"it holds {names}, which the data set is not labelled with")
        return translated

    def _check_indices(self, others: Tensor, written: Vocabulary) -> None:
        """Refuse what is neither a class index nor a way to say none: -1, the ignore index."""
        stray = others[(others != -1) & (others != written.ignore_index)]
        if stray.numel() and self.protocol.stray == "refuse":
            found = ", ".join(map(str, stray.unique().tolist()[:10]))
            raise VocabularyError(
                f"{found} is no class index 0..{len(written) - 1}; are these ids? Then "
                f"leave out --indices"
            )

    def _fit(self, labels: Tensor, size: tuple[int, int]) -> Tensor:
        if self.protocol is STANDARD:
            raise ImageError(
                f"the prediction is {tuple(labels.shape)}, its annotation {size} (height, width); "
                f"write predictions at full size, or score with --protocol paper (nearest)"
            )
        return resized(labels, size)


def _corrected(file: Path, ids: Tensor) -> Tensor:
    """What a person made of a label map; itself where nobody did.

    Raises:
        ImageError: The files of its review are damaged, or of another label map.
    """
    review, corrected = map(Path, review_files(str(file)))
    if not review.is_file():
        return ids
    told = Reviewed.read(read_file(review), review.name)
    told.check_before(fingerprint(ids), review.name)
    ids = read_ids(corrected, "corrected map")
    told.check_after(fingerprint(ids), review.name)
    return ids


def _json_of(file: Path) -> Path:
    """What `zeroseg segment` writes beside a label map."""
    return file.with_name(f"{file.stem.removesuffix(_MASK)}.json")


def _told_of(folder: Path) -> Vocabulary | None:
    """The classes that all files of a folder are in, where zeroseg wrote it."""
    parents = [folder.resolve().parent] if folder.resolve().name in _WRITTEN else []
    for place in (folder, *parents):
        if (found := _told(place / "run.json")) is not None:
            return found
        if (place / "vocabulary.yaml").is_file():
            return Vocabulary.from_yaml(place / "vocabulary.yaml")
    return None


def _told(file: Path) -> Vocabulary | None:
    """The classes that a JSON file tells; None where there is none, or it is of another program."""
    try:
        content = json.loads(decoded(file.read_bytes()))
    except (OSError, ValueError):
        return None
    told = content.get("vocabulary") if isinstance(content, dict) else None
    return Vocabulary.from_dict(told) if isinstance(told, dict) else None


def _is_read(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith("._")


def _last_part(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _listing(folder: Path) -> dict[str, dict[int, list[Path]]]:
    """The files of a folder by every name that each may be meant by, and how far it is from it."""
    found: dict[str, dict[int, list[Path]]] = {}
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ImageError(f"'{folder}' cannot be read: {error.strerror}") from error
    for file in files:
        for name, distance in _meant(file.stem):
            found.setdefault(name, {}).setdefault(distance, []).append(file)
    return found


def _meant(stem: str) -> Iterator[tuple[str, int]]:
    """The names that a file may be meant by: at 0 without .mask, at 1 its own, at 2 the shorter."""
    yield stem, 1
    if stem.endswith(_MASK):
        stem = stem.removesuffix(_MASK)
        yield stem, 0
    while (match := _TAILED.fullmatch(stem)) is not None:
        stem = match[1]
        yield stem, 2


def _array(file: Path) -> Tensor:
    """The whole numbers of a .npy file, (H, W) int64; one more side of length 1 is left out."""
    try:
        array = np.load(file, allow_pickle=False)
    except Exception as error:  # whatever is wrong with a file is a problem of this one alone
        said = str(error) or type(error).__name__
        raise ImageError(f"the prediction '{file}' cannot be read: {said}") from error
    if not isinstance(array, np.ndarray):
        raise ImageError(f"'{file}' is an archive of arrays; save each by numpy.save")
    shape = f"{array.shape} {array.dtype}"
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array[0] if array.shape[0] == 1 else array[:, :, 0]
    if array.ndim != 2 or not (np.issubdtype(array.dtype, np.integer) or array.dtype == bool):
        raise ImageError(
            f"'{file}' is {shape}, expected whole numbers (height, width): ids, such as "
            f"scores.argmax(0) or array.astype('uint8') gives"
        )
    if not array.size:
        raise ImageError(f"'{file}' is {shape}: it holds no pixel")
    if array.max() > np.iinfo(np.int64).max:
        raise ImageError(f"'{file}' holds {array.max()}, which is no id")
    return torch.from_numpy(array.astype(np.int64))
