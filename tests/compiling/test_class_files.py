"""The file that a person reviews: readable, stable, and read back as what was meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zeroseg.compiling.comparing import differences
from zeroseg.compiling.compiled import compile_words
from zeroseg.compiling.file_text import class_file
from zeroseg.compiling.proposals import Proposal, Proposed, Relation
from zeroseg.vocabularies import CITYSCAPES, COCO81, VOC2012
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "cat", "sky"], name="mine")


def file_of(classes: Vocabulary, *told: tuple[str, Relation, str, str]) -> str:
    proposals = (Proposal(classes.index(n), r, w, "gpt", why) for n, r, w, why in told)
    proposed = Proposed(tuple(proposals), {classes.index(classes.names[-1]): "no answer"})
    return class_file(compile_words(classes, [proposed]), ["gpt", "class lists"])


def test_every_word_says_whose_it_is_and_why() -> None:
    text = file_of(
        CLASSES,
        ("dog", "same", "canine", "what biologists say"),
        ("dog", "same", "kitten", ""),
        ("dog", "looks like", "wolf", ""),
        ("dog", "looks like", "cat", "both are small"),
        ("sky", "stuff", "", ""),
    )
    assert text.splitlines()[0] == "# Words for mine, by gpt and class lists."
    body = [" ".join(line.split()) for line in text.splitlines() if not line.startswith("# ")]
    assert body == [
        "name: mine",
        "classes: [background, dog, cat, sky]",
        "background: background",
        "ids: [0, 1, 2, 3]",
        "ignore_index: 255",
        "stuff:",
        "- sky # gpt",
        "words:",
        "dog:",
        "- canine # same; gpt: what biologists say",
        "# left out of dog: kitten (same; gpt): the thesaurus counts it as cat",
        "look_alikes:",
        "- [dog, cat] # gpt: both are small",
        "distractors:",
        "- wolf # looks like dog; gpt",
    ]
    assert text.splitlines()[-1] == "# sky: no answer"
    assert max(map(len, text.splitlines())) < 200


@pytest.mark.parametrize("classes", [VOC2012, CITYSCAPES, COCO81, CLASSES])
def test_the_list_is_read_back_whole(classes: Vocabulary, tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text(file_of(classes, ("person" if classes != CLASSES else "dog", "same", "zq", "")))
    read = Vocabulary.from_yaml(file)
    assert sum(map(len, read.words)) == 1
    assert replace(read, words=()) == classes
    assert [how for _, _, how in differences(classes, read)] == ["+ zq"]


REASONS = [
    "ends\nstuff: [dog]",
    "ends\u2028- spaceship",
    "ends\x85- spaceship",
    "\x1b[31mred\x07",
    "\ud800 half",
    "\ufffe no character",
    "# : [ ] { } & * ! | > ' \" % @ `",
    "x" * 5000,
]


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_a_comment_whatever_it_says(reason: str) -> None:
    """`class_file` reads its text back and compares; what it holds beside is nothing."""
    text = file_of(CLASSES, ("dog", "same", "canine", reason), ("dog", "same", "cat", reason))
    assert text.isascii() or "\u2028" not in text
    assert "spaceship" not in [line.strip(" -") for line in text.splitlines()]
    assert all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.mark.parametrize(
    "name", ["no", "null", "on", "7", "1e3", "a: b", "- dash", "#x", "[x", "it's", "x ", "été"]
)
def test_names_stand_as_they_are(name: str) -> None:
    classes = Vocabulary.from_names([name, "dog"], name="no")
    assert "canine" in file_of(classes, ("dog", "same", "canine", ""))


def test_the_same_is_written_the_same_way() -> None:
    told: tuple[str, Relation, str, str] = ("dog", "same", "canine", "")
    assert file_of(CLASSES, told) == file_of(CLASSES, told)


def test_what_one_list_has_and_another_has_not() -> None:
    after = Vocabulary.from_names(
        ["Dog", "sky", "boat"],
        words={"dog": ["hound", "puppy"]},
        prompts={"sky": "blue sky"},
        stuff=["sky"],
        distractors=["wolf"],
        exhaustive=False,
        look_alikes=[["sky", "boat"]],
    )
    before = replace(CLASSES, words=((), ("hound", "canine"), (), ()), exhaustive=True)
    assert list(differences(before, after)) == [
        ("dog", "words", "- canine"),
        ("dog", "words", "+ puppy"),
        ("cat", "classes", "- cat"),
        ("sky", "prompts", "- sky"),
        ("sky", "prompts", "+ blue sky"),
        ("sky", "stuff", "+ stuff"),
        ("boat", "classes", "+ boat"),
        ("", "look_alikes", "+ sky and boat"),
        ("", "distractors", "+ wolf"),
        ("", "exhaustive", "- exhaustive"),
    ]
    assert not list(differences(after, after))
