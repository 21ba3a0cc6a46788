"""Class names in texts: every usual way of writing them is read, and what is unclear is asked."""

from __future__ import annotations

import pytest

from tests.built_in import BUILT_IN
from zeroseg.errors import VocabularyError
from zeroseg.vocabularies import VOC2012
from zeroseg.vocabulary import Vocabulary


def names(text: str) -> tuple[str, ...]:
    """The classes that are looked for."""
    vocabulary = Vocabulary.parse(text)
    return tuple(vocabulary.names[index] for index in vocabulary.classes)


@pytest.mark.parametrize(
    "text",
    [
        "dog, cat",
        " dog ,cat ",
        "dog,cat,",
        "dog, cat.",
        "dog . cat .",
        "dog . cat",
        "dog. cat.",
        "dog。cat。",
        "dog;cat",
        "dog | cat",
        "dog，cat",  # noqa: RUF001
        "dog、cat",
        "dog；cat",  # noqa: RUF001
        "dog • cat",
        "dog\tcat",
        "dog,\tcat",
        "dog\ncat",
        "\n dog\r\n\r\ncat\r\n",
        "dog,\ncat",
        "dog;\ncat;\n",
        "dog.\ncat.",
        "- dog\n- cat",
        "* dog\n* cat",
        "1. dog\n2. cat",
        "1) dog\n2) cat",
        "1. dog, 2. cat",
        "1 dog\n2 cat",
        "1: dog\n2: cat",
        "1,dog\n2,cat",
        "# mine\ndog  # the pet\n\n#bird\ncat",
        "['dog', 'cat']",
        '["dog", "cat"]',
        "[dog, cat]",
        "('dog', 'cat')",
        '[\n  "dog",\n  "cat"\n]',
        "'dog', \"cat\"",
        '"dog, cat"',
        "“dog”, “cat”",
        "\ufeffdog, cat\u200b",
    ],
)
def test_two_names_however_they_are_separated(text: str) -> None:
    assert names(text) == ("dog", "cat")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", ("dog",)),
        ("dog.", ("dog",)),
        ("potted plant", ("potted plant",)),
        ("and/or", ("and/or",)),
        ("t.v.", ("t.v.",)),
        ("t.v., radio", ("t.v.", "radio")),
        ("t.v.\nradio", ("t.v.", "radio")),
        ("St. Bernard, dog", ("St. Bernard", "dog")),
        ("driver's seat, o'clock", ("driver's seat", "o'clock")),
        ("dog (pet), C# book", ("dog (pet)", "C# book")),
        ("no, on, null", ("no", "on", "null")),
        ("1, 2", ("1", "2")),
        ("犬、猫", ("犬", "猫")),
        ("🐶, 🐱", ("🐶", "🐱")),
        ("coco, dog", ("coco", "dog")),
        ("['voc']", ("voc",)),
        ("cocoa", ("cocoa",)),
        ("prawn", ("prawn",)),
        ("['St. Bernard']", ("St. Bernard",)),
    ],
)
def test_what_belongs_to_a_name_stays(text: str, expected: tuple[str, ...]) -> None:
    assert names(text) == expected


def test_a_text_given_for_names_is_not_letters() -> None:
    assert Vocabulary.from_names("dog; cat").names == ("background", "dog", "cat")
    with pytest.raises(VocabularyError, match="holds ids as well"):
        Vocabulary.from_names("1 dog\n2 cat")


def test_ids_in_front_of_names() -> None:
    vocabulary = Vocabulary.parse("0 background\n7 road\n8 sidewalk")
    assert dict(zip(vocabulary.names, vocabulary.ids, strict=True)) == {
        "background": 0, "road": 7, "sidewalk": 8,
    }  # fmt: skip
    assert Vocabulary.parse("{0: background, 7: road}").ids == (0, 7)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no class is named"),
        (" \n# only a comment\n", "no class is named"),
        (",", "name 1 is empty"),
        ("dog,,cat", "name 2 is empty"),
        ("dog|cat; bird", "several ways"),
        ("dog . cat, bird", "several ways"),
        ("St. Bernard", "one class, several, or a file"),
        ("dog.cat", "one class, several, or a file"),
        ("labels.xml", "one class, several, or a file"),
        ("building, edifice\nsky", "'building, edifice' holds ','"),
        ("dog,1\ncat,2", "write ids in front of names: '1,dog'"),
        ("dog, 1", "numbers stand among the names"),
        ("id,name,0,dog", "numbers stand among the names"),
        ("0 dog\n1 cat", "background is missing"),
        ("1 dog\n1 cat", "two names"),
        ("dog: 1, cat: 2", "'dog: 1' is no name"),
        ("classes:\n- dog", "'classes:' is no name"),
        ('["dog", "cat"', "is no name"),
        ("'dog, cat", "is no name"),
        ("{'dog', 'cat'}", "unknown keys"),
        ("[dog, [cat]]", "not text"),
        ("['dog' 'cat']", "no YAML"),
        ("[" * 5000 + "]" * 5000, "no YAML"),
        ("dog\x07, cat", "control character"),
        ("x" * 300, "300 characters"),
        ("..., dog", "has no letter or digit"),
        ("labels.txt", "cannot read the vocabulary 'labels.txt': there is no such file"),
        ("gone/labels.yaml", "no such file"),
        ("~nobody-here/labels.yaml", "no such file"),
        ("~/gone-labels.txt", "no such file"),
        (r"C:\gone\labels.txt", "no such file"),
        ("./gone", "no such file"),
        ("x" * 5000 + ".txt", "too long"),
    ],
)
def test_what_is_unclear_is_asked(text: str, says: str) -> None:
    with pytest.raises(VocabularyError, match=says.replace("\\", "")) as raised:
        Vocabulary.parse(text)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("voc", "voc2012"),
        ("VOC 2007", "voc2012"),
        ("pascal", "voc2012"),
        ("Pascal-VOC", "voc2012"),
        ("coco", "coco81"),
        ("ms coco", "coco81"),
        ("coco80", "coco81"),
        ("cityscape", "cityscapes"),
        ("citiscapes", "cityscapes"),
        ("ade", "ade20k"),
        ("ADE-150", "ade20k"),
    ],
)
def test_nearly_a_built_in_name_is_a_question(text: str, meant: str) -> None:
    with pytest.raises(VocabularyError, match=rf"did you mean {meant}\? .*write \['{text}'\]"):
        Vocabulary.parse(text)
    assert Vocabulary.parse([text]).names == ("background", text)
    assert Vocabulary.parse(f"['{text}']").names == ("background", text)


@pytest.mark.parametrize("name", ["ImageNet", "imagenet1k", "LVIS v1"])
def test_a_data_set_that_is_not_built_in_is_no_class(name: str) -> None:
    with pytest.raises(VocabularyError, match="There are dram, voc2012"):
        Vocabulary.parse(name)


def test_built_in_names_in_any_spelling() -> None:
    assert Vocabulary.parse(" VOC2012 ") is VOC2012
    assert all(Vocabulary.parse(name.upper()) is made for name, made in BUILT_IN.items())
