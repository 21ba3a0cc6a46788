"""What real servers say when they refuse, and what each of them means by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zeroseg.chat.refusals import Refusal

SAID = json.loads(Path(__file__).with_name("words_of_servers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("said", SAID, ids=[str(said["body"])[:60] for said in SAID])
def test_it_is_understood(said: dict[str, Any]) -> None:
    body = said["body"]
    content = body if isinstance(body, str) else json.dumps(body)
    assert Refusal(said["status"], content.encode()).concern.name == said["concern"]


def test_what_a_body_repeats_of_the_request_says_nothing() -> None:
    for echo in ("input", "messages", "prompt"):
        body = {"detail": [{"loc": ["body", "top_k"], "msg": "no", echo: "content_filter api key"}]}
        assert Refusal(422, json.dumps(body).encode()).concern.name == "FORM"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "a  b\n c"}}, "a b c"),
        ({"error": "plain"}, "plain"),
        ({"message": "plain", "code": 400}, "plain"),
        ({"detail": [{"loc": ["body"], "msg": "first"}, {"msg": "second"}]}, "first"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"error": {"code": 5}}, "no reason given"),
        ({}, "no reason given"),
        ("", "no reason given"),
        ("<html><head><title>t</title></head><body><h1>Bad</h1> day</body></html>", "Bad day"),
        ("x" * 5000, "x" * 300 + "…"),
    ],
)
def test_its_words_are_short_whatever_the_body(body: Any, message: str) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    assert Refusal(400, content.encode()).message == message
