"""Folders of results: whole, gone on with after a kill, and refused where they hold another run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.video.test_frames import damaged, remuxed
from tests.video.video_parts import PETS, Square, colour_segmenter, film, picture
from zeroseg.errors import OutputError, VideoError, ZerosegError
from zeroseg.testing import noise
from zeroseg.video.frames import VideoFile
from zeroseg.video.video_run import VideoRun

COUNT = 14
FRAMES = [
    picture(Square("dog", 2 + i, 4), *([Square("cat", 40 - i, 28)] if i % 9 != 5 else []))
    for i in range(COUNT)
]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoFile:
    return VideoFile(film(tmp_path_factory.mktemp("video") / "in.mp4", FRAMES))


def results(folder: Path) -> dict[str, Any]:
    """All files of a folder."""
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {name: p.read_bytes() for name, p in files.items()}


def finish(run: VideoRun, video: VideoFile) -> int:
    """Carry a run to its end; how many frames were done on the way."""
    with run.open():
        done = sum(1 for _ in run.segmented(segmenter().video_walk(every=4), video))
        assert sum(1 for _ in run.overlaid(video)) == COUNT
        run.summed_up(complete=True)
    return done


def segmenter() -> Any:
    """One that finds squares in a film, whose colours are not quite theirs."""
    found = colour_segmenter()
    for part in (found.tagger, found.detector):
        original = part.forward
        part.forward = lambda images, *rest, own=original: own([_pure(i) for i in images], *rest)
    return found


def _pure(image: torch.Tensor) -> torch.Tensor:
    """Red and blue as they were before the film was encoded."""
    red, _green, blue = image.int().unbind()
    pure = torch.full_like(image, 127)
    for channel, own in ((0, (red > 180) & (blue < 90)), (2, (blue > 180) & (red < 90))):
        pure[:, own] = 0
        pure[channel, own] = 255
    return pure


@pytest.fixture(scope="module")
def undisturbed(video: VideoFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    assert finish(VideoRun(folder, PETS, {"video": "a"}), video) == COUNT
    return folder


def test_a_folder_holds_all_of_a_video(undisturbed: Path) -> None:
    masks = sorted((undisturbed / "masks").iterdir())
    assert [file.name for file in masks] == [f"{i:06d}.png" for i in range(COUNT)]
    ids = np.asarray(Image.open(masks[3]))
    assert ids[12, 13] == PETS.index("dog") and ids[36, 45] == PETS.index("cat")
    lines = [json.loads(text) for text in (undisturbed / "frames.jsonl").read_text().splitlines()]
    assert [own["frame"] for own in lines] == list(range(COUNT))
    assert [own["time"] for own in lines] == pytest.approx([i / 10 for i in range(COUNT)])
    assert {own["track"] for own in lines[3]["detections"]} == {0, 1}
    summary = json.loads((undisturbed / "tracks.json").read_text())
    assert summary["complete"] and summary["frames"] == COUNT and summary["shots"] == 1
    dog, cat = summary["tracks"]
    assert dog == {"track": 0, "class": "dog", "first": 0, "last": COUNT - 1, "frames": COUNT}
    assert cat["class"] == "cat" and cat["frames"] == COUNT  # frame 5 is filled
    shown = list(VideoFile(undisturbed / "overlay.mp4"))
    assert [own.time for own in shown] == pytest.approx([own["time"] for own in lines])
    assert shown[0].image.shape[1] > 48 and shown[0].image.shape[2] == 64  # a legend beneath
    assert not (undisturbed / "state.pt").exists()


@pytest.mark.parametrize("after", [1, 6, 11])
def test_a_killed_run_goes_on_to_the_same_end(
    video: VideoFile, undisturbed: Path, tmp_path: Path, after: int
) -> None:
    """A kill leaves what is on the disk at that moment, which is what a copy holds."""
    first, left = tmp_path / "first", tmp_path / "left"
    run = VideoRun(first, PETS, {"video": "a"})
    with run.open():
        for result in run.segmented(segmenter().video_walk(every=4), video):
            if result.index == after:
                shutil.copytree(first, left)
                break
    done = finish(VideoRun(left, PETS, {"video": "a"}), video)
    assert done == COUNT - (4 * ((after + 1) // 4) - 1 if after > 2 else 0)
    assert results(left) == results(undisturbed)


def test_another_run_is_refused(undisturbed: Path) -> None:
    def enter(run: VideoRun) -> None:
        with run.open():
            pass

    enter(run := VideoRun(undisturbed, PETS, {"video": "a"}))
    assert run.done
    with pytest.raises(ZerosegError, match=r"another run \(it differs in video\)"):
        enter(VideoRun(undisturbed, PETS, {"video": "b"}))
    with run.open(), pytest.raises(OutputError, match="another run writes to"):
        enter(VideoRun(undisturbed, PETS, {"video": "a"}))


def test_a_state_that_is_damaged_or_no_state_is_told(video: VideoFile, tmp_path: Path) -> None:
    run = VideoRun(tmp_path, PETS, {})
    torch.save({"frame": Path("x")}, tmp_path / "state.pt")  # holds more than a state may
    for content in ((tmp_path / "state.pt").read_bytes(), b"PK nonsense"):
        (tmp_path / "state.pt").write_bytes(content)
        with run.open(), pytest.raises(ZerosegError, match="delete it to begin from the first"):
            next(run.segmented(segmenter().video_walk(), video))


def test_of_a_video_cut_short_what_comes_before_is_kept(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mp4", [noise(48, 64, seed) for seed in range(30)])
    whole = remuxed(whole, tmp_path / "b.mp4", "mp4", movflags="faststart")
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) * 6 // 10])
    run = VideoRun(tmp_path / "out", PETS, {})
    video, done = VideoFile(whole), []
    with run.open():
        with pytest.raises(VideoError, match="damaged or cut short"):
            done.extend(own.index for own in run.segmented(segmenter().video_walk(), video))
        summary = run.summed_up(complete=False)
        assert sum(1 for _ in run.overlaid(video)) == len(done) == summary["frames"] > 0
    assert len(list((tmp_path / "out" / "masks").iterdir())) == len(done)
    assert not run.done


def test_a_lost_frame_is_told_and_has_the_results_of_the_one_before(
    video: VideoFile, tmp_path: Path
) -> None:
    run = VideoRun(tmp_path / "out", PETS, {})
    holed = VideoFile(damaged(video.path, tmp_path / "b.mp4", 9))
    assert run.done is None
    assert finish(run, holed) == COUNT
    assert run.done is not None and 9 in run.done["lost"]
    lines = [json.loads(text) for text in run.lines.read_text().splitlines()]
    assert [own["frame"] for own in lines if "lost" in own] == run.done["lost"]
    assert run.mask(9).read_bytes() == run.mask(8).read_bytes()
