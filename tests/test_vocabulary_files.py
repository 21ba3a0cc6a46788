"""Files of class names, as people and programs write them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from zeroseg.errors import VocabularyError
from zeroseg.vocabulary import Vocabulary

CASES = Path(__file__).parent / "cases" / "vocabularies"


def written(folder: Path, content: str | bytes, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_cases() -> None:
    assert Vocabulary.from_yaml(CASES / "alias_as_text.yaml").aliases == ((), ("puppy",), ())
    assert Vocabulary.parse(CASES / "ids_as_text.yaml").ids == (0, 1)


def test_words_of_yaml_are_words(tmp_path: Path) -> None:
    words = ["no", "on", "off", "yes", "null", "true", "7", "3.5", "010", "2012-01-01", "1e3", "y"]
    path = written(tmp_path, f"[{', '.join(words)}]")
    assert Vocabulary.parse(path).names == ("background", *words)
    listed = "".join(f"- {word}\n" for word in words)
    assert Vocabulary.parse(written(tmp_path, listed)).names == ("background", *words)
    path = written(tmp_path, "classes: [no, dog]\naliases: {no: [off, null]}\nprompts: {no: on}")
    vocabulary = Vocabulary.from_yaml(path)
    assert vocabulary.aliases == ((), ("off", "null"), ())
    assert vocabulary.prompts == ("background", "on", "dog")


@pytest.mark.parametrize("name", ["no", "null", "7", "010", "2012-01-01", "t.v.", "and/or", "犬"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_names(
        [name, "off"], aliases={name: ["on", "3.5"]}, ignore_index=9, name="true"
    )
    path = written(tmp_path, yaml.safe_dump(vocabulary.to_dict(), allow_unicode=True))
    assert Vocabulary.from_yaml(path) == vocabulary
    path = written(tmp_path, json.dumps(vocabulary.to_dict()), "mine.json")
    assert Vocabulary.parse(path) == vocabulary


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("classes: {0: background, 1: dog}", (0, 1)),
        ("0: background\n1: dog", (0, 1)),
        ("classes: {background: 3, dog: 1}", (3, 1)),
        ("classes: {1: dog}", (0, 1)),
        ("classes: [background, dog]\nids: {dog: 7, background: 2}", (2, 7)),
        ("classes: [background, dog]\nids: 0, 5", (0, 5)),
        ("classes: [background, dog]\nids: ['0', '5']", (0, 5)),
        ("classes: background, dog", (0, 1)),
        ("classes: |\n  background\n  dog\n", (0, 1)),
        ("classes: [dog]\nids:\nbackground: null\ncolors: ~\naliases: {dog: }", (0, 1)),
        ("defaults: &a [background, dog]\nclasses: *a", None),
        ("classes: [background, &a dog]\naliases: {*a : puppy}", (0, 1)),
    ],
)
def test_names_and_ids(content: str, ids: tuple[int, ...] | None, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    if ids is None:
        with pytest.raises(VocabularyError, match="unknown keys"):
            Vocabulary.parse(path)
        return
    vocabulary = Vocabulary.parse(path)
    assert (vocabulary.names, vocabulary.ids) == (("background", "dog"), ids)
    assert (vocabulary.background, vocabulary.name) == (0, "mine")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "holds nothing"),
        ("# a comment", "holds nothing"),
        ("7", "holds '7', neither"),
        ("classes:", "needs `classes`"),
        ("names: [dog]\nnc: 1", "unknown keys"),
        ("classes: [dog]\nclasses: [cat]", "key 'classes' stands there twice"),
        ("classes: [dog]\naliases: {dog: a, dog: b}", "key 'dog' stands there twice"),
        ("classes: [dog]\naliases: {dog: a, Dog: b}", "a class stands there twice"),
        ("classes: {0: background, 0: dog}", "key '0' stands there twice"),
        ("classes: {0: background, dog: 1}", "neither a list of names nor names by id"),
        ("classes: {0: dog, 1: cat}", "background is missing"),
        ("classes: {0: background, 1: dog}\nids: [0, 1]", "ids are given twice"),
        ("classes: [a]\n---\nclasses: [b]", "another document"),
        ("\tclasses: [a]", "cannot start any token"),
        ("classes: [dog]\ncolors: [#ff0000]", "no YAML"),
        ("classes: [[dog, cat]]", "name 1 is"),
        ("classes: [{id: 1, name: dog}]", "name 1 is"),
        ("- dog\n- \n", "name 2 is empty"),
        ("classes: !!python/object/apply:os.system ['x']", "tag"),
        ("classes: !!set {dog, cat}", "tag"),
        ("x: &a [*a]", "recursive"),
        ("? [a]\n: b", "unhashable key"),
        ("classes: " + "[" * 5000, "no YAML"),
        ("classes: [background, dog]\nids: [0, 010]", "ids: number 2: '010'"),
        ("classes: [background, dog]\nids: [no, yes]", "ids: number 1: 'no'"),
        ("classes: [dog]\nignore_index: none", "ignore_index: 'none'"),
        ("classes: [dog]\nbackground: 5", "background '5' is not among"),
        ("classes: [background, dog]\ncolors: [black, '']", "colors: '' is not a colour"),
    ],
)
def test_a_yaml_file_that_is_none_says_where(content: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="cannot read the vocabulary '") as raised:
        Vocabulary.parse(written(tmp_path, content))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", b"dog\ncat\n"),
        ("labels.txt", b"\xef\xbb\xbfdog\r\ncat\r\n\r\n# end\r\n"),
        ("labels.txt", "dog\ncat".encode("utf-16")),
        ("labels.txt", "dog\ncat".encode("utf-32")),
        ("labels.TXT", b"dog, cat"),
        ("coco.names", b"dog\ncat"),
        ("labels.csv", b"1,dog\n2,cat\n"),
        ("labels.tsv", b"1\tdog\n2\tcat\n"),
        ("labels", b"dog\ncat"),
        ("labels.yaml", "[dog, cat]".encode("utf-16")),
        ("labels.json", b'\xef\xbb\xbf["dog",\n\t"cat"]'),
        ("labels.json", b'{"classes": {"1": "dog", "2": "cat"}}'),
        ("labels.json", b'{"1": "dog", "2": "cat"}'),
    ],
)
def test_files_of_two_names(name: str, content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, content, name)
    vocabulary = Vocabulary.parse(path)
    assert vocabulary.names == ("background", "dog", "cat")
    assert vocabulary.name == path.stem
    if path.suffix:
        assert Vocabulary.parse(f" {path} ") == vocabulary


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("labels.txt", b"", "no class is named"),
        ("labels.txt", "café".encode("latin-1"), "not UTF-8 (byte 3)"),
        ("labels.txt", "dog\ncat".encode("utf-16-le"), "zero bytes"),
        ("labels.txt", b"dog\n" * 300_000, "too long for names"),
        ("labels.txt", b"dog\ndog\n", "more than once"),
        ("labels.png", b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        ("labels.csv", b"id,names,more\n0,dog\n", "holds ','"),
        ("labels.txt", b"<html>hi</html>", "is no name"),
        ("labels.json", b"[", "no JSON"),
        ("labels.json", b"3", "neither"),
        ("labels.json", b"[1, true]", "name 1 is 1, which is not text"),
        ("labels.json", b"[null, NaN]", "name 1 is None"),
        ("labels.json", b'{"classes": ["a"], "classes": ["b"]}', "stands there twice"),
        ("labels.json", b'{"images": [], "categories": [{"id": 1}]}', "unknown keys"),
        ("labels.json", b"[" * 100_000, "no JSON"),
        ("labels.json", b'["\\ud800"]', "control character"),
    ],
)
def test_files_of_no_names(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(VocabularyError, match="cannot read the vocabulary") as raised:
        Vocabulary.parse(path)
    assert says in str(raised.value)


def test_a_folder_and_nothing_are_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "labels.yaml"
    folder.mkdir()
    for path, says in ((folder, "it is a folder"), (tmp_path / "gone.txt", "no such file")):
        with pytest.raises(VocabularyError, match=says):
            Vocabulary.parse(str(path))


def test_a_header_over_ids_and_names_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,name\n7,dog\n")
    found = Vocabulary.parse(str(tmp_path / "labels.csv"))
    assert dict(zip(found.names, found.ids, strict=True))["dog"] == 7


def test_a_pipe_is_said_to_be_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vocabulary.yaml")
    with pytest.raises(VocabularyError, match="no regular file, but a pipe"):
        Vocabulary.parse(tmp_path / "vocabulary.yaml")
