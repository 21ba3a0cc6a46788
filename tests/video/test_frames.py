"""Videos as they come: their times, turned ones, and bad ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tests.video.video_parts import Square, film, picture
from zeroseg.errors import ImageError, PackageNotFound, VideoError
from zeroseg.testing import noise
from zeroseg.video.frames import Pictures, VideoFile, frames_of

RICH = [noise(48, 64, seed) for seed in range(40)]
MOVING = [picture(Square("dog", 2 * i, 10)) for i in range(12)]


def remuxed(source: Path, target: Path, kind: str, **options: Any) -> Path:
    """The same stream in another container; `rotation` in degrees, `movflags`."""
    rotation = options.pop("rotation", None)
    with av.open(str(source)) as own, av.open(str(target), "w", kind, options=options) as other:
        stream = other.add_stream_from_template(own.streams.video[0])
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for packet in own.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                other.mux(packet)
    return target


def test_frames_come_back_in_order_with_their_times(tmp_path: Path) -> None:
    video = VideoFile(film(tmp_path / "a.mp4", MOVING))
    assert (video.count, video.rate) == (12, 10)
    found = list(video)
    assert [own.index for own in found] == list(range(12))
    assert [own.time for own in found] == pytest.approx([i / 10 for i in range(12)])
    for own, image in zip(found, MOVING, strict=True):
        assert own.image.shape == image.shape and own.image.dtype == torch.uint8
        assert (own.image.float() - image.float()).abs().mean() < 6  # lossy
    assert torch.equal(found[3].image, list(video)[3].image)


def test_a_rate_that_varies_is_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.54, 1.75]
    video = VideoFile(film(tmp_path / "a.mp4", MOVING[:5], times))
    assert [own.time for own in video] == pytest.approx(times, abs=1e-3)


def test_odd_sides_get_one_more_row_and_column(tmp_path: Path) -> None:
    [own] = VideoFile(film(tmp_path / "a.mp4", [picture(size=(33, 47))]))
    assert own.image.shape == (3, 34, 48)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (180, 2), (-90, 3)])
def test_a_video_on_its_side_comes_upright(tmp_path: Path, degrees: int, quarters: int) -> None:
    source = film(tmp_path / "a.mp4", [picture(Square("dog", 4, 20), Square("cat", 40, 4))])
    [turned] = VideoFile(remuxed(source, tmp_path / "b.mp4", "mp4", rotation=degrees))
    [plain] = VideoFile(source)
    expected = np.rot90(plain.image.permute(1, 2, 0).numpy(), quarters)
    assert np.array_equal(turned.image.permute(1, 2, 0).numpy(), expected)


def test_another_angle_is_refused(tmp_path: Path) -> None:
    source = remuxed(film(tmp_path / "a.mp4", MOVING[:2]), tmp_path / "b.mp4", "mp4", rotation=30)
    with pytest.raises(VideoError, match=r"frame 0 .*\d+ degrees; only right angles"):
        list(VideoFile(source))


@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_of_a_video_cut_short_the_frames_before_come_first(tmp_path: Path, kind: str) -> None:
    flags = {"movflags": "faststart"} if kind == "mp4" else {}
    whole = remuxed(film(tmp_path / "a.mp4", RICH), tmp_path / "b", kind, **flags)
    content = whole.read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) * 6 // 10])
    assert len(list(VideoFile(whole))) == len(RICH)
    came: list[int] = []
    with pytest.raises(VideoError, match="damaged or cut short"):
        came.extend(own.index for own in VideoFile(tmp_path / "cut"))
    assert 0 < len(came) < len(RICH)


def test_damage_within_is_told_with_its_frame(tmp_path: Path) -> None:
    content = bytearray(film(tmp_path / "a.mp4", RICH).read_bytes())
    start = content.index(b"mdat")
    length = int.from_bytes(content[start - 4 : start], "big")
    for place in range(start + length // 2, start + length // 2 + 2000):
        content[place] = 255
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(VideoError, match=r"'.*a\.mp4' is damaged or cut short: frame \d+"):
        list(VideoFile(tmp_path / "a.mp4"))


def text(path: Path) -> None:
    path.write_text("no video at all\n" * 50)


def sound(path: Path) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        samples.sample_rate = 8000
        container.mux(stream.encode(samples))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no video file"),
        (lambda path: path.touch(), "cannot be opened as a video"),
        (text, "cannot be opened as a video"),
        (sound, "holds no video"),
    ],
    ids=["missing", "empty", "text", "sound"],
)
def test_what_is_no_video_is_told(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=message):
        VideoFile(tmp_path / "a.mp4")


def test_without_pyav_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(PackageNotFound, match=r'pip install "zeroseg\[video\]"'):
        VideoFile(tmp_path / "a.mp4")


def test_pictures_are_frames_at_a_rate(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(MOVING[0].permute(1, 2, 0).numpy()).save(file)
    found = list(frames_of([file, MOVING[1], MOVING[2].permute(1, 2, 0).numpy()], rate=4))
    assert [own.time for own in found] == [0, 0.25, 0.5]
    assert all(torch.equal(own.image, MOVING[own.index]) for own in found)


def test_bad_sequences_of_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"frame 1 .*is 32 x 40 pixels, those before it 64 x 48"):
        list(Pictures([picture(), picture(size=(40, 32))]))
    with pytest.raises(ImageError, match="no file of that name"):
        list(Pictures([picture(), tmp_path / "none.png"]))
    with pytest.raises(VideoError, match="above 0"):
        Pictures([], rate=0)
    with pytest.raises(VideoError, match="knows its own times"):
        frames_of(film(tmp_path / "a.mp4", MOVING[:1]), rate=5)
