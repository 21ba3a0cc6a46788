"""A folder of what may lie among pictures, for tests of every door that reads folders."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from pathlib import Path

from PIL import Image

CASES = Path(__file__).parent / "cases" / "pictures"

GOOD = ("a.png", "frames.gif", "picture.jfif")
BAD = (
    *("bomb.png", "damaged.jpg", "device.png", "empty.png", "gone.png", "loop.png", "nan.tif"),
    *("pipe.png", "text.jpg", "tiny.png", "truncated.png"),
)


def lay_out(folder: Path) -> None:
    """Write `GOOD` pictures and `BAD` files, and some that are neither."""
    folder.mkdir(parents=True)
    Image.new("RGB", (32, 24), "white").save(folder / "a.png")
    shutil.copyfile(CASES / "three_frames.gif", folder / "frames.gif")
    shutil.copyfile(CASES / "picture.jfif", folder / "picture.jfif")
    shutil.copyfile(CASES / "damaged_avif_inside.jpg", folder / "damaged.jpg")
    shutil.copyfile(CASES / "float_with_nan.tif", folder / "nan.tif")
    whole = (folder / "a.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[:50])
    (folder / "bomb.png").write_bytes(_bomb(whole))
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("this is not a picture")
    Image.new("RGB", (3, 3)).save(folder / "tiny.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(folder / "pipe.png")
    for name in ("._a.png", "__MACOSX/a.png", ".git/a.png", "labels.json", "film.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()


def _bomb(png: bytes) -> bytes:
    """A PNG file, as if of 60000 x 60000 pixels."""
    head = b"IHDR" + struct.pack(">II", 60000, 60000) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]
