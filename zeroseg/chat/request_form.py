"""How a model wants to be asked: what requests hold beyond messages, learned from refusals."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from zeroseg.chat.chat_model import Conversation, Message, Picture
from zeroseg.chat.refusals import Refusal

ROOM = (0, 2048, 8192)
"""Tokens beyond the longest answer, for thoughts: as long as answers are cut off before they begin,
the next one is asked with more."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How much a model may think, least first."""

LOWEST = "lowest"
"""The least effort that a model takes."""

_LIMITS = ("max_tokens", "max_completion_tokens")
_NAMES = {
    "schema": (
        r"response_?format|json[ _-]?(?:schema|mode|object)|structured|guided|grammar|outlines"
        r"|lm-?format|constrained"
    ),
    "effort": r"reasoning|effort|thinking",
    "temperature": r"temperature|only the default \(1\)|sampling param",
    "limit": r"max_(?:completion_|new_|output_)?tokens",
    "system": (
        r"(?:system|developer)[ _](?:role|message|prompt|instruction)|['\"`]developer['\"`]"
        r"|roles? must|must alternate|roles? (?:are|is) supported"
        r"|\brole\b.{0,30}['\"`]system|['\"`]system['\"`]|messages\W{1,3}0\W{1,3}role"
        r"|first message|conversation roles"
    ),
}
_PATTERNS = {entry: re.compile(names, re.IGNORECASE) for entry, names in _NAMES.items()}
_VALUE = re.compile(rf"['\"`]?\b({'|'.join(EFFORTS)})\b['\"`]?")
_SUPPORTED = re.compile(
    r"support\w* values?|(?:valid|allowed|accepted|possible|available) (?:value|option|effort)"
    r"|one of|should be|must be|choose from|options are"
)


_MOST = re.compile(r"(?:at most|up to|less than or equal to|<=) ?(\d{1,7})\b", re.IGNORECASE)


class ExtraRefused(Exception):
    """A refusal is about an entry that the user has asked for; it is its first argument."""


@dataclass(frozen=True)
class RequestForm:
    """What goes into a request beyond model and messages, and in which form the messages go.

    A form never changes; what is learned makes a new one, with less in it or more room.

    Attributes:
        max_tokens: Longest answer.
        limits: Names of the entry that limits an answer; the first is sent, the others are left.
        temperature: None is not sent.
        effort: How much a model may think; None is not sent.
        wanted: The effort that was asked for, to come as near to it as the model takes.
        schema: Whether a conversation's schema is sent.
        system: Whether the model has a system role; else its words go before the user's first.
        room: Tokens beyond `max_tokens`, for thoughts.
        roomy: Whether there may be more.
        extra: Further entries, as the user gave them.
    """

    max_tokens: int
    limits: tuple[str, ...] = _LIMITS
    temperature: float | None = 0.0
    effort: str | None = None
    wanted: str = LOWEST
    schema: bool = True
    system: bool = True
    room: int = 0
    roomy: bool = True
    extra: str = "{}"

    def request(self, model: str, conversation: Conversation) -> dict[str, Any]:
        """The request for a conversation, as JSON."""
        turns = conversation.messages if self.system else folded(conversation.messages)
        request: dict[str, Any] = {"model": model, "messages": [_turn(turn) for turn in turns]}
        if self.temperature is not None:
            request["temperature"] = self.temperature
        if self.limits:
            request[self.limits[0]] = self.max_tokens + self.room
        if self.effort is not None:
            request["reasoning_effort"] = self.effort
        if self.schema and conversation.schema is not None:
            answer = {"name": "answer", "schema": dict(conversation.schema), "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": answer}
        return {**request, **json.loads(self.extra)}

    def optional(self, conversation: Conversation) -> list[str]:
        """What a request for a conversation could do without, what is missed least first."""
        system = any(message.role == "system" for message in conversation.messages)
        sent = {
            "schema": self.schema and conversation.schema is not None,
            "effort": self.effort is not None,
            "temperature": self.temperature is not None,
            "limit": bool(self.limits),
            "system": self.system and system,
        }
        return [entry for entry, there in sent.items() if there]

    def after(self, refusal: Refusal, conversation: Conversation) -> RequestForm | None:
        """The form without what a refusal names; None if it names nothing that was sent.

        Raises:
            ExtraRefused: It names an entry of `extra`.
        """
        narrow = replace(self, room=0, roomy=False) if self.room else None
        if refusal.is_length:
            return narrow
        named = self._named(refusal, self.optional(conversation))
        if named == "limit" and narrow is not None:
            return narrow
        return self.without(named, refusal.words) if named is not None else None

    def without(self, entry: str, words: str = "") -> RequestForm:
        """The form without an optional entry, or with another value that the words offer."""
        if entry == "schema":
            return replace(self, schema=False)
        if entry == "temperature":
            return replace(self, temperature=None)
        if entry == "limit":
            most = _MOST.search(words)
            if most and 0 < int(most[1]) < self.max_tokens:
                return replace(self, max_tokens=int(most[1]), room=0, roomy=False)
            return replace(self, limits=self.limits[1:])
        if entry == "effort":
            return replace(self, effort=self._nearest(words))
        return replace(self, system=False)

    def trials(self, conversation: Conversation) -> list[RequestForm]:
        """Forms to try after a refusal that names nothing: without each entry, then without all."""
        entries = self.optional(conversation)
        bare = self
        for entry in entries:
            bare = bare.without(entry)
        singles = [self.without(entry) for entry in entries]
        return [*singles, *([replace(bare, limits=())] if len(entries) > 1 else [])]

    def roomier(self) -> RequestForm | None:
        """The form with more room for thoughts; None if there is all of it."""
        larger = [room for room in ROOM if room > self.room]
        if not (larger and self.roomy and self.limits):
            return None
        return replace(self, room=larger[0])

    def _named(self, refusal: Refusal, entries: Sequence[str]) -> str | None:
        """The entry that a refusal is about: the one it says so of, else the first it mentions."""
        extra = {name: re.compile(rf"\b{re.escape(name)}\b") for name in json.loads(self.extra)}
        patterns = {**extra, **{entry: _PATTERNS[entry] for entry in entries}}
        for words in (refusal.param, refusal.message, refusal.words):
            found = {name: pattern.search(words) for name, pattern in patterns.items()}
            places = {name: match.start() for name, match in found.items() if match is not None}
            if places:
                first = min(places, key=lambda name: places[name])
                if first in extra:
                    raise ExtraRefused(first)
                return first
        return None

    def _nearest(self, words: str) -> str | None:
        """Of the efforts that a refusal lists as taken, the one nearest to what is wanted."""
        lists = _SUPPORTED.search(words.lower())
        offered = set(_VALUE.findall(words.lower()[lists.start() :])) if lists else set()
        wanted = 0 if self.wanted == LOWEST else _rank(self.wanted)
        left = sorted(offered - {self.effort}, key=lambda effort: abs(_rank(effort) - wanted))
        return left[0] if left else None


