"""Any system, by the label maps it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import LookingAhead
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.metrics.protocol import STANDARD, Protocol, indices_of, resized
from zeroseg.running.stage import Stage
from zeroseg.running.stage_cache import StageCache
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

SUFFIXES = (".png", ".npy", ".mask.png")


class PredictionFiles(BaseSegmenter):
    """Takes the label maps of a data set from a folder, to be scored like any system's.

    A sample's file has its name, as a relative path or as the last part alone, and one of the
    suffixes .png, .npy and .mask.png. A PNG is grey or indexed and holds file ids (the index of a
    palette, never its colour); a .npy is an (H, W) array of whole numbers. A missing or unusable
    file fails alone: its image scores as background, as it does in the published evaluation.

    Args:
        folder: Where the files lie.
        vocabulary: The classes behind the ids.
        protocol: What an id without a class is taken for. A label map of another size than its
            annotation is a failure; under the protocol "paper" it is brought to that size,
            nearest, as in the published evaluation.
        indices: The files hold class indices 0..K-1 instead of ids.

    Raises:
        ZerosegError: There is no such folder, or no label map in it.
    """

    def __init__(
        self,
        folder: str | Path,
        vocabulary: Vocabulary,
        protocol: Protocol = STANDARD,
        indices: bool = False,
    ) -> None:
        super().__init__(vocabulary)
        self.folder, self.protocol, self.indices = Path(folder), protocol, indices
        if not self.folder.is_dir():
            raise ZerosegError(f"there is no folder of predictions '{folder}'")
        if not any(file.name.endswith(SUFFIXES) for file in self.folder.rglob("*")):
            raise ZerosegError(f"'{folder}' holds no label maps: files that end in .png or .npy")
        self.config = {"predictions": str(folder), "indices": indices}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """None: predictions in files are of the pictures of their data set only."""
        return ()

    def segment_samples(
        self, samples: Sequence[Sample] | LookingAhead, cache: StageCache | None = None
    ) -> list[Segmentation | Failure]:
        """Read the label maps of samples."""
        return [self._take(sample) for sample in samples]

    def _take(self, sample: Sample) -> Segmentation | Failure:
        if sample.problem is not None and sample.target is None:
            return Failure(sample.name, "reading", sample.problem)
        try:
            labels = self._read(self._find(sample.name))
            size = (sample.image.shape[1], sample.image.shape[2])
            if tuple(labels.shape) != size:
                labels = self._fit(labels, size)
        except (ImageError, VocabularyError) as error:
            return Failure(sample.name, "reading", str(error))
        return Segmentation(labels, self.vocabulary, sample.image.cpu(), sample.name)

    def _find(self, name: str) -> Path:
        for stem in dict.fromkeys((name, name.rsplit("/", 1)[-1])):
            for suffix in SUFFIXES:
                if (file := self.folder / f"{stem}{suffix}").is_file():
                    return file
        raise ImageError(f"there is no prediction '{self.folder / name}' (.png, .npy)")

    def _read(self, file: Path) -> Tensor:
        ids = torch.from_numpy(_array(file).astype(np.int64))
        if self.indices:
            inside = (ids >= 0) & (ids < len(self.vocabulary))
            table = torch.tensor(self.vocabulary.ids)
            ids = torch.where(inside, table[ids.where(inside, 0)], self.vocabulary.ignore_index)
        return indices_of(ids, self.vocabulary, self.protocol.stray)

    def _fit(self, labels: Tensor, size: tuple[int, int]) -> Tensor:
        if self.protocol is STANDARD:
            raise ImageError(
                f"the prediction is {tuple(labels.shape)}, its annotation {size} (height, width); "
                f"write predictions at full size, or score with --protocol paper (nearest)"
            )
        return resized(labels, size)


def _array(file: Path) -> np.ndarray:
    """The whole numbers of a label map file, (H, W)."""
    try:
        if file.suffix == ".npy":
            array = np.load(file, allow_pickle=False)
        else:
            with Image.open(file) as picture:
                if picture.mode not in ("P", "L", "1", "I", "I;16"):
                    raise ImageError(
                        f"'{file}' is a picture of mode {picture.mode}; a label map is grey or "
                        f"indexed"
                    )
                array = np.asarray(picture)
    except (OSError, ValueError, UnidentifiedImageError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"the prediction '{file}' cannot be read: {error}") from error
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        shape = f"{array.shape} {array.dtype}"
        raise ImageError(f"'{file}' is {shape}, expected whole numbers (height, width)")
    return array
