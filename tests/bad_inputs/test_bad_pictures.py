"""Pictures as people bring them: each row is one, and what is said about it, or what it shows.

A bad picture costs itself alone: the others in its list, stream, folder and batch are done.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageSequence

from zeroseg.errors import ImageError
from zeroseg.find_images import find_images
from zeroseg.images import read_image
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.values import Failure

CASES = Path(__file__).parents[1] / "cases"

Zeroseg = Callable[..., Any]


def encoded(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (32, 24), **options: Any
) -> bytes:
    """A picture as bytes of a format."""
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def png_of(width: int, height: int) -> bytes:
    """The header of a PNG of any size, with next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def garbled(content: bytes) -> bytes:
    """The same with the middle overwritten."""
    middle = len(content) // 2
    return content[: middle - 40] + b"\xa5" * 80 + content[middle + 40 :]


CONTENTS = {
    "empty.png": b"",
    "text.jpg": b"this is not a picture",
    "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
    "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "paper.jpg": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "archive.png": b"PK\x03\x04" + b"\0" * 60,
    "object.png": pickle.dumps({"pixels": [1, 2, 3]}),
    "zeros.jpg": bytes(4096),
    "half.jpg": half(encoded("JPEG")),
    "half.png": half(encoded("PNG")),
    "half.webp": half(encoded("WEBP", lossless=True)),
    "half.tif": half(encoded("TIFF")),
    "half.gif": half(encoded("GIF", "P")),
    "half.bmp": half(encoded("BMP")),
    "header.png": encoded("PNG")[:20],
    "garbled.png": garbled(encoded("PNG")),
    "avif.jpg": (CASES / "pictures/damaged_avif_inside.jpg").read_bytes(),
    "bomb.png": png_of(60_000, 60_000),
    "dot.png": encoded("PNG", size=(1, 1)),
    "line.png": encoded("PNG", size=(300, 2)),
    "nan.tif": (CASES / "pictures/float_with_nan.tif").read_bytes(),
    "lfs.jpg": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
}
"""Files that show nothing, by name."""


@pytest.mark.parametrize("name", CONTENTS)
def test_a_bad_file_costs_itself_alone(
    name: str, tmp_path: Path, good: Path, segmenter: ZeroShotSegmenter
) -> None:
    bad = tmp_path / name
    bad.write_bytes(CONTENTS[name])
    with pytest.raises(ImageError):
        read_image(bad)
    with pytest.raises(ImageError):
        segmenter.segment([good, bad])
    first, failed, last = segmenter.stream([good, bad, good])
    assert isinstance(first, Segmentation) and isinstance(last, Segmentation)
    assert isinstance(failed, Failure)
    assert (failed.name, failed.stage) == (str(bad), "reading")
    assert failed.message and "\n" not in failed.message.strip()


