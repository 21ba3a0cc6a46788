"""Where pictures lie."""

from __future__ import annotations

import io
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.errors import ImageError, ZerosegError
from zeroseg.images import read_image
from zeroseg.scale.archive import Folder, list_pictures, read_all
from zeroseg.scale.work import Work

NAMES = [f"{index // 5}/{index}.png" for index in range(10)]


def test_a_folder_is_searched_to_its_depths_in_order(archive: Path) -> None:
    (archive / "0/notes.txt").write_text("no picture")
    (archive / "1/x.JPG").write_bytes(b"")
    works = list_pictures(str(archive)).works
    assert [work.name for work in works] == [*NAMES, "1/x.JPG"]
    assert works[0].source == f"file://{archive}/0/0.png"
    assert [w.name for w in list_pictures(f"file://{archive}/").works] == [*NAMES, "1/x.JPG"]


def test_a_picture_and_a_glob(archive: Path) -> None:
    assert [w.name for w in list_pictures(str(archive / "0/3.png")).works] == ["3.png"]
    assert [w.name for w in list_pictures(f"{archive}/*/[3-6].png").works] == NAMES[3:7]
    assert [w.name for w in list_pictures(f"{archive}/1/*.png").works] == [
        "5.png",
        "6.png",
        *["7.png", "8.png", "9.png"],
    ]


def test_results_within_the_archive_are_no_pictures_of_it(archive: Path) -> None:
    results = archive / "results"
    Folder(str(results)).write("masks/0/0.png.png", b"x")
    assert [w.name for w in list_pictures(str(archive), without=str(results)).works] == NAMES


def test_any_file_system() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/pictures/a/x.png", b"one")
    memory.pipe_file("/pictures/y.jpg", b"two")
    works = list_pictures("memory://pictures").works
    assert [work.name for work in works] == ["a/x.png", "y.jpg"]
    assert [work.data for work in read_all(works)] == [b"one", b"two"]


def test_the_same_rules_hold_everywhere() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("a.png", "b[1].png", "._a.png", "__MACOSX/a.png", "v.mp4", "n.json", "s//d.png"):
        memory.pipe_file(f"/photos [2019]/{name}", b"x")
    memory.pipe_file("/photos 2/c.png", b"x")
    found = list_pictures("memory://photos [2019]")
    assert [work.name for work in found.works] == ["a.png", "b[1].png", "s//d.png"]
    assert [work.data for work in read_all(found.works)] == [b"x"] * 3
    assert found.notes == ("1 .mp4, at 'memory://photos [2019]'",)
    for source, names in {
        "memory://photos [2019]/*.png": ["a.png", "b[1].png"],
        "memory://photos [2019]/b[1].png": ["b[1].png"],
        "memory://photos [0-9]/*": ["photos 2/c.png"],
        "memory://photos [2019]/v.mp4": ["v.mp4"],  # named, so tried
    }.items():
        assert [work.name for work in list_pictures(source).works] == names


def test_two_colons_are_a_part_of_names(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.rename(tmp_path / "x::y")
    monkeypatch.chdir(tmp_path)
    for source in ("x::y", str(tmp_path / "x::y"), f"file://{tmp_path}/x::y", "x::y/**/*.png"):
        works = list_pictures(source).works
        assert [work.name for work in works] == NAMES
        assert all(work.data for work in read_all(works))
    Folder("out::put").write("masks/a.png", b"x")
    assert Folder("out::put").list("masks", ".png") == ["masks/a.png"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "there is no file or folder 'nowhere'"),
        ("tape://x", "cannot open 'tape://x'.*tape"),
    ],
)
def test_a_place_that_is_none(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZerosegError, match=message):
        list_pictures(source)


def test_what_cannot_be_fetched_has_failed(archive: Path) -> None:
    there, gone = read_all([Work("a", str(archive / "0/0.png")), Work("b", str(archive / "no"))])
    assert there.data == (archive / "0/0.png").read_bytes()
    assert gone.failure is not None
    assert "there is no file" in gone.failure.message
    fetched = Work("c", "nowhere", b"here already")
    assert read_all([fetched]) == [fetched]


def test_bytes_decode_as_their_file_does(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    for name, picture in {
        "alpha.png": Image.fromarray(pixels),
        "deep.png": Image.fromarray(pixels[..., 0].astype(np.uint16) * 200),
        "photo.jpg": Image.fromarray(pixels[..., :3]),
        "palette.gif": Image.fromarray(pixels[..., :3]).quantize(16),
    }.items():
        file = tmp_path / name
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(file, exif=exif) if name.endswith("jpg") else picture.save(file)
        assert torch.equal(read_image(file.read_bytes()), read_image(file)), name


def test_what_is_no_picture_says_so(archive: Path) -> None:
    whole = (archive / "0/0.png").read_bytes()
    tiny = io.BytesIO()
    Image.new("RGB", (3, 3)).save(tiny, "PNG")
    for data, message in [
        (b"", "is empty"),
        (b"words", "not a picture"),
        (whole[: len(whole) // 2], "cannot be read|not a picture"),
        (tiny.getvalue(), "3 x 3 pixels"),
    ]:
        with pytest.raises(ImageError, match=message):
            read_image(data)


@pytest.mark.parametrize("where", ["local", "memory"])
def test_files_are_written_whole_and_listed(where: str, tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out") if where == "local" else "memory://written")
    assert folder.list("masks", ".png") == []
    assert folder.read("run.json") is None
    folder.write("masks/sub/a.png", b"1")
    folder.write("masks/b.png", b"2")
    folder.write("masks/b.png", b"3")
    assert folder.list("masks", ".png") == ["masks/b.png", "masks/sub/a.png"]
    assert folder.read("masks/b.png") == b"3"
    folder.remove("masks/b.png")
    assert folder.list("masks", "") == ["masks/sub/a.png"]


def test_a_write_that_ends_half_way_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(str(tmp_path))
    folder.write("a", b"old")

    def broken(*_: object) -> None:
        raise OSError("killed here")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="killed"):
        folder.write("a", b"new")
    assert folder.read("a") == b"old"
