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
from zeroseg.errors import PackageNotFound, VideoError
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


def damaged(source: Path, target: Path, *numbers: int) -> Path:
    """The same stream, the packets of some frames without sense."""
    with av.open(str(source)) as own, av.open(str(target), "w", "mp4") as other:
        stream = other.add_stream_from_template(own.streams.video[0])
        packets = [packet for packet in own.demux(video=0) if packet.dts is not None]
        shown = sorted(packet.pts for packet in packets)
        for packet in packets:
            if shown.index(packet.pts) in numbers:
                spoilt = av.Packet(b"\xff" * packet.size)
                spoilt.pts, spoilt.dts, spoilt.time_base = packet.pts, packet.dts, packet.time_base
                spoilt.is_keyframe, packet = packet.is_keyframe, spoilt
            packet.stream = stream
            other.mux(packet)
    return target


@pytest.mark.parametrize("numbers", [(17,), (20, 21, 39)])
def test_a_frame_that_cannot_be_decoded_is_lost_and_the_others_go_on(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    whole = film(tmp_path / "a.mp4", RICH)
    expected = list(VideoFile(whole))
    found = list(VideoFile(damaged(whole, tmp_path / "b.mp4", *numbers)))
    assert [own.index for own in found] == list(range(len(RICH)))
    assert [own.time for own in found] == [own.time for own in expected]
    lost = [own.index for own in found if own.lost]
    assert lost == list(numbers)
    assert "Invalid data" in found[numbers[0]].lost
    for number in lost:
        assert torch.equal(found[number].image, found[number - 1].image)
    others = set(range(len(RICH))) - set(lost)  # each by itself, as noise is
    assert all(torch.equal(found[i].image, expected[i].image) for i in others)


def test_a_video_without_a_whole_frame_is_refused(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mp4", MOVING[:3])
    with pytest.raises(VideoError, match="holds no frame that can be read: Invalid data"):
        list(VideoFile(damaged(whole, tmp_path / "b.mp4", 0, 1, 2)))


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
    none = tmp_path / "none.png"
    found = list(Pictures([none, none, picture(), none]))
    assert [bool(own.lost) for own in found] == [True, True, False, True]
    assert all(torch.equal(own.image, picture()) for own in found)
    with pytest.raises(VideoError, match=r"no frame that can be read: .*no file of that name"):
        list(Pictures([none]))
    with pytest.raises(VideoError, match="above 0"):
        Pictures([], rate=0)
    with pytest.raises(VideoError, match="knows its own times"):
        frames_of(film(tmp_path / "a.mp4", MOVING[:1]), rate=5)
