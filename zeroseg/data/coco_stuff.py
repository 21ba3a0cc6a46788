"""COCO-Stuff: 80 things and 91 kinds of stuff of COCO 2017, as published or as converted."""

from __future__ import annotations

from pathlib import Path

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.coco81 import IMAGE_FOLDERS
from zeroseg.data.coco_maps import MapForm, find_maps, map_samples
from zeroseg.vocabularies import COCO81, COCO_STUFF

_THINGS = [number for number in COCO81.ids if number]
_STUFF = range(92, 183)
_VOID = {255: COCO_STUFF.ignore_index}

_RAW = MapForm(
    "stuffthingmaps",
    "",
    {number - 1: index for index, number in enumerate([*_THINGS, *_STUFF])} | _VOID,
)
"""Published ids less one: those of things have gaps, 91 follows on the last of them."""

_CONVERTED = MapForm(
    "labelTrainIds", "_labelTrainIds", {index: index for index in COCO_STUFF.classes} | _VOID
)


class CocoStuff(BenchmarkData):
    """COCO-Stuff 164k: 171 classes; pixels without one of them have no label.

    The maps are those of stuffthingmaps, or those that MMSegmentation's converter writes. The data
    set does not tell single objects apart.

    Args:
        root: The folder of val2017 (or images/val2017) and of stuffthingmaps or annotations.
        split: "val2017", "train2017", or "test2017", which has no annotation.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: The pictures or the maps are not there.
        ZerosegError: There is no such split.
    """

    def __init__(
        self, root: str | Path, split: str = "val2017", batch_size: int = 8, num_workers: int = 0
    ) -> None:
        known = entry("coco-stuff")
        known.check_split(split)
        place = known.find_root(root, IMAGE_FOLDERS, split)
        folder = place.parent if place.name == "images" else place
        maps = None
        if split not in known.unlabelled:
            maps = find_maps(folder, split, (_CONVERTED, _RAW))
            if maps is None:
                raise known.missing(folder, f"stuffthingmaps/{split}/*.png")
        self.annotation = maps[1].name if maps is not None else "none"
        dataset = map_samples(known, place / split, maps, COCO_STUFF)
        super().__init__(
            known, split, COCO_STUFF, dataset, batch_size, num_workers, COCO_STUFF.classes
        )

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "annotation": self.annotation}