def test_a_folder_of_them_is_done_but_for_them(
    tmp_path: Path, config: str, zeroseg: Zeroseg
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    for name in ("a.png", "z.png"):
        (folder / name).write_bytes(encoded("PNG"))
    said = zeroseg("segment", folder, "--model", config, "--output", "out")
    assert said.code == 1
    assert f"2 segmented, {len(CONTENTS)} failed" in said.text
    assert {path.name for path in Path("out").glob("*.json")} == {"a.json", "z.json"}
    said = zeroseg("batch", folder, "archive", "--model", config)
    assert said.code == 1
    assert f"2 segmented, {len(CONTENTS)} failed" in said.text
    rows = pq.read_table("archive/manifest").to_pylist()
    assert {row["name"] for row in rows if row["status"] == "ok"} == {"a.png", "z.png"}
    assert all(row["error"] for row in rows if row["status"] != "ok")


class Unreadable:
    """Something that is no picture, and says so badly."""

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        raise RuntimeError("no array")


def closed() -> Image.Image:
    image = Image.open(io.BytesIO(encoded("PNG")))
    image.close()
    return image


OBJECTS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "a number": lambda: 3.5,
    "a mapping": lambda: {"path": "good.png"},
    "an object": Unreadable,
    "bytes of nothing": lambda: b"",
    "bytes of a text": lambda: b"this is not a picture",
    "half a picture as bytes": lambda: half(encoded("JPEG")),
    "an open file of a text": lambda: io.BytesIO(b"this is not a picture"),
    "a text in a stream": lambda: io.StringIO("good.png"),
    "half a picture, opened lazily": lambda: Image.open(io.BytesIO(half(encoded("PNG")))),
    "a damaged AVIF, opened lazily": lambda: Image.open(CASES / "pictures/damaged_avif_inside.jpg"),
    "a closed picture": closed,
    "an array of floats of no range": lambda: np.full((24, 32, 3), 1.5),
    "an array with nan": lambda: np.full((24, 32, 3), np.nan, np.float32),
    "an array with infinity": lambda: np.full((24, 32), np.inf),
    "a negative array": lambda: np.full((24, 32, 3), -0.5),
    "an array of words": lambda: np.full((24, 32, 3), "x"),
    "an array of objects": lambda: np.full((24, 32, 3), None),
    "an array of complex numbers": lambda: np.zeros((24, 32, 3), complex),
    "an array without pixels": lambda: np.zeros((0, 0, 3), np.uint8),
    "a batch of arrays": lambda: np.zeros((2, 24, 32, 3), np.uint8),
    "a row of numbers": lambda: np.zeros(100, np.uint8),
    "an array of one number": lambda: np.array(7, np.uint8),
    "an array of five channels": lambda: np.zeros((24, 32, 5), np.uint8),
    "a batch of tensors": lambda: torch.zeros(1, 3, 24, 32, dtype=torch.uint8),
    "a tensor of negative floats": lambda: torch.full((3, 24, 32), -1.0),
    "a tensor with channels last": lambda: torch.zeros(24, 32, 3, dtype=torch.uint8),
    "a path that is not there": lambda: "gone.png",
    "an empty path": lambda: "",
    "an over-long path": lambda: "x" * 5000 + ".png",
    "a path with a zero byte": lambda: "a\0b.png",
    "an address": lambda: "https://example.invalid/a.png",
}
"""What people pass in a picture's place."""


@pytest.mark.parametrize("what", OBJECTS)
def test_what_is_no_picture_is_an_image_error(
    what: str, good: Path, segmenter: ZeroShotSegmenter
) -> None:
    with pytest.raises(ImageError) as raised:
        read_image(OBJECTS[what]())
    assert str(raised.value).strip()
    assert len(str(raised.value)) < 1000
    results = list(segmenter.stream([good, OBJECTS[what](), good]))
    assert [type(result) for result in results] == [Segmentation, Failure, Segmentation]


def made(kind: str, path: Path) -> Path:
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a link to nothing":
        path.symlink_to("gone")
    else:
        path.symlink_to(path.name)
    return path


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link to nothing", "a link to itself"])
def test_what_is_no_file_costs_itself_alone(
    kind: str, tmp_path: Path, config: str, segmenter: ZeroShotSegmenter, zeroseg: Zeroseg
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded("PNG"))
    bad = made(kind, folder / "odd.png")
    with pytest.raises(ImageError):
        read_image(bad)
    results = list(segmenter.stream([bad, folder / "a.png"]))
    assert [type(result) for result in results] == [Failure, Segmentation]
    said = zeroseg("segment", folder, "--model", config, "--output", "out")
    assert said.code in (0, 1)
    assert "1 segmented" in said.text
    said = zeroseg("batch", folder, "archive", "--model", config)
    assert said.code in (0, 1)
    assert "1 segmented" in said.text