def first_form(
    own: bool,
    max_tokens: int,
    temperature: float,
    structured: Literal["auto", "never"],
    reasoning_effort: str | None,
    extra: Mapping[str, Any] | None,
) -> RequestForm:
    """The form to begin with, by what is wanted and what servers usually take.

    Args:
        own: Whether the server is OpenAI's own, which takes the newer names and tells which
            efforts a model has.
        max_tokens: See `OpenAIChat`, as for all the others.
        temperature: 0 for the most likely answer.
        structured: "never" sends no schema.
        reasoning_effort: None sends none.
        extra: Further entries.

    Raises:
        ValueError: `extra` cannot be sent.
    """
    least = EFFORTS[0] if own else None
    return RequestForm(
        max_tokens=max_tokens,
        limits=_LIMITS[::-1] if own else _LIMITS,
        temperature=temperature,
        effort=least if reasoning_effort == LOWEST else reasoning_effort,
        wanted=reasoning_effort or LOWEST,
        schema=structured == "auto",
        extra=as_extra(extra),
    )


def folded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Messages without a system role: its words go before the user's first."""
    told = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    if not told:
        return tuple(turns)
    first = turns[0] if turns[0].role == "user" else Message("user", "")
    rest = turns[1:] if turns[0].role == "user" else turns
    words = "\n\n".join(filter(None, (*told, first.content)))
    return (replace(first, content=words), *rest)


def _turn(message: Message) -> dict[str, Any]:
    # What is no text in UTF-8, such as half a surrogate pair in a caption, cannot be sent.
    text = message.content.encode("utf-8", "replace").decode("utf-8")
    if not message.pictures:
        return {"role": message.role, "content": text}
    shown = [{"type": "image_url", "image_url": {"url": data_url(p)}} for p in message.pictures]
    return {"role": message.role, "content": [*shown, {"type": "text", "text": text}]}


def data_url(picture: Picture) -> str:
    """A picture in its size as shown, as a PNG, so that nothing is lost on the way."""
    file = io.BytesIO()
    picture.image().save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def as_extra(extra: Mapping[str, Any] | None) -> str:
    """Further entries of a request as JSON, in one order.

    Raises:
        ValueError: They are no JSON, or one has an argument of its own.
    """
    own = {
        "model": "model",
        "messages": "a conversation",
        "stream": "none: answers come in one piece",
        "temperature": "temperature",
        "reasoning_effort": "reasoning_effort",
        "max_tokens": "max_tokens",
        "max_completion_tokens": "max_tokens",
        "response_format": "structured",
    }
    for name in extra or {}:
        if name in own:
            raise ValueError(f"extra holds {name!r}, which has its own place: {own[name]}")
    try:
        return json.dumps(dict(extra or {}), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"extra is no JSON: {error}") from error


def _rank(effort: str) -> int:
    return EFFORTS.index(effort) if effort in EFFORTS else EFFORTS.index("medium")
