"""The doors that read somebody else's files, each a function of the path of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zeroseg.data import open_data
from zeroseg.data.check import check as check_data
from zeroseg.evaluation.prediction_files import PredictionFiles
from zeroseg.images import read_image
from zeroseg.masking.sam import Sam
from zeroseg.presets import check as check_configuration
from zeroseg.presets import load_yaml
from zeroseg.scale.manifest import Manifest
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.vocabulary import Vocabulary


def picture(path: Path) -> None:
    """A picture, by its path and by its bytes."""
    try:
        read_image(path)
    finally:
        read_image(path.read_bytes())


def mask(path: Path) -> None:
    """A mask in a folder of pictures and masks."""
    check_data(open_data("folder", path))


def prediction(path: Path) -> None:
    """A label map of somebody's."""
    data = open_data("folder", _with_masks(path))
    files = PredictionFiles(path / "predictions", data.vocabulary)
    files.segment_samples([data.dataset[i] for i in range(len(data.dataset))])


def coco(path: Path) -> None:
    """An annotation file of COCO."""
    check_data(open_data("coco81", path))


def names(path: Path) -> None:
    """A list of names."""
    check_data(open_data("voc2012", path))


def vocabulary(path: Path) -> None:
    """A list of classes."""
    Vocabulary.parse(str(path))


def configuration(path: Path) -> None:
    """A system as YAML."""
    check_configuration(ZeroShotSegmenter, load_yaml(path))


def manifest(path: Path) -> None:
    """The folder of a run over an archive."""
    output = Manifest(str(path), Vocabulary.parse(["background", "dog"]))
    output.begin({"model": "of tests"})
    output.finished()


def weights(path: Path) -> None:
    """A checkpoint in the hub's layout, or a file of the authors."""
    Sam.from_pretrained(path)


def _with_masks(path: Path) -> Path:
    """The folder with a mask, which it needs to be a data set."""
    (path / "masks").mkdir(exist_ok=True)
    whole = path / "images" / "a.png"
    (path / "masks" / "a.png").write_bytes(whole.read_bytes())
    return path


DOORS: dict[str, Callable[[Path], None]] = {
    "picture": picture,
    "mask": mask,
    "prediction": prediction,
    "coco": coco,
    "list": names,
    "vocabulary": vocabulary,
    "configuration": configuration,
    "manifest": manifest,
    "weights": weights,
    "authors' file": weights,
}
