"""`zeroseg video`: from a file to a folder that holds all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from tests.cli.conftest import content
from tests.video.test_frames import remuxed
from tests.video.video_parts import film
from zeroseg.cli.main import main
from zeroseg.testing import noise
from zeroseg.video import video_run
from zeroseg.video.frames import VideoFile


@pytest.fixture
def model() -> str:
    Path("model.yaml").write_text(yaml.safe_dump(content()))
    return "model.yaml"


def video(*words: str) -> int:
    return main(["video", *words, "--model", "model.yaml", "--device", "cpu"])


def frames(count: int = 9) -> list[torch.Tensor]:
    return [noise(48, 64).roll(i, 2) for i in range(count)]


def test_a_video_becomes_masks_tracks_and_an_overlay(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    film(Path("in.mp4"), frames())
    assert video("in.mp4", "out", "--every", "4", "--json") == 0
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [own["picture"] for own in lines] == [f"{i:06d}" for i in range(9)]
    assert [own["key"] for own in lines] == [i % 4 == 0 for i in range(9)]
    assert lines[4]["tracks"] == [0, 1] and set(lines[4]["classes"]) == {"dog", "boat"}
    assert "9 frames, 2 tracks" in told.err
    assert len(list(Path("out/masks").iterdir())) == 9
    assert len(list(VideoFile("out/overlay.mp4"))) == 9
    assert video("in.mp4", "out", "--every", "4") == 0
    assert "all is done" in capsys.readouterr().out
    assert video("in.mp4", "out", "--every", "5") == 2
    assert "it differs in every" in capsys.readouterr().err


def test_of_a_damaged_video_frames_are_lost_and_the_others_done(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = film(Path("in.mp4"), [noise(48, 64, seed) for seed in range(30)])
    data = bytearray(whole.read_bytes())
    middle = data.index(b"mdat") + len(data) // 2
    data[middle : middle + 2000] = b"\xff" * 2000
    whole.write_bytes(data)
    assert video("in.mp4", "out", "--json") == 1
    told = capsys.readouterr()
    lost = json.loads(Path("out/tracks.json").read_text())["lost"]
    assert f"failed: frame {lost[0]} (counted from 0) cannot be decoded" in told.err
    assert f"{len(lost)} frames that could not be decoded" in told.err
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [int(own["picture"]) for own in lines if own["status"] == "failed"] == lost
    assert len(lines) == len(list(Path("out/masks").iterdir())) == 30
    assert video("in.mp4", "out") == 1
    assert f"all is done, but {len(lost)} frames" in capsys.readouterr().out


def test_of_a_video_cut_short_the_part_before_is_done(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = film(Path("a.mp4"), [noise(48, 64, seed) for seed in range(30)])
    content = remuxed(whole, Path("in.mp4"), "mp4", movflags="faststart").read_bytes()
    Path("in.mp4").write_bytes(content[: len(content) * 6 // 10])
    assert video("in.mp4", "out") == 1
    told = capsys.readouterr()
    assert "it is damaged or cut short" in told.err and "before it is done" in told.err
    done = len(list(Path("out/masks").iterdir()))
    assert 0 < done == len(list(VideoFile("out/overlay.mp4"))) < 30
    assert not json.loads(Path("out/tracks.json").read_text())["complete"]
    assert video("in.mp4", "out") == 1  # tried again, from the last keyframe


def test_a_run_that_ends_while_the_overlay_is_drawn_goes_on(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(Path("in.mp4"), frames())
    with monkeypatch.context() as patch:
        patch.setattr(video_run, "write_film", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            video("in.mp4", "out", "--every", "4")
    assert not json.loads(Path("out/tracks.json").read_text())["complete"]
    assert video("in.mp4", "out", "--every", "4") == 0
    assert len(list(VideoFile("out/overlay.mp4"))) == 9
    assert not Path("out/state.pt").exists()


def test_a_folder_of_pictures_is_a_video(model: str) -> None:
    assert main(["draw", "--count", "3", "--size", "64x48", "--output", "drawn"]) == 0
    assert video("drawn/images", "out", "--rate", "5") == 0
    lines = Path("out/frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["time"] for line in lines] == [0, 0.2, 0.4]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.mp4", "out"], "there is no video file 'none.mp4'"),
        (["model.yaml", "out"], "cannot be opened as a video"),
        (["empty", "out"], "empty"),
        (["in.mp4", "out", "--carry", "memory"], "BoxMasks has no memory of video"),
        (["in.mp4", "out", "--rate", "5"], "knows its own times"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is(
    model: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    film(Path("in.mp4"), frames(2))
    assert video(*words) == 2
    assert message in capsys.readouterr().err
    assert not Path("out/frames.jsonl").exists()


def test_a_system_without_a_detector_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    film(Path("in.mp4"), frames(2))
    nothing = {"class_path": "cli_parts.Nothing", "vocabulary": "drawn"}
    Path("model.yaml").write_text(yaml.safe_dump(nothing))
    assert video("in.mp4", "out") == 2
    assert "has no detector whose findings could be followed" in capsys.readouterr().err
