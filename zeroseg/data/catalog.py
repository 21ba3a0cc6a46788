"""The data sets that zeroseg reads as their owners publish them, and how to come by them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.errors import ImageError, ZerosegError

if TYPE_CHECKING:
    from zeroseg.data.sample_data import SampleData


@dataclass(frozen=True)
class Entry:
    """What is known of a data set before a file of it is at hand.

    Attributes:
        name: What it is called on the command line and in results.
        title: What it is called elsewhere.
        class_path: Its datamodule, built with the root as the first argument.
        sources: Addresses to fetch it from.
        licence: Under which conditions.
        tree: The files below the root.
        sizes: Number of pictures of each split, where the owners publish it.
        split: The split that is scored by default.
        unlabelled: Splits whose annotation is not published.
        paper_options: What the reference evaluation does differently, as arguments of the class.
    """

    name: str
    title: str
    class_path: str
    sources: tuple[str, ...]
    licence: str
    tree: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    split: str = ""
    unlabelled: tuple[str, ...] = ()
    paper_options: Mapping[str, Any] = field(default_factory=dict)

    def how_to_fetch(self) -> str:
        """Addresses, licence and expected tree, several lines."""
        lines = [self.title, *(f"fetch    {source}" for source in self.sources)]
        if self.licence:
            lines.append(f"licence  {self.licence}")
        lines.append("expected")
        lines.extend(f"  {line}" for line in self.tree.splitlines())
        return "\n".join(lines)

    def find_root(self, root: str | Path, folders: Sequence[str], *needed: str) -> Path:
        """The folder at, or a little below, the root in which the data set lies.

        Args:
            root: What the user gave.
            folders: Folders below it to try, besides the root itself.
            *needed: Files and folders that have to be there.

        Raises:
            ImageError: None of these has them all; the message says what was found instead.
        """
        for place in (Path(root), *(Path(root, folder) for folder in folders)):
            if all((place / path).exists() for path in needed):
                return place
        raise self.missing(root, *needed)

    def missing(self, root: str | Path, *needed: str) -> ImageError:
        """The error that something is not below the root, with how to fetch the data set."""
        return ImageError(
            f"no {self.name} at '{root}': expected {' and '.join(needed)}, found "
            f"{_listing(Path(root))}\n\n"
            f"{self.how_to_fetch()}"
        )

    def check_split(self, split: str) -> None:
        """Raise a ZerosegError that lists the splits if this is none of them."""
        known = (*self.sizes, *(name for name in self.unlabelled if name not in self.sizes))
        if split not in known:
            raise ZerosegError(f"{self.name} has no split '{split}'; there are {', '.join(known)}")


def _listing(folder: Path) -> str:
    if not folder.is_dir():
        return "a file" if folder.exists() else "no such folder"
    names = sorted(path.name for path in folder.iterdir())
    more = ", ..." if len(names) > 8 else ""
    return ", ".join(names[:8]) + more if names else "an empty folder"


_VOC2012 = Entry(
    name="voc2012",
    title="PASCAL VOC 2012, segmentation",
    class_path="zeroseg.data.voc2012.Voc2012",
    sources=("http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",),
    licence="pictures under the terms of use of Flickr; see the page of the challenge",
    tree="""\
VOCdevkit/VOC2012/
  ImageSets/Segmentation/val.txt    names, one a line
  JPEGImages/2007_000033.jpg
  SegmentationClass/2007_000033.png    palette PNG of ids, 255 is void
  SegmentationObject/2007_000033.png    palette PNG of objects (optional)""",
    sizes={"train": 1464, "val": 1449, "trainval": 2913},
    split="val",
    unlabelled=("test",),
)

_CITYSCAPES = Entry(
    name="cityscapes",
    title="Cityscapes, fine annotation",
    class_path="zeroseg.data.cityscapes.Cityscapes",
    sources=(
        "https://www.cityscapes-dataset.com/downloads/ after registration: "
        "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip",
    ),
    licence="of its own, for non-commercial research and teaching",
    tree="""\
cityscapes/
  leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit.png
  gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png
  gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_instanceIds.png    (optional)""",
    sizes={"train": 2975, "val": 500, "test": 1525},
    split="val",
    unlabelled=("test",),
    paper_options={"background": True},
)

_COCO81 = Entry(
    name="coco81",
    title="COCO 2017, the 80 things and unlabeled",
    class_path="zeroseg.data.coco81.Coco81",
    sources=(
        "http://images.cocodataset.org/zips/val2017.zip",
        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "or, in place of the second, http://calvin.inf.ed.ac.uk/wp-content/uploads/data/"
        "cocostuffdataset/stuffthingmaps_trainval2017.zip",
    ),
    licence="annotations CC BY 4.0; pictures under the terms of use of Flickr",
    tree="""\
