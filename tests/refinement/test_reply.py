from __future__ import annotations

from random import Random

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


@pytest.mark.parametrize(
    "text",
    [
        'Perhaps {"labels": ["bird"]}. Actually: {"labels": ["dog", "cat"]}',
        '{"labels": ["bird"]}\n{"labels": ["dog", "cat"]}',
        '{"labels": ["dog", "cat",],}',
        "{'labels': ['dog', 'cat',]}",
        '{labels: ["dog", "cat"]}',
        '{"labels": ["dog", /* brown */ "cat"] // done\n}',
        '{\n "labels": [\n  "dog", # brown\n  "cat" // grey\n ]\n}',
        "{'dog': True, 'cat': True, 'bird': False, 'person': None}",
        '{"label": "dog"}\n{"label": "cat"}',
        '["dog"], ["cat"]',
        '"{\\"labels\\": [\\"dog\\", \\"cat\\"]}"',
        '{"answer": "{\\"labels\\": [\\"dog\\", \\"cat\\"]}"}',
        '{"labels": "dog, cat"}',
        '{"labels": "dog\\ncat"}',
        '{"labels": [{"name": "dog"}, {"name": "cat"}]}',
        (
            '[{"label": "dog", "confidence": 0.9},'
            ' {"label":"cat","confidence":0.8},{"label":"bird","confidence":0.1}]'
        ),
        '{"dog": 0.9, "cat": 0.7, "bird": 0.1}',
        '{"dog": "yes", "cat": "yes", "bird": "no"}',
        '{"dog": {"present": true}, "cat": {"present": true}, "bird": {"present": false}}',
        '{"dog": "in front", "cat": "asleep", "bird": "not visible"}',
        '{"reasoning": "a bird?", "labels": ["dog","cat"]}',
        '{"thought": "bird", "answer": "dog, cat"}',
        "| class | present |\n|---|---|\n| dog | yes |\n| cat | \u2705 |\n| bird | no |",
        "| dog |\n|:---|\n| dog |\n| cat |",
        "- [x] dog\n- [X] cat\n- [ ] bird",
        "\u2611 dog\n\u2611 cat\n\u2610 bird",
        "\u2705 dog\n\u2705 cat\n\u274c bird",
        "**dog**, **cat**",
        (
            "* **dog**: it is in front, because of that\n"
            "* **cat**: because there is one\n* **bird**: not seen"
        ),
        "1. Dog \u2013 it is lying there, on the grass.\n2. Cat \u2013 asleep.",
        "1. **Dog** - since it is there\n2. **Cat** (clearly)",
        "dog\u060ccat",
        "dog\uff1bcat",
        "dog\uff0ccat",
        "dog\u30fbcat",
        "dog\u2028cat",
        "d\u200bog, c\xadat",
        "\uff44\uff4f\uff47\uff0c\uff43\uff41\uff54",
        "\u300cdog\u300d\u3001\u300ccat\u300d",
        "\xab dog \xbb, \xab cat \xbb",
        "<ul><li>dog</li><li>cat</li></ul>",
        "<labels><label>dog</label><label>cat</label></labels>",
        "<b>dog</b>, <b>cat</b>",
        "Reasoning: bird, person\nLabels: dog, cat",
        "Reasoning: bird.\n\ndog, cat",
        "### Reasoning\nbird\n### Labels\ndog\ncat",
        "Excluded:\n\n- bird\n\nIncluded:\n\n- dog\n- cat",
        "dog: yes\ncat: yes\nbird: no",
        "dog: 0.9\ncat: 0.8\nbird: 0.1",
        "dog (95%), cat (80%), bird (10%)",
        "~~bird~~, dog, cat",
        "labels:\n  - dog\n  - cat\n",
        "labels: [dog, cat]",
        "Sorry for the confusion. Here is the list: dog, cat",
        "\\boxed{\\text{dog, cat}}",
        '<think>bird</think>{"labels":["dog","cat"]}',
        "Final answer: dog and cat",
        '{"labels": ["dog", "cat"]} I excluded {"labels": ["bird"]}.',
        '```json\n{"labels": ["bird"]}\n```\nCorrected:\n```json\n{"labels": ["dog", "cat"]}\n```',
        '{"labels": ["dog", "cat"]}\n\nConfidence: {"score": 0.9}',
        '{"label": "dog", "label": "cat"}',
        '{"dog", "cat"}',
        '("dog", "cat")',
        "['dog', 'cat']",
        "[\u201cdog\u201d, \u201ccat\u201d]",
        '{"labels": ["Dog.", "a cat"]}',
        '[["dog"],["cat"]]',
        '{"result": {"labels": ["dog","cat"]}}',
        '{"type":"object","properties":{"labels":["dog","cat"]}}',
        "dog;\ncat;",
        "dog/cat",
        "dog + cat",
        "> dog\n> cat",
        "+ dog\n+ cat",
        "(1) dog (2) cat",
        "a) dog\nb) cat",
        "1 dog\n2 cat",
        '{"labels": ["dog", "cat"], "absent": ["bird"]}',
        '{"labels":["dog","cat"]}</answer>',
        '{"labels": ["cat", "dog"]',
        '{"labels": ["cat, "dog"]}',
        'labels = ["dog", "cat"]',
        '{"1": "dog", "2": "cat"}',
        "dog x2, cat x1",
        "`dog` `cat`",
        "**Answer:** dog, cat",
        "The classes are: dog and cat.",
        "Yes: dog, cat",
        '["dog" "cat"]',
        '{"labels": ["dog", "cat"]} {"note": "brown"}',
        "1 dog, 2 cats, 0 birds",
        "Draft: bird\nFinal answer: dog, cat",
        "<answer>dog, cat</answer>",
        "- dog \u2713\n- cat \u2713\n- bird \u2717",
        '{"classes": [{"class": "dog", "reason": "a bird?"}, {"class": "cat"}]}',
        '{"selected": ["dog", "cat"], "rejected": ["bird"]}',
        (
            '[{"name": "dog", "present": true}, {"name": "cat", "present": true},'
            ' {"name": "bird", "present": false}]'
        ),
        'Perhaps {"labels": ["dog", "cat"]}. Or {"labels": ["bi',
        "Perhaps bird. Actually: dog, cat",
        "dog, cat\r\n",
        "**Classes present:**\n\n- Dog \U0001f436\n- Cat \U0001f431",
        "dog \U0001f436, cat \U0001f431",
        (
            "Based on the description, the classes are:\n1. dog\n2. cat\n\nLe"
            "t me know if you need anything else!"
        ),
        (
            "Okay, let me think. There might be a bird.\n</think>\n\n```json"
            '\n{"labels": ["dog", "cat"]}\n```'
        ),
        "Thought: there is a bird maybe\nAnswer: dog, cat",
        "**Reasoning:** There is a bird, person.\n\n**Answer:** dog, cat",
        "Step 1: bird\nStep 2: person\nFinal answer: dog, cat",
        '{"thinking": "bird", "final": {"labels": ["dog", "cat"]}}',
        '{"labels": ["dog", "cat"]}{"labels": ["dog", "cat"]}',
        (
            '{"labels": ["bird"]}\n\nWait, that is wrong. Let me correct it'
            '.\n\n{"labels": ["dog", "cat"]}'
        ),
        (
            '[\n  {"class": "dog", "present": "yes"},\n  {"class": "cat", "'
            'present": "yes"},\n  {"class": "bird", "present": "no"}\n]'
        ),
        '{"dog": "present", "cat": "present", "bird": "absent"}',
        '{"dog": "high", "cat": "high", "bird": "low"}',
        '{"present_classes": ["dog", "cat"], "absent_classes": ["bird"]}',
        '{"detected": ["dog", "cat"], "possible": ["bird"]}',
        "{'labels': {'dog', 'cat'}}",
        "labels: {dog, cat}",
        "<dog>, <cat>",
        "(dog, cat)",
        "dog... cat...",
        "dog. cat.",
        "DOG AND CAT",
        "dog, cat and",
        "dog,, cat",
        "Dog\n\nCat",
        "- dog: 1\n- cat: 1\n- bird: 0",
        "class,present\ndog,1\ncat,1",
        "dog=1, cat=1, bird=0",
        "dog:true\ncat:true\nbird:false",
        (
            "| # | Class | Confidence |\n|---|---|---|\n| 1 | dog | 0.95 |\n"
            "| 2 | cat | 0.80 |\n| 3 | bird | 0.05 |"
        ),
        "Class | Present\n--- | ---\ndog | Yes\ncat | Yes\nbird | No",
        (
            "+-----+-----+\n| class | p |\n+-----+-----+\n| dog | yes |\n| ca"
            "t | yes |\n+-----+-----+"
        ),
        "1\ufe0f\u20e3 dog\n2\ufe0f\u20e3 cat",
        "\u2192 dog\n\u2192 cat",
        "* dog\n  * brown\n* cat\n  * asleep",
        "dog (class 12), cat (class 8)",
        '["dog", "cat"]<|im_end|>',
        '["dog", "cat"]</s>',
        '<|channel|>final<|message|>["dog","cat"]<|return|>',
        '{"name":"labels","arguments":{"labels":["dog","cat"]}}',
        '<tool_call>{"name":"answer","arguments":{"labels":["dog","cat"]}}</tool_call>',
        'print(["dog", "cat"])',
        'labels = [\n    "dog",  # front\n    "cat",  # back\n]',
        "```python\n['dog', 'cat']\n```",
        '{"labels":[{"label":"dog","bbox":[1,2,3,4]},{"label":"cat","bbox":[1,2,3,4]}]}',
        '{"labels":["dog (brown)","cat"]}',
        '{"labels":["dog","cat",null]}',
        '{"labels":["dog","cat",""]}',
        '{"labels":[["dog",0.9],["cat",0.8]]}',
        '"dog, cat"',
        "'dog', 'cat'",
        "\u201cdog, cat\u201d",
        "dog, cat\n\nExplanation: I left out the bird, person.",
        "dog, cat\n\nNote: bird is not visible.",
        "Note: bird is unlikely.\ndog, cat",
        "Certain: dog, cat\nUncertain: bird",
        "Yes: dog, cat\nNo: bird",
        "Definitely present: dog, cat. Not present: bird.",
        "Dog: yes, Cat: yes, Bird: no",
        "A dog and a cat",
        "the dog; the cat;",
        "> **dog**, **cat**",
        "dog\\ncat",
        '{"labels":["dog","cat"]',
        '{"labels":["dog","cat"],',
        'json\n{"labels":["dog","cat"]}',
        "\xa1dog, cat!",
        "dog\u3001cat\u3002",
        "\u7b54\u6848\uff1adog, cat",
        "\u0410\u043d\u0442\u0432\u043e\u0440\u0442: dog, cat",
        "R\xe9ponse : dog, cat",
        "Antwort: dog, cat",
        "#dog #cat",
        "dog #1, cat #2",
        "dog\x00, cat",
        "&quot;dog&quot;, &quot;cat&quot;",
        '{"labels":["dog","cat"]}\n\n{"explanation":"bird"}',
        '{"answer":"dog, cat","explanation":"no bird"}',
        '{"labels":"dog","labels":"cat"}',
    ],
)
def test_lists_as_models_give_them(text: str) -> None:
    assert read(text) == ["cat", "dog"]


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't identify a dog, cat or person in images.",
        "I'm sorry, but I can't help with that:\n- dog\n- cat",
        "I cannot assist with this.\n\ndog\ncat",
        "I can\u2019t help with that. dog, cat.",
        "As an AI language model, dog, cat",
        '{"labels": [], "refusal": "I can\'t"}',
        '{"error": "I cannot see: dog"}',
        "Lo siento, dog, cat",
        "\u62b1\u6b49\uff0cdog\uff0ccat",
        '{"labels": [',
        '{"labels": [1, 3]}',
        "[1, 3]",
        '{"dog": "none"',
        "d\u043eg",
        '{"reasoning": "dog"}',
        '{"labels": ["There is no dog, cat or bird"]}',
        'not {"a":1}',
        "[]x",
        "I am unable to determine whether dog, cat",
        'Sorry, I can\'t do that. {"labels": ["dog"]}',
    ],
)
def test_refusals_and_asides_name_nothing(text: str) -> None:
    parsed = parse_labels(text, NAMES)
    assert parsed.labels == ()
    assert not parsed.understood


