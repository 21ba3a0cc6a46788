"""Vocabularies: names in, indices, ids and colours out, and what cannot be one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.built_in import BUILT_IN
from tests.data.miniatures import pascal_color
from zeroseg.drawn.world import CATEGORIES, STUFF, THINGS
from zeroseg.errors import VocabularyError
from zeroseg.vocabularies import ADE20K, CITYSCAPES, COCO81, DRAM, VOC2012
from zeroseg.vocabulary import Vocabulary, as_words, distinct_colors


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
        ([f"class {i}" for i in range(65536)], {}, "65535"),
        (["other", "dog"], {"ids": [0, 0]}, "repeat"),
        (["other", "dog"], {"ids": [0, 65536]}, "16-bit"),
        (["other", "dog"], {"ids": [0, 255]}, "ignore index"),
        (["other", "dog"], {"ids": [0]}, "2 names but 1 ids"),
        (["other", "dog"], {"ignore_index": 1, "ids": [0, 7]}, "index of a class"),
        (["other", "dog"], {"colors": [(0, 0, 0), (0, 0, 256)]}, "not a colour"),
        (["dog"], {"aliases": {"cat": ["kitty"]}}, "aliases"),
        (["dog"], {"prompts": {"cat": "kitty"}}, "prompts"),
        (["dog"], {"prompts": {"dog": " "}}, "prompt is empty"),
        (
            ["dog", "cat"],
            {"aliases": {"dog": ["pet"], "cat": ["Pet"]}},
            "'Pet' would mean 'dog' and 'cat'",
        ),
    ],
)
def test_what_is_no_vocabulary(names: list[str], options: dict[str, Any], says: str) -> None:
    with pytest.raises(VocabularyError, match=says):
        Vocabulary.from_names(names, **options)


class Odd:
    """Something that is no list, number or text."""

    def __repr__(self) -> str:
        return "odd " * 1000


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "None is not a list"),
        (3, "3 is not a list"),
        (b"dog, cat", "is not a list"),
        (Odd(), "is not a list"),
        (np.array("dog"), "is not a list"),
        ({"dog", "cat"}, "a set has no order"),
        (frozenset({"dog"}), "a set has no order"),
        ([None, "dog"], "name 1 is None, which is not text"),
        (["dog", False], "name 2 is False, which is not text; in YAML, a word within quotes"),
        ([1, 2], "name 1 is 1, which is not text"),
        ([["dog", "cat"]], "name 1 is .* not text"),
        (np.array([["dog"]]), "name 1 is .* not text"),
        ([b"dog"], "name 1 is b'dog', which is not text"),
        (["dog, cat"], "'dog, cat', holds ','"),
        (["dog; cat", "bird"], "holds ';'"),
        (["dog\ncat"], "line end"),
        (["labels.txt"], "looks like a file"),
        (["dog", "..."], "no letter or digit"),
        ({"dog": 1}, r"unknown keys \['dog'\]"),
        ({1: "dog", "classes": ["cat"]}, "unknown keys"),
        ({"classes": None}, "needs `classes`"),
        ({"classes": {"dog"}}, "a set has no order"),
    ],
)
def test_what_python_holds_that_is_none(value: object, says: str) -> None:
    with pytest.raises(VocabularyError, match=says) as raised:
        Vocabulary.parse(value)  # type: ignore[arg-type]
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "value",
    [
        ("dog", "cat"),
        (name for name in ("dog", "cat")),
        {"dog": 1, "cat": 2}.keys(),
        np.array(["dog", "cat"]),
        [" dog\u200b", "\ufeffcat"],
        {"classes": "dog, cat"},
        {1: "dog", 2: "cat"},
        {"classes": {"dog": np.int64(1), "cat": np.int64(2)}},
    ],
)
def test_what_python_holds_that_is_one(value: Any) -> None:
    vocabulary = Vocabulary.parse(value)
    assert vocabulary.names == ("background", "dog", "cat")
    assert vocabulary.ids == (0, 1, 2)
    assert yaml.safe_load(yaml.safe_dump(vocabulary.to_dict())) == vocabulary.to_dict()


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        ({"ids": np.array([0, 5])}, "ids", (0, 5)),
        ({"ids": torch.tensor([0, 5])}, "ids", (0, 5)),
        ({"ids": ["0", "5"]}, "ids", (0, 5)),
        ({"ids": "0, 5"}, "ids", (0, 5)),
        ({"ids": {"dog": 5, "background": 0}}, "ids", (0, 5)),
        ({"colors": ["black", "#ff8800"]}, "colors", ((0, 0, 0), (255, 136, 0))),
        ({"colors": ["#000", "255, 136, 0"]}, "colors", ((0, 0, 0), (255, 136, 0))),
        ({"colors": [[0, 0, 0], [1.0, 0.5, 0]]}, "colors", ((0, 0, 0), (255, 128, 0))),
        ({"colors": [["0", "0", "0"], ["1.0", "0.5", "0"]]}, "colors", ((0, 0, 0), (255, 128, 0))),
        ({"colors": [[1.0, 0, 0], [127.6, 255.0, 0]]}, "colors", ((1, 0, 0), (128, 255, 0))),
        ({"colors": np.array([[0, 0, 0], [1, 1, 1]])}, "colors", ((0, 0, 0), (1, 1, 1))),
        ({"colors": {"dog": "red", "background": "black"}}, "colors", ((0, 0, 0), (255, 0, 0))),
        ({"aliases": {"dog": "puppy"}}, "aliases", ((), ("puppy",))),
        ({"aliases": {"Dog": "puppy, hound"}}, "aliases", ((), ("puppy", "hound"))),
        ({"aliases": {"dog": None}}, "aliases", ((), ())),
        ({"background": 1}, "background", 1),
        ({"background": "0"}, "background", 0),
        ({"ignore_index": "254"}, "ignore_index", 254),
        ({"ignore_index": None}, "ignore_index", 255),
    ],
)
def test_values_as_people_write_them(options: dict[str, Any], field: str, expected: object) -> None:
    vocabulary = Vocabulary.from_names(["background", "dog"], **options)
    assert getattr(vocabulary, field) == expected
    assert Vocabulary.from_dict(vocabulary.to_dict()) == vocabulary


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ids": 5}, "ids: 5 is not a list"),
        ({"ids": {0, 1}}, "ids: a set"),
        ({"ids": {"dog": 1}}, "ids: there is none for"),
        ({"ids": {"dog": 1, "cat": 2}}, "ids are given for"),
        ({"ids": [True, False]}, "ids: number 1: True"),
        ({"ids": [0, -1]}, "ids: number 2: -1"),
        ({"ids": [0, 1.5]}, "ids: number 2: 1.5"),
        ({"ids": [0, float("nan")]}, "ids: number 2: nan"),
        ({"ids": [0, "dog"]}, "ids: number 2: 'dog'"),
        ({"ids": [0, 10**30]}, "ids: number 2"),
        ({"colors": "red"}, "colors: 'red' is not a list"),
        ({"colors": [0, 0, 0, 255, 0, 0]}, "colors: 0 is not a colour"),
        ({"colors": ["black", "reddish"]}, "colors: 'reddish' is not a colour"),
        ({"colors": ["black", "rgb(300, 0, 0)"]}, "not a colour"),
        ({"colors": ["black", "#ff880080"]}, "not a colour"),
        ({"colors": [[0, 0, 0], [0, 0, -1]]}, "not a colour"),
        ({"colors": [[0, 0, 0], [0, float("nan"), 0]]}, "not a colour"),
        ({"colors": [[0, 0, 0], [0, 0, 0, 255]]}, "not a colour"),
        ({"colors": [[0, 0, 0], [True, False, True]]}, "not a colour"),
        ({"colors": ["red", [0.5, 0.5, 0.5]]}, "colors: some are in 0..1, others in 0..255"),
        ({"colors": [[0, 0, 0], None]}, "None is not a colour"),
        ({"colors": [[0, 0, 0]]}, "2 names but 1 colors"),
        ({"aliases": "puppy"}, "aliases: 'puppy' is no mapping"),
        ({"aliases": ["puppy"]}, "aliases: .* is no mapping"),
        ({"aliases": {1: "puppy"}}, "aliases are given for"),
        ({"aliases": {"dog": [7]}}, "aliases: a word for 'dog' is 7"),
        ({"aliases": {"dog": {"puppy"}}}, "a set has no order"),
        ({"prompts": {"dog": ["a dog"]}}, "dog's prompt is"),
        ({"background": True}, "background True is not among"),
        ({"background": 2}, "background 2 is not among"),
        ({"ignore_index": -100}, "ignore_index: -100"),
        ({"ignore_index": True}, "ignore_index: True"),
        ({"name": 2012}, "name is 2012"),
    ],
)
def test_values_that_cannot_be_meant_name_their_argument(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(VocabularyError, match=says):
        Vocabulary.from_names(["background", "dog"], **options)


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
    names = ["dram", "voc2012", "cityscapes", "coco81", "ade20k", "drawn", "drawn-all"]
    names += ["context60", "context459", "coco-stuff", "ade847"]
    assert list(BUILT_IN) == names
    assert [len(v) for v in BUILT_IN.values()] == [12, 21, 20, 81, 151, 17, 26, 60, 460, 172, 848]
    assert ADE20K.ids == tuple(range(151))
    first, last = ("wall", "sky", "person", "crt-screen"), (1, 3, 13, 142)
    assert tuple(ADE20K.ids[ADE20K.index(name)] for name in first) == last
    assert DRAM.ids == (0, 3, 4, 5, 8, 9, 10, 12, 13, 15, 16, 17)
    for name in DRAM.names:
        assert DRAM.ids[DRAM.index(name)] == VOC2012.ids[VOC2012.index(name)]
    assert VOC2012.ids == tuple(range(21))
    assert VOC2012.colors[15] == (192, 128, 128)  # the person of the VOC palette
    assert VOC2012.colors == tuple(map(pascal_color, range(21)))
    assert CITYSCAPES.ids[CITYSCAPES.index("bicycle")] == 33
    assert COCO81.ids[COCO81.index("toothbrush")] == 90
    assert COCO81.ids[COCO81.index("stop sign")] == 13
    assert CITYSCAPES.names[CITYSCAPES.background] == "unlabeled"


@pytest.mark.parametrize("names", [[], ["other"], ["background"]])
def test_a_background_alone_is_no_vocabulary(names: list[str]) -> None:
    with pytest.raises(VocabularyError, match=r"class"):
        Vocabulary.from_names(names)


def test_two_classes_cannot_be_asked_for_in_the_same_words() -> None:
    with pytest.raises(VocabularyError, match=r"prompts: .* one class only"):
        Vocabulary.from_names(["cat", "kitten"], prompts={"kitten": "cat"})


def test_long_lists_take_sixteen_bits_and_short_ones_stay_at_eight() -> None:
    short = Vocabulary.from_names([f"class {i}" for i in range(254)])
    long = Vocabulary.from_names([f"class {i}" for i in range(1203)])
    assert (short.bits, short.ignore_index) == (8, 255)
    assert (long.bits, long.ignore_index, len(long)) == (16, 65535, 1204)
    assert Vocabulary.from_names(["other", "dog"], ids=[0, 300]).bits == 16
    labels = torch.tensor([[0, 300], [1203, 65535]])
    assert long.to_ids(labels).tolist() == [[0, 300], [1203, 65535]]
    assert torch.equal(long.from_ids(long.to_ids(labels)), labels)
    assert short.to_ids(torch.tensor([0, 255])).dtype == torch.uint8


def test_several_words_stuff_and_distractors() -> None:
    classes = Vocabulary.from_names(
        ["dog", "sky"],
        words={"dog": ["puppy", "hound"], "sky": "clouds"},
        stuff=["Sky"],
        distractors=["text", "frame"],
        exhaustive="True",
    )
    assert classes.words == ((), ("puppy", "hound"), ("clouds",))
    assert classes.stuff == (2,)
    assert classes.distractors == ("text", "frame")
    assert classes.exhaustive is True
    assert Vocabulary.from_dict(classes.to_dict()) == classes
    plain = Vocabulary.from_names(["dog", "sky"])
    assert not {"words", "stuff", "distractors", "exhaustive"} & set(plain.to_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": {"dog": ["cat"]}}, "'cat' would mean .* one class only"),
        ({"words": {"dog": ["pet"], "cat": ["pet"]}}, "'pet' would mean .* one class only"),
        ({"distractors": ["dog"]}, "one class only.*dog"),
        ({"distractors": ["Dog"]}, "one class only.*Dog"),
        ({"words": {"dog": ["CAT"]}}, "'CAT' would mean"),
        ({"words": {"dog": ["hound"]}, "distractors": ["Hound"]}, "one class only.*Hound"),
        ({"words": {"dog": ["Puppy"], "cat": ["puppy"]}}, "'puppy' would mean"),
        ({"words": {"dog": "hound"}, "aliases": {"cat": "hound"}}, "'hound' would mean"),
        ({"prompts": {"dog": "Cat"}}, "'Cat' would mean"),
        ({"aliases": {"dog": "puppy"}, "distractors": ["puppy"]}, "one class only.*puppy"),
        ({"stuff": ["sky"]}, "stuff.*sky.*not among"),
        ({"words": {"cow": ["calf"]}}, "words are given for"),
        ({"distractors": [""]}, "distractors: a word is empty"),
        ({"exhaustive": "mostly"}, "exhaustive: 'mostly' is neither true nor false"),
    ],
)
def test_a_word_stands_for_one_class(options: dict[str, Any], message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.from_names(["dog", "cat"], **options)


def test_the_drawn_vocabularies_are_those_of_the_drawn_world() -> None:
    things = tuple(name.replace(" ", "-") for name in THINGS)
    assert Vocabulary.parse("drawn").names == ("background", *things)
    assert Vocabulary.parse("drawn").stuff == ()
    everything = Vocabulary.parse("drawn-all")
    assert everything.names == ("background", *things, *STUFF)
    assert tuple(everything.names[index] for index in everything.stuff) == STUFF
    assert everything.prompts[1:] == CATEGORIES
    assert everything.exhaustive and not Vocabulary.parse("drawn").exhaustive


def test_words_that_differ_in_spelling_alone_are_asked_once() -> None:
    words = {"traffic light": ["Traffic-Light", "signal", "Signal"]}
    found = Vocabulary.from_names(["traffic light"], words=words, distractors=["Pole", "pole"])
    assert found.words[1] == ("signal",)
    assert found.distractors == ("Pole",)


def test_look_alikes_are_pairs_of_classes_each_once() -> None:
    pairs = [["dog", "Cat"], ("cat", "dog"), ["boat", "dog"]]
    classes = Vocabulary.from_names(["dog", "cat", "boat"], look_alikes=pairs)
    assert classes.look_alikes == ((1, 2), (1, 3))
    assert Vocabulary.from_dict(classes.to_dict()) == classes
    assert "look_alikes" not in Vocabulary.from_names(["dog"]).to_dict()
    for wrong, says in (
        (["dog"], "'dog' is no pair"),
        ([["dog"]], "no pair of two"),
        ([["dog", "Dog"]], "no pair of two"),
        ([["dog", "cat", "boat"]], "no pair of two"),
        ([["dog", "wolf"]], "'wolf'.* not among the classes"),
        (7, "look_alikes"),
    ):
        with pytest.raises(VocabularyError, match=says):
            Vocabulary.from_names(["dog", "cat", "boat"], look_alikes=wrong)  # type: ignore[arg-type]


def test_the_words_of_another_list_are_taken_by_name() -> None:
    own = Vocabulary.from_names(["sky", "dog", "unicorn"], background="sky", ids=[5, 7, 9])
    other = Vocabulary.from_names(
        ["wolf", "Dog", "sky"],
        words={"dog": ["hound"], "sky": ["clouds"]},
        prompts={"dog": "a dog"},
        stuff=["sky", "dog"],
        distractors=["fox"],
        look_alikes=[["wolf", "dog"], ["sky", "dog"]],
    )
    found = own.asked_like(other)
    assert found.words == ((), ("hound",), ()) and found.prompts == ("sky", "a dog", "unicorn")
    assert (found.stuff, found.look_alikes, found.distractors) == ((1,), (), ("fox",))
    assert (found.ids, found.background, found.name) == (own.ids, own.background, own.name)
    assert replace(own, stuff=(2,)).asked_like(other).stuff == (2,)
    assert replace(own, exhaustive=True).asked_like(other).distractors == ()
    with pytest.raises(VocabularyError, match="has words for none of"):
        own.asked_like(Vocabulary.from_names(["sky", "boat"]))
    with pytest.raises(VocabularyError, match="'hound' would mean 'hound' and 'dog'"):
        Vocabulary.from_names(["hound", "dog"]).asked_like(other)
