"""What people call first shows how, and the example does what it says.

An example finds `picture.png`, a drawn scene of 128 x 128 pixels, `clip.mp4`, one that moves, and
the folder `scenes` that `zeroseg draw` wrote.
"""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pytest
from PIL import Image

from zeroseg import (
    DescribedImage,
    GroundingDino,
    RamPlus,
    Sam,
    Segmentation,
    Vocabulary,
    ZeroShotSegmenter,
    evaluate,
    read_image,
    rle,
)
from zeroseg.cli.main import main
from zeroseg.comparing import compare_folders, compare_label_maps
from zeroseg.data import DrawnScenes, open_data
from zeroseg.drawn.motion import draw_clip
from zeroseg.drawn.scene import draw_scene
from zeroseg.export import export_results
from zeroseg.importing import import_truth
from zeroseg.metrics import SegmentationScores, TemporalConsistency, count_pixels
from zeroseg.refinement import (
    LexicalPostRefiner,
    LexicalPreRefiner,
    SeenThings,
    seen_vocabulary,
)
from zeroseg.video import VideoFile

SHOWN = (
    ZeroShotSegmenter.from_preset,
    ZeroShotSegmenter.segment,
    ZeroShotSegmenter.stream,
    ZeroShotSegmenter.describe,
    ZeroShotSegmenter.of_what_is_seen,
    DescribedImage.plot,
    ZeroShotSegmenter.variant,
    ZeroShotSegmenter.segment_video,
    Segmentation.plot,
    Segmentation.save,
    Segmentation.instances,
    Segmentation.load,
    export_results,
    import_truth,
    rle.encode,
    Vocabulary.from_names,
    Vocabulary.parse,
    read_image,
    RamPlus,
    GroundingDino,
    Sam,
    LexicalPreRefiner,
    LexicalPostRefiner,
    SeenThings,
    seen_vocabulary,
    DrawnScenes,
    draw_clip,
    VideoFile,
    open_data,
    evaluate,
    SegmentationScores,
    count_pixels,
    TemporalConsistency,
    compare_label_maps,
    compare_folders,
)
"""The entry points that have an example."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture and a data set."""
    folder = tmp_path_factory.mktemp("examples")
    Image.fromarray(draw_scene(7, 4, (128, 128)).image).save(folder / "picture.png")
    command = ["draw", "--count", "2", "--size", "64x64", "--output", str(folder / "scenes")]
    assert main(command) == 0
    moving = ["draw", "--count", "1", "--first", "1", "--seed", "7", "--video", "3"]
    assert main([*moving, "--size", "128x128", "--output", str(folder / "moving")]) == 0
    (folder / "moving/videos/drawn-7-00001.mp4").rename(folder / "clip.mp4")
    return folder


@pytest.mark.parametrize("entry", SHOWN, ids=lambda entry: entry.__qualname__)
def test_example(entry: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    text, name = inspect.getdoc(entry) or "", str(getattr(entry, "__qualname__", entry))
    example = doctest.DocTestParser().get_doctest(text, {}, name, inspect.getsourcefile(entry), 0)
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    doctest.DocTestRunner().run(example, out=said.append)
    assert not said, "".join(said)