@pytest.mark.parametrize(
    "text",
    [
        '{"labels": []}',
        '{"dog": false, "cat": 0.1}',
        '{"labels": "none"}',
        '{"labels": ["none"]}',
        "<think>dog</think>none",
        "```\nnone\n```",
        "{}",
        '{"labels": null}',
        '[{"label":"dog","present":false}]',
        "Answer: none",
        "\\boxed{none}",
    ],
)
def test_no_class_is_an_answer_in_every_form(text: str) -> None:
    parsed = parse_labels(text, NAMES)
    assert parsed.labels == ()
    assert parsed.understood


def test_parts_of_one_list_are_joined_and_corrections_are_not() -> None:
    assert read('{"label": "dog"}\n{"label": "cat"}') == ["cat", "dog"]
    assert read('{"labels": ["dog"]}\n{"labels": ["cat"]}') == ["cat"]
    assert read('{"label": "dog"} Hm, no: {"label": "cat"}') == ["cat"]


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
    "text",
    [
        (
            "| # | phrase | class |\n|---|---|---|\n| 1 | dinner table | none |\n"
            "| 2 | kitty | cat |\n| 3 | puppy | dog |"
        ),
        "1. dinner table \u2192 none\n2. kitty \u2192 **cat**\n3. puppy \u2192 **dog**",
        '{"1": {"label": "none"}, "2": {"label": "cat"}, "3": {"label": "dog"}}',
        (
            '{"answers": [{"number": 1, "label": null}, {"number": 2,'
            ' "label": "cat"}, {"number": 3, "label": "dog"}], "notes": "x"}'
        ),
        (
            '{"number": 1, "label": "none"}\n{"number": 2, "label": "cat"}\n'
            '{"number": 3, "label": "dog"}'
        ),
        '[["dinner table","none"],["kitty","cat"],["puppy","dog"]]',
        '[{"1": "none"}, {"2": "cat"}, {"3": "dog"}]',
        (
            "{'answers': [{'number': 1, 'label': 'none'}, {'number': 2,"
            " 'label': 'cat',}, {'number': 3, 'label': 'dog'}]}"
        ),
        "<think>1: cat</think>1: none\n2: cat\n3: dog",
        '{"answers": {"1": "none", "2": "cat", "3": "dog"}}',
        '{"dinner table": ["none"], "kitty": ["cat"], "puppy": ["dog"]}',
        (
            'Maybe {"answers":[{"number":1,"label":"dog"}]} no: {"answers":[{"numbe'
            'r":1,"label":"none"},{"number":2,"label":"cat"}'
            ',{"number":3,"label":"dog"}]}'
        ),
        '["none"]\n["cat"]\n["dog"]',
        '"{\\"1\\": \\"none\\", \\"2\\": \\"cat\\", \\"3\\": \\"dog\\"}"',
        '{"answers": ["none", "cat", "dog"]}',
        "(1) none\n(2) cat\n(3) dog",
        "**1.** none\n**2.** cat\n**3.** dog",
        "1\u3001none\n2\u3001cat\n3\u3001dog",
        "1\uff1a none\n2\uff1a cat\n3\uff1a dog",
        '"dinner table": none\n"kitty": cat\n"puppy": dog',
        (
            '{"answers":[{"number":"1","label":"none"}'
            ',{"number":"2.","label":"cat"},{"number":3.0,"label":"dog"}]}'
        ),
        (
            '{"answers":[{"phrase_number":1,"class":"none"}'
            ',{"phrase_number":2,"class":"cat"},{"phrase_number":3,"class":"dog"}]}'
        ),
        (
            '{"answers":[{"number":1,"phrase":"dinner table","label":"none"}'
            ',{"number":2,"phrase":"kitty","label":"cat"}'
            ',{"number":3,"phrase":"puppy","label":"dog"}]}'
        ),
        "- 1: none\n- 2: cat\n- 3: dog",
        '1. "dinner table": none\n2. "kitty": cat\n3. "puppy": dog',
        "1. none (a table)\n2. cat (young)\n3. dog (young)",
    ],
)
def test_one_class_a_phrase_as_models_give_it(text: str) -> None:
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
        ("9" * 5000 + ": cat\n2: dog", {1: 3}, ("cat",)),
        ("0: dog\n1: cat\n2: dog", {0: 3, 1: 2, 2: 3}, ()),
        ('{"answers": [{"number": 0, "label": "dog"}]}', {0: 3}, ()),
        ('{"number": 0, "label": "dog"}\n{"number": 1, "label": "cat"}', {0: 3, 1: 2}, ()),
        ("0: none\n1: cat\n2: dog\n3: cat", {}, ("none", "cat", "dog", "cat")),
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
    assert parse_answers("I'm sorry, but I can't say\ndog", ["puppy"], NAMES).labels == {}


