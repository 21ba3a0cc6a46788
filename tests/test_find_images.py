"""Which files folders and patterns mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from zeroseg import find_images as module
from zeroseg.errors import ImageError
from zeroseg.find_images import HEIF, LEFT_OUT, SUFFIXES, find_images, search

CASES = Path(__file__).parent / "cases" / "folders"

NO_PICTURES = {".bufr", ".grib", ".h5", ".hdf", ".fit", ".iim"}
"""What Pillow knows by suffix, and holds other things than pictures."""


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_suffix_that_pillow_knows_is_taken_or_left_out_on_purpose() -> None:
    Image.init()
    known = set(Image.registered_extensions())
    assert known - set(SUFFIXES) - set(LEFT_OUT) == NO_PICTURES
    assert set(SUFFIXES) - known <= set(HEIF)
    assert not set(SUFFIXES) & set(LEFT_OUT)
    readable = {Image.registered_extensions()[s] for s in SUFFIXES if s in known}
    assert readable - set(Image.OPEN) == {"MPO"}  # opened as JPEG


def test_files_folders_and_patterns(tmp_path: Path) -> None:
    touch("b.png", "a.JPG", "sub/c.webp", "sub/deep/d.tiff", "notes.txt")
    Path("folder.png").mkdir()
    everything = ["a.JPG", "b.png", "sub/c.webp", "sub/deep/d.tiff"]
    assert [str(p) for p in find_images(["."])] == everything
    assert [str(p) for p in find_images(["*.png", "./b.png", tmp_path / "b.png"])] == ["b.png"]
    assert [str(p) for p in find_images(["sub/**/*.t*"])] == ["sub/deep/d.tiff"]
    assert find_images([f"{tmp_path}/*.png"]) == [tmp_path / "b.png"]
    assert [str(p) for p in find_images(["notes.txt"])] == ["notes.txt"]  # named, so tried
    for nothing in ("gone.png", "*.bmp", "folder.png", "a**b"):
        with pytest.raises(ImageError):
            find_images([nothing])


def test_whatever_pillow_reads_belongs() -> None:
    names = ["a.avif", "b.jfif", "c.jpe", "d.ppm", "e.PGM", "f.jp2", "g.tga", "h.apng", "i.heic"]
    touch(*(f"in/{name}" for name in names), "in/labels.json", "in/vocabulary.yaml")
    found = search("in")
    assert list(found.names) == names
    assert found.notes == ()


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "reads_heif", lambda: False)
    touch("in/a.png", "in/b.heic", "in/s/c.HEIC", "in/d.mp4", "in/e.CR2", "in/f.json", "in/g.txt")
    found = search("in")
    assert found.names == ("a.png",)
    assert found.notes == ("1 .cr2, 2 .heic (pip install \"zeroseg[heif]\"), 1 .mp4, at 'in'",)
    with pytest.raises(ImageError, match=r"no pictures found at 'in/s'; left out: 1 \.heic"):
        search("in/s")
    assert search("in/*.png").notes == ()  # nothing else was asked for
    assert search("in/b.heic").names == ("b.heic",)  # named, so tried


def test_what_operating_systems_leave_behind_is_no_picture_of_the_user() -> None:
    assert search(CASES / "mac").names == ("a.png",)
    litter = ("._a.png", ".hidden/b.png", "__MACOSX/c.png", ".ipynb_checkpoints/d.png")
    touch("in/a.png", *(f"in/{x}" for x in litter), "in/s/@eaDir/a.jpg", "in/.git/a.png")
    touch("in/Thumbs.db", "in/.DS_Store", "in/$RECYCLE.BIN/a.png")
    assert search("in").names == ("a.png",)
    assert search("in/**/*.png").names == ("a.png",)
    assert search("in").notes == ()
    assert search("in/.hidden").names == ("b.png",)  # asked for by name


def test_linked_folders_are_followed_each_once() -> None:
    touch("in/own/a.png", "elsewhere/b.png", "elsewhere/deep/c.png")
    os.symlink("own", "in/again")  # by its own name, though the link comes first
    os.symlink("..", "in/own/up")  # a loop
    os.symlink("../elsewhere", "in/linked")
    os.symlink("../elsewhere/deep", "in/other")
    os.symlink("loop.png", "in/loop.png")
    os.symlink("gone.png", "in/gone.png")
    expected = ("gone.png", "linked/b.png", "linked/deep/c.png", "loop.png", "own/a.png")
    assert search("in").names == expected  # links that lead nowhere fail when they are read
    assert search("in/**/*.png").names == expected
    assert search("in/again/*.png").names == ("a.png",)


def test_what_exists_is_a_name_and_no_pattern() -> None:
    assert search(CASES / "photos [2019]").names == ("a.png",)
    assert search(CASES / "photos [2019]" / "*.png").names == ("a.png",)
    touch("a[1].png", "a1.png", "what?/x.png", "all*/y.png", "x::y/z.png", "::.png", "~/t.png")
    for name in ("a[1].png", "what?/x.png", "all*/y.png", "x::y/z.png", "::.png", "~/t.png"):
        assert find_images([name]) == [Path(name)]
    assert find_images(["what?"]) == [Path("what?/x.png")]
    assert find_images(["wha[t]?/*"]) == [Path("what?/x.png")]
    assert find_images(["a[1-3].png"]) == [Path("a1.png")]


def test_home_is_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    touch("home/in/a.png")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_images(["~/in"]) == [tmp_path / "home/in/a.png"]
    assert find_images(["~/*/*.png"]) == [tmp_path / "home/in/a.png"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("gone", "there is no file or folder 'gone'"),
        ("gone/*.png", r"no pictures found at 'gone/\*\.png': the folder cannot be read \(No such"),
        ("", "there is no file or folder ''"),
        ("x" * 5000, "there is no file or folder"),
        ("a\0b", "there is no file or folder"),
        ("[z-a]", "not a glob|no pictures"),
        ("a**b", "is not a glob"),
        ("s3://bucket/photos", "is a URL"),
    ],
)
def test_what_means_nothing_is_said(path: str, says: str) -> None:
    with pytest.raises(ImageError, match=says) as caught:
        find_images([path])
    assert len(str(caught.value)) < 600


def test_order_is_by_folders_then_names() -> None:
    touch("in/a-b/1.png", "in/a/10.png", "in/a/2.png", "in/B.png")
    assert search("in").names == ("B.png", "a/10.png", "a/2.png", "a-b/1.png")


def test_a_folder_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("in/a.png", "in/closed/b.png")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if "closed" in path:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert search("in").names == ("a.png",)
    assert search("in").notes == ("the folder 'closed', which cannot be read",)
    with pytest.raises(ImageError, match=r"'in/closed': the folder cannot be read \(Permission"):
        search("in/closed")
