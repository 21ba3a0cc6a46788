"""Lists of pictures as others write them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.data import miniatures
from zeroseg.data.names import read_names, sample_names, without_suffix
from zeroseg.data.text_files import read_json, read_text
from zeroseg.data.voc2012 import Voc2012
from zeroseg.errors import ImageError
from zeroseg.regular_file import below, inside, relative_name

CASES = Path(__file__).parents[1] / "cases" / "lists"
NAMES = ["2007_000001", "2007_000002"]
PLAIN = "2007_000001\n2007_000002\n"


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert read_names(CASES / "byte_order_mark.txt") == dict.fromkeys(NAMES)
    root = miniatures.voc2012(tmp_path, 3)
    listed = root / "VOC2012/ImageSets/Segmentation/val.txt"
    listed.write_bytes((CASES / "byte_order_mark.txt").read_bytes())
    data = Voc2012(root)
    assert list(data.dataset.names) == NAMES
    assert [sample.problem for sample in data.dataset] == [None, None]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        b"\n  2007_000001 \t\n\n2007_000002",
        b"# which ones\n#\n2007_000001\n2007_000002\n2007_000001\n",
        b"2007_000001.jpg\n2007_000002.JPEG\n",
        b"./2007_000001\n.\\2007_000002\n",
        b"2007_000001  1\n2007_000003 -1\n2007_000002  0\n",
        PLAIN.encode("utf-8-sig") + PLAIN.encode("utf-8-sig"),
    ],
)
def test_every_form_of_list_is_the_same(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    assert list(read_names(tmp_path / "list.txt").items()) == [(name, None) for name in NAMES]


def test_names_are_kept_as_they_are(tmp_path: Path) -> None:
    lines = ["a b/no.4", "x::y", "[2019]/a", "#1", "März/ü", "photo 1", "painting.of.a.cat"]
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    assert read_names(tmp_path / "list.txt") == dict.fromkeys(lines)
    (tmp_path / "list.txt").write_text("x.jpg\nphoto 1\ny\\z\n")
    assert list(read_names(tmp_path / "list.txt", {"x.jpg"})) == ["x.jpg", "photo 1", "y/z"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("München".encode("latin-1"), r"not UTF-8 \(byte 1\); save it as UTF-8"),
        ("a\nb\n".encode("utf-16-le"), "UTF-16 without its mark"),
        (b"\xff\xfea\x00b", "not UTF-8"),
        (b"../secret\n", r"'\.\./secret' leads out of the data set"),
        (b"/etc/passwd\n", "leads out"),
        (b"C:\\pictures\\x.jpg\n", "leads out"),
        (b"\\\\server\\share\\x\n", "leads out"),
        (b"a/../../x\n", "leads out"),
        (b"./\n", "no name"),
        (b"x" * 300, "no name"),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(content)
    with pytest.raises(ImageError, match=rf"list\.txt'.*{says}"):
        read_names(file)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    places = {"gone.txt": "no such file", ".": "it is a folder", "pipe": "no regular file"}
    for place, said in places.items():
        with pytest.raises(ImageError, match=said):
            read_names(tmp_path / place)
    (tmp_path / "empty.txt").touch()
    assert read_names(tmp_path / "empty.txt") == {}


@pytest.mark.parametrize("bad", ["../x", "/x", "a/../../x", "C:\\x", "..\\x", "\\\\s\\x", "./"])
def test_a_name_that_leads_out_costs_its_own_picture(tmp_path: Path, bad: str) -> None:
    (tmp_path / "list.txt").write_text(f"a\n{bad}\nb\n")
    found = read_names(tmp_path / "list.txt")
    assert list(found) == ["a", "entry-1", "b"]
    assert re.search(r"list\.txt'.*(leads out|no name)", found["entry-1"] or "")
    assert found["a"] is found["b"] is None


def test_what_is_read_lies_inside_when_links_are_followed(tmp_path: Path) -> None:
    for place in ("set/images", "elsewhere", "set/blobs", "set-2"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "linked").symlink_to("elsewhere")
    links = {"in": "../blobs/x", "up": "../../elsewhere/x", "next": "../../set-2/x"}
    links |= {"device": "/dev/zero", "folder": "../../elsewhere", "twice": "up", "loop": "loop"}
    for name, target in links.items():
        (tmp_path / "set/images" / name).symlink_to(target)
    root = tmp_path / "set"
    for name in ("in", "plain", "loop"):
        assert inside(root / "images" / name, root) == root / "images" / name
    assert inside(tmp_path / "linked/x", tmp_path / "linked")
    for name in ("up", "next", "device", "folder/x", "twice", "../../elsewhere/x"):
        with pytest.raises(ImageError, match="leads out"):
            inside(root / "images" / name, root)


def test_what_is_written_lies_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "out", Path("out"), Path("../out"), Path(".")):
        assert below(folder, "a/../b.png") == folder / "a/../b.png"
        for name in ("../x", "/x", "a/../../x", f"{tmp_path}-2/x", "a\0"):
            with pytest.raises(ImageError, match="leads out"):
                below(folder, name)


def test_parts_of_names() -> None:
    assert relative_name(".\\a//b\\c.jpg") == "a/b/c.jpg"
    assert [without_suffix(n) for n in ("a.jpg", "a.PNG", "no.4", "a.tar")] == [
        "a",
        "a",
        "no.4",
        "a.tar",
    ]


def test_samples_of_one_name_keep_their_suffix() -> None:
    assert sample_names(["a/x.jpg", "b/x.jpg", "y.jpg"]) == ["a/x", "b/x", "y"]
    assert sample_names(["x.jpg", "X.png", "y.jpg"]) == ["x.jpg", "X.png", "y"]
    assert sample_names(["x.jpg", "x.png", "x.jpg.tif"]) == ["x.jpg", "x.png", "x.jpg.tif"]


def test_json_of_any_encoding(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_bytes('{"a": ["ü", NaN]}'.encode(encoding))
        assert read_json(file)["a"][0] == "ü"
    for content in (b"{", b"", b"[" * 100_000, b"\x80"):
        file.write_bytes(content)
        with pytest.raises(ImageError, match=r"a\.json' cannot be read"):
            read_json(file)
    assert read_text(CASES / "byte_order_mark.txt").startswith("2007")