def ramp(mode: str) -> Image.Image:
    """A picture that gets brighter from left to right, in a mode of floats or deep numbers."""
    values = np.tile(np.linspace(0, 1, 32), (24, 1))
    if mode == "F":
        return Image.fromarray(values.astype(np.float32))
    if mode == "F of 0..255":
        return Image.fromarray((values * 255).astype(np.float32))
    if mode == "I;16":
        return Image.fromarray((values * 65535).astype(np.uint16))
    if mode == "I of 12 bits":
        return Image.fromarray((values * 4095).astype(np.int32))
    return Image.fromarray((values * 255).astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("mode", ["F", "F of 0..255", "I;16", "I of 12 bits", "L", "P", "LA"])
def test_a_ramp_is_a_ramp_or_refused(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "ramp.tif"
    ramp(mode).save(path)
    for source in (path, ramp(mode)):
        if mode in ("F of 0..255", "I of 12 bits"):  # what is white there can only be guessed
            with contextlib.suppress(ImageError):
                assert_ramp(read_image(source))
        else:
            assert_ramp(read_image(source))


def assert_ramp(image: torch.Tensor) -> None:
    grey = image.float().mean(0)[0]
    assert grey[-1] - grey[0] > 200
    assert bool((grey[1:] >= grey[:-1] - 2).all())


def test_frames_are_themselves() -> None:
    with Image.open(CASES / "pictures/three_frames.gif") as image:
        frames = [read_image(frame) for frame in ImageSequence.Iterator(image)]
        assert len(frames) == 3
        assert not torch.equal(frames[0], frames[1])
        image.seek(2)
        assert torch.equal(read_image(image), frames[2])
        assert image.tell() == 2


def test_a_picture_may_come_as_bytes_or_open_file() -> None:
    content = encoded("PNG")
    expected = read_image(Image.open(io.BytesIO(content)))
    assert torch.equal(read_image(content), expected)  # type: ignore[arg-type]
    assert torch.equal(read_image(io.BytesIO(content)), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((24, 32, 3), 200, np.uint8),
        np.full((24, 32), 200, np.uint8),
        np.full((24, 32, 3), 200.0),
        np.full((24, 32, 3), 200 / 255, np.float32),
        np.full((24, 32, 3), 200, np.int64),
        torch.full((3, 24, 32), 200, dtype=torch.uint8),
        torch.full((3, 24, 32), 200.0),
    ],
)
def test_the_same_grey_in_other_numbers(pixels: Any) -> None:
    assert read_image(pixels).unique().tolist() == [200]


def test_broken_orientation_leaves_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xa5" * 40
    path.write_bytes(encoded("JPEG", exif=exif))
    assert tuple(read_image(path).shape) == (3, 24, 32)


@pytest.mark.parametrize(
    "name",
    ["photos [2019]", "x::y", "a*b", "what?", "äöü 日本", "with space", "-dash", "#1", "a%20b"],
)
def test_a_folder_of_any_name_is_a_folder(name: str, config: str, zeroseg: Zeroseg) -> None:
    folder = Path(name)
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded("PNG"))
    said = zeroseg("segment", f"./{name}", "--model", config, "--output", "out")
    assert (said.code, Path("out/a.json").exists()) == (0, True), said.text
    said = zeroseg("batch", f"./{name}", "archive", "--model", config)
    assert said.code == 0, said.text
    assert Path("archive/masks/a.png.png").exists()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", True),
        ("A.JPG", True),
        ("picture.jfif", True),
        ("picture.jpe", True),
        ("picture.ppm", True),
        ("picture.tga", True),
        ("picture.avif", True),
        ("picture.jp2", True),
        ("._a.png", False),
        ("__MACOSX/a.png", False),
        (".ipynb_checkpoints/a-checkpoint.png", False),
        ("Thumbs.db", False),
        ("notes.txt", False),
    ],
)
def test_what_is_a_picture_in_a_folder(name: str, found: bool, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / name).parent.mkdir(parents=True)
    (folder / "other.png").write_bytes(encoded("PNG"))
    (folder / name).write_bytes(encoded("PNG"))
    names = {path.relative_to(folder).as_posix() for path in find_images([folder])}
    assert names == ({name, "other.png"} if found else {"other.png"})


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded("PNG"))
    (folder / "again").symlink_to(folder)
    assert [path.name for path in find_images([folder])] == ["a.png"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("gone", "gone"),
        ("gone/*.png", "gone"),
        ("empty", "no pictures"),
        ("notes", "no pictures"),
        ("**x", r"\*\*x"),
        ("", "no file|no pictures|empty"),
        ("x" * 5000, "no file|too long|cannot be read"),
    ],
)
def test_no_pictures_is_said_before_anything_is_loaded(
    path: str, says: str, zeroseg: Zeroseg
) -> None:
    Path("empty").mkdir()
    Path("notes").mkdir()
    Path("notes/a.txt").write_text("x")
    for command in (("segment", path), ("batch", path, "out")):
        said = zeroseg(*command)
        assert said.code in (1, 2)
        assert re.search(says, said.text), said.text