coco/
  val2017/000000000139.jpg    (or images/val2017)
  annotations/instances_val2017.json    (pip install pycocotools)
  stuffthingmaps/val2017/000000000139.png    (or annotations/val2017), in place of the JSON""",
    sizes={"train2017": 118287, "val2017": 5000},
    split="val2017",
    unlabelled=("test2017",),
)

_DRAM = Entry(
    name="dram",
    title="DRAM, Diverse Realism in Art Movements (Cohen et al. 2022)",
    class_path="zeroseg.data.dram.Dram",
    sources=(
        "https://faculty.runi.ac.il/arik/site/artseg/Dram-Dataset.html: "
        "DRAM_processed.zip, which holds a RAR archive",
    ),
    licence="see its page",
    tree="""\
DRAM_processed/
  test/realism.txt    names, one a line, such as realism/ARTIST/PAINTING; one file a movement
  test/realism/ARTIST/PAINTING.jpg
  test/unseen/cubism/ARTIST/PAINTING.jpg
  labels/realism/ARTIST/PAINTING.png    ids of PASCAL VOC; 255 is ignored
  labels/unseen/cubism/ARTIST/PAINTING.png""",
    sizes={"test": 718},
    split="test",
    unlabelled=("train",),
)

_ADE20K = Entry(
    name="ade20k",
    title="ADE20K, the 150 classes of the scene parsing challenge of 2016",
    class_path="zeroseg.data.ade20k.Ade20k",
    sources=("http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip",),
    licence="annotations BSD 3-Clause; pictures for non-commercial research and teaching",
    tree="""\
ADEChallengeData2016/
  images/validation/ADE_val_00000001.jpg
  annotations/validation/ADE_val_00000001.png    ids 1..150, 0 is none of them""",
    sizes={"training": 20210, "validation": 2000},
    split="validation",
    unlabelled=("testing",),
    paper_options={"background": True},
)

_FOLDER = Entry(
    name="folder",
    title="a folder of pictures and masks",
    class_path="zeroseg.data.image_mask_folder.ImageMaskFolder",
    sources=(),
    licence="",
    tree="""\
DIR/
  vocabulary.yaml    classes, their ids and colours
  images/NAME.jpg    any picture
  masks/NAME.png    indexed or grey PNG of ids""",
)

CATALOG = {e.name: e for e in (_VOC2012, _CITYSCAPES, _COCO81, _DRAM, _ADE20K, _FOLDER)}
"""All entries by name."""

NAMES = tuple(CATALOG)
"""Names that `open_data` takes."""


def entry(name: str) -> Entry:
    """The entry of a data set.

    Raises:
        ZerosegError: There is none of this name.
    """
    if name.casefold() not in CATALOG:
        raise ZerosegError(f"there is no data set '{name}'; there are {', '.join(NAMES)}")
    return CATALOG[name.casefold()]


def open_data(
    name: str, root: str | Path, *, protocol: str = "standard", **options: Any
) -> SampleData:
    """Open a data set by its name.

    Args:
        name: One of `NAMES`.
        root: Its folder.
        protocol: How it is scored, "standard" or "paper"; see `zeroseg.metrics.protocol`. Under
            "paper" the classes are those of the published evaluation: Cityscapes has a background.
        **options: Arguments of the data set's class, such as `split` or `batch_size`.

    Raises:
        ZerosegError: The name, the protocol or an option is unknown.
        ImageError: The data set is not there; the message says how to fetch it.

    Example:
        >>> from zeroseg.data import open_data
        >>> data = open_data("folder", "scenes")  # images/, masks/ and vocabulary.yaml
        >>> len(data.dataset)
        2
    """
    from zeroseg.metrics.protocol import PAPER, Protocol

    known, scoring = entry(name), Protocol.parse(protocol)
    if scoring == PAPER:
        options = {**known.paper_options, **options}
    module, _, class_name = known.class_path.rpartition(".")
    build = getattr(importlib.import_module(module), class_name)
    taken = [option for option in inspect.signature(build).parameters if option != "root"]
    stray = [option for option in options if option not in taken]
    if stray:
        raise ZerosegError(f"{known.name} has no option {', '.join(stray)}; it has {taken}")
    data: SampleData = build(root, **options)
    data.protocol = scoring
    return data
