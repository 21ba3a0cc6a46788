"""PASCAL Context with 60, 59 and 459 classes, as the field prepares it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.devkit import Devkit
from zeroseg.data.files import FileSamples, Place, meanings, translate
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Truth
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabularies import CONTEXT60
from zeroseg.vocabulary import Vocabulary


class Context60(BenchmarkData):
    """Background and the 59 commonest classes, as MMSegmentation's converter writes them.

    The data set does not tell single objects apart.

    Args:
        root: VOCdevkit/VOC2010, VOCdevkit, or the folder that holds it.
        split: "val" or "train".
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: The list of the split, or a folder, is not there.
        ZerosegError: There is no such split.
    """

    catalogued: ClassVar[str] = "context60"
    background: ClassVar[bool] = True
    kit: ClassVar[Devkit] = Devkit(
        "VOC2010", "ImageSets/SegmentationContext/{split}.txt", "SegmentationClassContext"
    )

    def __init__(
        self, root: str | Path, split: str = "val", batch_size: int = 8, num_workers: int = 0
    ) -> None:
        known = entry(self.catalogued)
        places, folders = self.kit.places(known, root, split)
        classes = self.classes()
        meaning = meanings(classes, self.background, [classes.ignore_index])
        read = partial(_truth, meaning=meaning, vocabulary=classes)
        scored = None if self.background else classes.classes
        dataset = FileSamples(places, read, folders)
        super().__init__(known, split, classes, dataset, batch_size, num_workers, scored)

    def classes(self) -> Vocabulary:
        """The classes and the ids that the maps hold."""
        return CONTEXT60


class Context59(Context60):
    """The same without the background, whose pixels have no label: what `reduce_zero_label` does.

    Ids of files stay those of the maps, 1..59.
    """

    catalogued = "context59"
    background = False


class Context459(Context60):
    """All 459 classes of `LabelMap`, as CAT-Seg's preparation writes them: TIFF of 16 bits.

    "unknown" is one of the 459 and is scored like the others, as CAT-Seg does.
    """

    catalogued = "context459"
    background = False
    kit = Devkit(
        "VOC2010", "pascalcontext_val.txt", "annotations_detectron2/pc459_val", suffix=".tif"
    )

    def classes(self) -> Vocabulary:
        """The classes and the ids that the maps hold."""
        return Vocabulary.parse("context459")


def _truth(place: Place, stray: Stray, meaning: dict[int, int], vocabulary: Vocabulary) -> Truth:
    return Truth(translate(read_ids(place.mask), meaning, place.mask, vocabulary, stray))
