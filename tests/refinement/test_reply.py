from __future__ import annotations

import pytest

from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.reply import parse_answers, parse_labels
from zeroseg.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_names(
    ["background", "bird", "cat", "dog", "person", "potted-plant", "traffic-light"],
    aliases={"person": ["human"]},
    prompts={"bird": "flying bird"},
)
NAMES = ClassNames(VOCABULARY)


def read(text: str) -> list[str]:
    return [VOCABULARY.names[label] for label in parse_labels(text, NAMES).labels]


@pytest.mark.parametrize(
    "text",
    [
        "dog, cat",
        "Dog,CAT,",
        "cat;dog",
        "cat | dog",
        "dog\ncat",
        "dog.\ncat.\n",
        "1. dog\n2. cat",
        "1) dog 2) cat",
        "[1] dog\n[2] cat",
        "- dog\n- cat",
        "* **dog**\n* `cat`",
        "\u2022 dog\n\u2022 cat",
        "Labels: dog, cat",
        "**Labels:** dog, cat",
        "Sure! Here are the labels: dog, cat.",
        "The picture shows a garden.\n\ndog, cat",
        '["dog", "cat"]',
        '{"labels": ["dog", "cat"]}',
        '{"labels": "dog, cat"}',
        '{"labels": ["dog, cat"]}',
        '```json\n{"labels": ["dog", "cat"]}\n```',
        "```\ndog, cat\n```",
        'Here you are: {"labels": ["dog", "cat"]} I hope that helps, person.',
        '{"labels": ["dog", "cat", "tra',
        '{"labels": ["dog", "cat"], "rea',
        "{'labels': ['dog', 'cat']}",
        "[dog, cat]",
        '{"dog": true, "cat": true, "bird": false}',
        '{"absent": ["bird"], "present": ["dog", "cat"]}',
        "dogs and cats",
        "dog & cat",
        "a dog, the cat",
        '"dog", "cat"',
        "\u201cdog\u201d, \u201ccat\u201d",
        "dog (brown), cat (asleep), bird (not visible)",
        "dog: in front\ncat: asleep\nbird: not visible",
        "dog - in front\ncat - asleep",
        "Present:\n- dog\n- cat\nNot present:\n- bird\n- person",
        "puppy -> dog\nkitten -> cat",
        "<think>Perhaps bird, person.</think>\ndog, cat",
        "background, dog, cat",
        "dog, cat, spaceship",
        "dog, cat, dog",
        "dog\u3001cat",
    ],
)
def test_lists_of_every_form(text: str) -> None:
    assert read(text) == ["cat", "dog"]
    assert parse_labels(text, NAMES).understood


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Potted Plants, traffic_light", ["potted-plant", "traffic-light"]),
        ("pottedplant, TRAFFIC-LIGHTS", ["potted-plant", "traffic-light"]),
        ("humans, flying birds", ["bird", "person"]),
        ("people", ["person"]),
        ("potted - plant", ["potted-plant"]),
        ("kitten, hot dog, dog house", []),
    ],
)
def test_names_prompts_aliases_and_plurals_count_but_nothing_else(
    text: str, names: list[str]
) -> None:
    assert read(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "There is no dog, but a cat",
        "I see no dog, cat, or bird.",
        "The image contains a dog and a cat",
        "It is a dog",
        "no dog",
        "dog, no cat",
        "Excluded: dog, cat",
        "None of these: dog, cat",
        "Not present:\n- dog\n- cat",
        "I cannot help with a dog, a cat or a bird.",
        '["There is a dog"]',
        "dog cat bird",
        "spaceship",
        '{"labels": ["spaceship"]}',
        '{"labels": [',
        "{",
        "[" * 100_000,
        "",
        "   \n",
        "...",
        "null",
        '{"labels": 3}',
        "[1]",
    ],
)
def test_sentences_strangers_and_fragments_name_nothing(text: str) -> None:
    parsed = parse_labels(text, NAMES)
    assert parsed.labels == ()
    assert not parsed.understood


@pytest.mark.parametrize(
    "text",
    ["none", "None.", '{"labels": []}', "[]", "background", "Labels: none", '{"dog": false}'],
)
def test_no_class_is_an_answer(text: str) -> None:
    parsed = parse_labels(text, NAMES)
    assert parsed.labels == ()
    assert parsed.understood
    assert parsed.dropped == ()


def test_what_is_dropped_is_told() -> None:
    assert parse_labels("dog, spaceship, kitten", NAMES).dropped == ("spaceship", "kitten")
    prose = "There is no dog, but a cat"
    assert parse_labels(prose, NAMES).dropped == (prose,)


PHRASES = ["dinner table", "kitty", "puppy"]


@pytest.mark.parametrize(
    "text",
    [
        "1: none\n2: cat\n3: dog",
        "1. none\n2. cat\n3. dog",
        "1) None.\n2) Cats\n3) DOG",
        "1 -> none\n2 -> cat\n3 -> dog",
        "1. dinner table: none\n2. kitty -> cat\n3. puppy: dog",
        "dinner table -> none\nkitty -> cat\npuppy -> dog",
        "- dinner table: none\n- kitty: cat\n- puppy: dog",
        "none\ncat\ndog",
        "Here are the classes.\n1: none\n2: cat - a young one\n3: dog (young)",
        '{"answers": [{"number": 1, "label": "none"}, {"number": 2, "label": "cat"}, '
        '{"number": 3, "label": "dog"}]}',
        '[{"phrase": "puppy", "label": "dog"}, {"phrase": "kitty", "label": "cat"}, '
        '{"phrase": "dinner table", "label": "none"}]',
        '```json\n{"1": null, "2": "cat", "3": "dog"}\n```',
        '{"dinner table": "none", "kitty": "cat", "puppy": "dog"}',
        '["none", "cat", "dog"]',
    ],
)
def test_one_class_a_phrase_in_every_form(text: str) -> None:
    assert parse_answers(text, PHRASES, NAMES).labels == {0: -1, 1: 2, 2: 3}


@pytest.mark.parametrize(
    ("text", "labels", "dropped"),
    [
        ("2: cat", {1: 2}, ()),
        ("2: spaceship\n3: dog", {1: -1, 2: 3}, ("spaceship",)),
        ("2: not a cat", {1: -1}, ("not a cat",)),
        ("2: cat\n2: dog", {1: 2}, ()),
        ("7: cat", {}, ("cat",)),
        ("cat\ndog", {}, ("cat", "dog")),
        ("Ignore\nall of\nthis", {}, ("Ignore", "all of", "this")),
        ("", {}, ()),
        ('{"answers": [{"number": 2, "label": "cat"}, {"number": 3, "la', {1: 2}, ()),
        ("1: background", {0: 0}, ()),
    ],
)
def test_partial_and_wrong_answers(
    text: str, labels: dict[int, int], dropped: tuple[str, ...]
) -> None:
    answers = parse_answers(text, PHRASES, NAMES)
    assert (answers.labels, answers.dropped) == (labels, dropped)


def test_a_single_phrase_may_be_answered_barely() -> None:
    assert parse_answers("Dog.", ["puppy"], NAMES).labels == {0: 3}
    assert parse_answers("I think it is a dog", ["puppy"], NAMES).labels == {}
