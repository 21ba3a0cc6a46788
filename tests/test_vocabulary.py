"""Vocabularies: names in, indices, ids and colours out, and what cannot be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from zeroseg.errors import VocabularyError
from zeroseg.vocabularies import ADE20K, BUILT_IN, CITYSCAPES, COCO81, DRAM, VOC2012
from zeroseg.vocabulary import Vocabulary, as_words, distinct_colors, pascal_color


def test_a_background_is_found_or_put_in_front() -> None:
    assert Vocabulary.from_names(["dog", "cat"]).names == ("background", "dog", "cat")
    other = Vocabulary.from_names(["dog", "Other"])
    assert (other.names, other.background, other.classes) == (("dog", "Other"), 1, (0,))
    named = Vocabulary.from_names(["dog", "sky"], background="sky")
    assert (named.background, named.classes) == (1, (0,))
    first = Vocabulary.from_names(["none", "background", "dog"])
    assert first.names[first.background] == "background"


def test_names_are_prompted_as_words_and_found_in_any_spelling() -> None:
    vocabulary = Vocabulary.from_names(["potted-plant", "Traffic_Light"])
    assert vocabulary.prompts == ("background", "potted plant", "traffic light")
    for text in ("potted plant", "Potted-Plant", " POTTED_plant ", "potted  plant"):
        assert vocabulary.index(text) == 1
    assert vocabulary.find("plant") is None
    with pytest.raises(VocabularyError, match="did you mean potted-plant"):
        vocabulary.index("poted plant")
    assert as_words("Ｔraffic‑Light".replace("‑", "-")) == "traffic light"  # noqa: RUF001


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (["dog", " "], {}, "empty"),
        (["dog", "Dog"], {}, "more than once"),
        (["traffic light", "traffic-light"], {}, "more than once"),
        (["dog"], {"background": "sky"}, "'sky' is not among"),
        ([f"class {i}" for i in range(256)], {}, "255"),
        (["other", "dog"], {"ids": [0, 0]}, "repeat"),
        (["other", "dog"], {"ids": [0, 256]}, "8-bit"),
        (["other", "dog"], {"ids": [0, 255]}, "ignore index"),
        (["other", "dog"], {"ids": [0]}, "2 names but 1 ids"),
        (["other", "dog"], {"ignore_index": 1, "ids": [0, 7]}, "index of a class"),
        (["other", "dog"], {"colors": [(0, 0, 0), (0, 0, 256)]}, "not a colour"),
        (["dog"], {"aliases": {"cat": ["kitty"]}}, "aliases"),
        (["dog"], {"prompts": {"cat": "kitty"}}, "prompts"),
        (["dog"], {"prompts": {"dog": " "}}, "prompt is empty"),
        (["dog", "cat"], {"aliases": {"dog": ["pet"], "cat": ["Pet"]}}, "share an alias"),
    ],
)
def test_what_is_no_vocabulary(names: list[str], options: dict[str, Any], says: str) -> None:
    with pytest.raises(VocabularyError, match=says):
        Vocabulary.from_names(names, **options)


def test_255_classes_fit_and_have_colours_of_their_own() -> None:
    vocabulary = Vocabulary.from_names(["other", *(f"class {i}" for i in range(254))])
    assert len(vocabulary) == 255
    assert vocabulary.ids[-1] == 254
    few = distinct_colors(30, 0)
    assert len(set(few)) == 30
    assert few[0] == (0, 0, 0)


def test_files_and_mappings_give_it_back(tmp_path: Path) -> None:
    for vocabulary in BUILT_IN.values():
        path = tmp_path / f"{vocabulary.name}.yaml"
        path.write_text(yaml.safe_dump(vocabulary.to_dict()))
        assert Vocabulary.from_yaml(path) == vocabulary
        assert Vocabulary.parse(str(path)) == vocabulary
        assert Vocabulary.parse(vocabulary.to_dict()) == vocabulary


def test_files_that_hold_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("[dog, cat]")
    assert Vocabulary.from_yaml(path).names == ("background", "dog", "cat")
    assert Vocabulary.from_yaml(path).name == "mine"
    for content, says in (
        ("dog", "neither"),
        ("{labels: [dog]}", "unknown keys"),
        ("{name: x}", "needs `classes`"),
        ("{", "cannot read"),
    ):
        path.write_text(content)
        with pytest.raises(VocabularyError, match=says):
            Vocabulary.from_yaml(path)
    with pytest.raises(VocabularyError, match="cannot read"):
        Vocabulary.from_yaml(tmp_path / "gone.yaml")


def test_parse_takes_whatever_is_meant() -> None:
    assert Vocabulary.parse("DRAM") is DRAM
    assert Vocabulary.parse(DRAM) is DRAM
    assert Vocabulary.parse("dog, cat").names == ("background", "dog", "cat")
    assert Vocabulary.parse(["dog"]).names == ("background", "dog")


def test_ids_of_files_and_indices_inside() -> None:
    labels = torch.tensor([[0, 11], [3, 255]])
    ids = DRAM.to_ids(labels)
    assert ids.dtype == torch.uint8
    assert ids.tolist() == [[0, 17], [5, 255]]
    assert torch.equal(DRAM.from_ids(ids), labels)
    with pytest.raises(VocabularyError, match=r"ids \[1, 2\]"):
        DRAM.from_ids(torch.tensor([0, 1, 2], dtype=torch.uint8))


def test_published_ids_and_colours() -> None:
    assert list(BUILT_IN) == ["dram", "voc2012", "cityscapes", "coco81", "ade20k", "drawn"]
    assert [len(v) for v in BUILT_IN.values()] == [12, 21, 20, 81, 151, 17]
    assert ADE20K.ids == tuple(range(151))
    first, last = ("wall", "sky", "person", "crt-screen"), (1, 3, 13, 142)
    assert tuple(ADE20K.ids[ADE20K.index(name)] for name in first) == last
    assert DRAM.ids == (0, 3, 4, 5, 8, 9, 10, 12, 13, 15, 16, 17)
    for name in DRAM.names:
        assert DRAM.ids[DRAM.index(name)] == VOC2012.ids[VOC2012.index(name)]
    assert VOC2012.ids == tuple(range(21))
    assert VOC2012.colors[15] == (192, 128, 128)  # the person of the VOC palette
    assert pascal_color(255) == (224, 224, 192)
    assert CITYSCAPES.ids[CITYSCAPES.index("bicycle")] == 33
    assert COCO81.ids[COCO81.index("toothbrush")] == 90
    assert COCO81.ids[COCO81.index("stop sign")] == 13
    assert CITYSCAPES.names[CITYSCAPES.background] == "unlabeled"


@pytest.mark.parametrize("names", [[], ["other"], ["background"]])
def test_a_background_alone_is_no_vocabulary(names: list[str]) -> None:
    with pytest.raises(VocabularyError, match=r"class"):
        Vocabulary.from_names(names)


def test_two_classes_cannot_be_asked_for_in_the_same_words() -> None:
    with pytest.raises(VocabularyError, match="same prompt"):
        Vocabulary.from_names(["cat", "kitten"], prompts={"kitten": "cat"})
