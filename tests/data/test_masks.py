"""Mask files of every depth, and what is none."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.data.masks import MissingMask, read_ids
from zeroseg.errors import ImageError

CASES = Path(__file__).parents[1] / "cases" / "masks"


def grey_png(path: Path, depth: int, rows: list[list[int]]) -> None:
    """A grey PNG of 1, 2, 4 or 8 bits, which Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    def packed(row: list[int]) -> bytes:
        bits = "".join(f"{value:0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, 0, 0, 0, 0)
    lines = zlib.compress(b"".join(b"\0" + packed(row) for row in rows))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def test_the_one_bit_mask_is_ids() -> None:
    ids = read_ids(CASES / "one_bit.png")
    assert (ids.dtype, tuple(ids.shape)) == (torch.int64, (40, 60))
    assert torch.bincount(ids.flatten()).tolist() == [40 * 60 - 780, 780]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_of_few_bits_is_not_spread(tmp_path: Path, depth: int) -> None:
    highest = 2**depth - 1
    rows = [[0, 1, highest], [highest, 0, 1]]
    grey_png(tmp_path / "x.png", depth, rows)
    assert read_ids(tmp_path / "x.png").tolist() == rows


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_is_its_indices(tmp_path: Path, bits: int) -> None:
    rows = [[0, 1, 2**bits - 1]]
    picture = Image.fromarray(np.array(rows, np.uint8))
    picture.putpalette([200, 100, 0] * 2**bits)
    picture.save(tmp_path / "x.png", bits=bits)
    assert read_ids(tmp_path / "x.png").tolist() == rows


@pytest.mark.parametrize(("suffix", "kind"), [("png", "<u2"), ("tif", "<u2"), ("tif", "<i4")])
def test_ids_of_sixteen_bits_and_more(tmp_path: Path, suffix: str, kind: str) -> None:
    rows = [[0, 255, 256, 65535 if kind == "<u2" else 70_000]]
    Image.fromarray(np.array(rows, kind)).save(tmp_path / f"x.{suffix}")
    assert read_ids(tmp_path / f"x.{suffix}").tolist() == rows


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "CMYK", "F", "YCbCr"])
def test_colours_are_no_ids(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "x.tif"
    Image.new(mode, (12, 10)).save(file)
    read = "(YCbCr|RGB)" if mode == "YCbCr" else mode  # Pillow before 13 converts it
    with pytest.raises(ImageError, match=f"x.tif' is a picture of mode {read}: .*grey or indexed"):
        read_ids(file)


def test_lossy_files_are_no_ids_whatever_they_are_called(tmp_path: Path) -> None:
    Image.new("L", (12, 10)).save(tmp_path / "x.png", format="JPEG")
    with pytest.raises(ImageError, match="is a JPEG, which changes ids"):
        read_ids(tmp_path / "x.png")


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\x7f"]
)
def test_damaged_files_are_image_errors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"the truth '.*x\.png' cannot be read"):
        read_ids(tmp_path / "x.png", "truth")


@pytest.mark.parametrize("keep", [20, 45, 60, -200])
def test_cut_files_are_image_errors(tmp_path: Path, keep: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes((tmp_path / "x.png").read_bytes()[:keep])
    with pytest.raises(ImageError, match=r"x\.png"):
        read_ids(tmp_path / "x.png")


def test_any_exception_of_a_decoder_is_an_image_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    (tmp_path / "x.png").touch()
    monkeypatch.setattr(Image, "open", broken)
    with pytest.raises(ImageError, match="cannot be read: RuntimeError"):
        read_ids(tmp_path / "x.png")


def test_what_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name in ("gone.png", "pipe.png", "folder.png"):
        with pytest.raises(MissingMask, match="there is no mask"):
            read_ids(tmp_path / name)
    with pytest.raises(MissingMask):
        read_ids(None)
    with pytest.raises(ImageError):
        read_ids(tmp_path / ("x" * 300))
