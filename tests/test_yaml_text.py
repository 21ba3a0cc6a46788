"""YAML and JSON of others: what is there is read, and what is silently wrong is said in a line."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from zeroseg.yaml_text import load, load_json, load_words

TEXT = "a: [no, 7, 010, 2012-01-01, 'no']\nb:\nc: ~\nd: 'null'\n"


def test_values_and_words() -> None:
    assert load(TEXT) == {
        "a": [False, 7, 8, datetime.date(2012, 1, 1), "no"], "b": None, "c": None, "d": "null",
    }  # fmt: skip
    assert load_words(TEXT) == {
        "a": ["no", "7", "010", "2012-01-01", "no"], "b": None, "c": None, "d": "null",
    }  # fmt: skip
    assert load("") is None
    assert load_words("[null]") == ["null"]
    assert load_json('{"a": [1, true, "no"]}') == {"a": [1, True, "no"]}


def test_anchors_may_be_merged_and_overridden() -> None:
    assert load("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}")["y"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "the key 'a' stands there twice"),
        ("a: {b: 1, b: 2}", "the key 'b' stands there twice"),
        ("- {b: 1, b: 2}", "the key 'b' stands there twice"),
        ("{a: 1", "no YAML"),
        ("a: 1\n---\na: 2", "another document"),
        ("? [a]\n: b", "unhashable"),
        ("a: !!python/object/apply:os.system ['true']", "no YAML"),
        ("[" * 5000, "no YAML"),
        ("\ta: 1", "no YAML"),
        ("a: \x07", "no YAML"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(text: str, says: str) -> None:
    for read in (load, load_words):
        with pytest.raises(ValueError, match=says) as raised:
            read(text)
        assert "\n" not in str(raised.value)


def test_a_date_that_is_none_is_a_word_only() -> None:
    assert load_words("a: 2001-99-99") == {"a": "2001-99-99"}
    for text in ("a: 2001-99-99", "a: 0x_"):
        with pytest.raises(ValueError, match="no YAML"):
            load(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "{", "", "[" * 100_000, "{'a': 1}"])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        load_json(text)


BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "more than 100000 values"),
        ("a: &a {x: 1}\nb: &b\n  <<: [" + "*a," * 60_000 + "]\n", "more than 100000 values"),
        ("&a " + "x" * 9 + ": [" + "*a," * 100_001 + "]", "more than 100000 values"),
        ("classes:\n" + "".join(f"- c{i}\n" for i in range(100_000)), "more than 100000 values"),
        ("[" + "[]," * 300_000 + "]", "more than 100000 values"),
        ("[" * 100_000, "more than 64 levels"),
        ("".join(f"{' ' * i}a:\n" for i in range(900)), "more than 64 levels"),
        ("a: &a {b: *a}", "recursive"),
        ("&a [[*a]]", "recursive"),
        ("[*gone]", "undefined alias"),
    ],
)
@pytest.mark.parametrize("read", [load, load_words])
def test_what_is_too_much_is_refused_before_it_is_made(
    read: Callable[[str], object], text: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        read(text)


def test_references_are_followed() -> None:
    assert load("a: &a {x: 1}\nb: {<<: *a, y: *a}") == {"a": {"x": 1}, "b": {"x": 1, "y": {"x": 1}}}
