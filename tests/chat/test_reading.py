"""Completions in all the shapes that servers give them."""

from __future__ import annotations

from typing import Any

import pytest

from zeroseg.chat.reading import read_completion
from zeroseg.chat.refusals import Refusal
from zeroseg.chat.wire import Unreadable


def completion(message: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}


SAID = {
    "text": "dog",
    "parts": [{"type": "text", "text": "do"}, {"type": "text", "text": "g"}],
    "thoughts in a part": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "cat?"}]},
        {"type": "text", "text": "dog"},
    ],
    "thoughts as text": [
        {"type": "reasoning", "text": "cat?"},
        {"type": "output_text", "text": "dog"},
    ],
    "gemini's thoughts": [{"text": "cat?", "thought": True}, {"text": "dog"}],
    "a part alone": {"type": "text", "text": "dog"},
    "bare strings": ["do", "g"],
    "without types": [{"text": "dog"}],
    "values": [{"type": "text", "text": {"value": "dog", "annotations": []}}],
    "an odd part among them": [
        {"type": "image", "image": 5},
        {"type": "text", "text": "dog"},
        None,
    ],
}


@pytest.mark.parametrize("content", SAID.values(), ids=SAID)
@pytest.mark.parametrize("thoughts", [{}, {"reasoning_content": "cat"}, {"reasoning": "cat"}])
def test_what_was_said_and_nothing_that_was_thought(content: Any, thoughts: dict[str, str]) -> None:
    read = read_completion(completion({"role": "assistant", "content": content, **thoughts}))
    assert (read.text, read.complete, read.refused, read.begun) == ("dog", True, None, True)


def test_an_answer_that_the_server_has_parsed() -> None:
    read = read_completion(completion({"content": {"labels": ["dog"]}}))
    assert read.text == '{"labels": ["dog"]}'


def test_nothing_said_is_an_empty_answer() -> None:
    for message in ({"content": None}, {"content": ""}, {"content": []}, {"reasoning": "cat"}):
        assert read_completion(completion(message)).text == ""


def test_an_answer_of_the_older_protocol() -> None:
    assert read_completion({"choices": [{"text": "dog", "finish_reason": "stop"}]}).text == "dog"


@pytest.mark.parametrize("finish", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
def test_cut_off(finish: str) -> None:
    read = read_completion(completion({"content": "<think>a cat"}, finish))
    assert (read.complete, read.begun) == (False, False)
    assert read_completion(completion({"content": "dog, c"}, finish)).begun
    assert not read_completion(completion({"content": None, "reasoning": "hm"}, finish)).begun


def test_a_refusal_beside_an_answer_is_no_refusal() -> None:
    assert read_completion(completion({"content": "dog", "refusal": "no"})).refused is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 2}, (7, 2)),
        ({"prompt_tokens": 7.0, "completion_tokens": 2.9}, (7, 2)),
        ({"input_tokens": 7, "output_tokens": 2}, (7, 2)),
        ({"prompt_tokens": None, "completion_tokens": 2}, (None, 2)),
        ({"prompt_tokens": -7, "completion_tokens": float("nan")}, (None, None)),
        ({"prompt_tokens": 10**400, "completion_tokens": float("inf")}, (None, None)),
        ({"prompt_tokens": "7", "completion_tokens": True}, (None, None)),
        ({"prompt_tokens": 1e300, "completion_tokens": float("inf")}, (None, None)),
        ({}, (None, None)),
        (None, (None, None)),
        ([], (None, None)),
        ("7", (None, None)),
    ],
)
def test_tokens_are_numbers_or_not_counted(usage: Any, expected: tuple[Any, Any]) -> None:
    read = read_completion(completion({"content": "dog"}, usage=usage))
    assert (read.sent, read.received) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": "dog"},
        {"choices": [None]},
        {"choices": ["dog"]},
        completion(None),
        completion(7),
        completion({"content": 7}),
        completion({"content": True}),
        completion({"content": [[]]}),
        completion({"content": [{"type": 7, "text": "dog"}]}),
        completion({"content": None}, "error"),
    ],
)
def test_what_is_no_answer_is_unreadable(body: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_completion(body)


def test_an_error_in_a_choice() -> None:
    with pytest.raises(Refusal, match="502: gone"):
        read_completion({"choices": [{"error": {"code": 502, "message": "gone"}}]})