PIECES = (
    '[ { ( < </ " \' ` | * ~~ ## // /* {\' ["a", {"a": <think> </think> <b> |-- |--|\\n - -> : 1. '
    "[x] [ ] dog x2 no dog, and & i'm here:"
).split(" ")
SEEDS = (
    *PIECES,
    *("dog", "cat", "Potted Plants", "spaceship", ", ", "\n", " and ", ": ", " -> ", "none", "1. "),
    '{"labels": ["dog", "cat"]}',
    '{"answers": [{"number": 1, "label": "dog"}, {"number": 2, "label": null}]}',
    "{'dog': True, 'cat': 0.2, \"bird\": [",
    "| class | there |\n|---|---|\n| dog | yes |\n",
    "- [x] dog\n- [ ] cat\n",
    "<think>Perhaps a bird.</think>",
    "<|channel|>final<|message|>",
    r"\boxed{\text{dog}}",
    "I'm sorry, but I can't help with that.",
    "There is no dog. ",
)


def mutated(random: Random) -> str:
    """One to three answers and pieces of answers, cut, doubled and shuffled."""
    text = "".join(random.choice(SEEDS) for _ in range(random.randint(1, 3)))
    for _ in range(random.randint(0, 4)):
        start, end = sorted(random.randint(0, len(text)) for _ in range(2))
        piece = random.choice(
            (text[start:end], random.choice(SEEDS), chr(random.randint(0, 0x2FFF)))
        )
        text = text[:start] + piece * random.randint(0, 3) + text[random.choice((start, end)) :]
    return text


def test_whatever_comes_nothing_is_raised_and_nothing_foreign_is_named() -> None:
    random = Random(9)
    for _ in range(300):
        text = mutated(random)
        parsed = parse_labels(text, NAMES)
        assert set(parsed.labels) <= set(VOCABULARY.classes), text
        answers = parse_answers(text, PHRASES, NAMES)
        assert set(answers.labels) <= {0, 1, 2}, text
        assert set(answers.labels.values()) <= {-1, *range(len(VOCABULARY))}, text


@pytest.mark.parametrize("piece", [*PIECES, "\n", " ", "\n\n", "- \n", ": ", " - ", "dog, ", "\\"])
def test_is_linear_in_what_it_reads(piece: str) -> None:
    """No figure is compared: where a pattern backtracks, this never ends."""
    text = piece * (20_000 // len(piece))
    for said in (text, f'{{"labels": "{text}"}}', f"dog {text}x"):
        parse_labels(said, NAMES)
        parse_answers(said, PHRASES, NAMES)
