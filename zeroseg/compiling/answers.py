"""Reading what a language model says of a class: lenient on form; `rules` judges the words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zeroseg.chat.final_answer import final_answer
from zeroseg.compiling.proposals import Proposal, Relation
from zeroseg.refinement.loose_json import values_in
from zeroseg.refinement.refusals import is_refusal
from zeroseg.refinement.words import words_of

LONGEST_REASON = 100
"""Characters of a reason that are kept."""

_LONGEST = 20_000
"""Characters of an answer that are read."""

_MOST = 12
"""Words of a kind that are looked at; two or three were asked for."""

_KEYS: dict[str, Relation] = {
    **dict.fromkeys(("wording", "prompt", "detector wording"), "wording"),
    **dict.fromkeys(("same", "synonyms", "words", "same words", "other names"), "same"),
    **dict.fromkeys(("narrower", "kinds", "hyponyms", "narrower words"), "narrower"),
    **dict.fromkeys(("look alikes", "lookalikes", "look alike", "distractors"), "looks like"),
}
_DEEPEST = 4


def schema() -> dict[str, Any]:
    """JSON schema of an answer about one class."""
    word = {
        "type": "object",
        "properties": {"word": {"type": "string"}, "reason": {"type": "string"}},
        "required": ["word", "reason"],
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": word}
    properties = {
        "kind": {"type": "string", "enum": ["thing", "stuff"]},
        "wording": {"type": "string"},
        "same": listed,
        "narrower": listed,
        "look_alikes": listed,
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_answer(text: str, label: int, origin: str) -> list[Proposal] | None:
    """What an answer says of a class.

    Args:
        text: The answer as it came.
        label: The class that was asked about.
        origin: What proposals are marked with.

    Returns:
        None where it cannot be read and the class should be asked about again. Of several JSON
        values the last counts that says something: a model that answers twice corrects itself.
    """
    answer = final_answer(text)[:_LONGEST]
    if is_refusal(answer):
        return None
    found = [value for each in values_in(answer) for value in _told(each.content)]
    return list(_proposals(found[-1], label, origin)) if found else None


def _told(content: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The objects in JSON that have one of the keys, wherever they stand in it."""
    if depth > _DEEPEST:
        return
    if isinstance(content, dict):
        named = {_key(key): value for key, value in content.items()}
        if named.keys() & {*_KEYS, "kind"}:
            yield named
            return
    inner = content.values() if isinstance(content, dict) else content
    for value in inner if isinstance(content, dict | list) else ():
        yield from _told(value, depth + 1)


def _key(key: object) -> str:
    return " ".join(words_of(str(key)))


def _proposals(told: dict[str, Any], label: int, origin: str) -> Iterator[Proposal]:
    kind = told.get("kind")
    if kind in ("thing", "stuff"):
        yield Proposal(label, kind, "", origin)
    for key, value in told.items():
        relation = _KEYS.get(key)
        if relation is None:
            continue
        for word, reason in _words(value):
            yield Proposal(label, relation, word, origin, reason)


def _words(value: Any) -> Iterator[tuple[str, str]]:
    """Words and their reasons in a list, as objects or bare."""
    for item in (value if isinstance(value, list) else [value])[:_MOST]:
        reason: Any = ""
        if isinstance(item, dict):
            named = {_key(key): own for key, own in item.items()}
            item, reason = named.get("word", named.get("name")), named.get("reason", "")
        if isinstance(item, str) and item.strip():
            told = " ".join(reason.split()) if isinstance(reason, str) else ""
            yield item.strip(), told[:LONGEST_REASON]
