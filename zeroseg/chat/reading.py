"""Reading completions: whatever shape they come in, text that was said or the reason for none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from zeroseg.chat.chat_model import Reply
from zeroseg.chat.final_answer import final_answer
from zeroseg.chat.prices import Price
from zeroseg.chat.wire import Unreadable, refusal_of
from zeroseg.values import Usage

_CUT_OFF = ("length", "max_tokens", "model_length", "max_output_tokens")
_HELD_BACK = (
    "content_filter safety prohibited_content blocklist spii recitation refusal sensitive "
    "moderation".split()
)
_THOUGHTS = ("thinking", "reasoning", "redacted_thinking", "thought", "reasoning_text", "summary")


class NoChoice(Unreadable):
    """A well-formed completion without a single answer: this prompt may never get one."""


@dataclass(frozen=True)
class Completion:
    """What a server answered to one request.

    Attributes:
        text: What was said, thoughts included where they stand within; empty if refused.
        complete: False when it was cut off at the token limit.
        refused: Why there is no answer, None if there is one.
        sent: Tokens of the prompt, None if they are not counted.
        received: Tokens of the answer and its thoughts, None if they are not counted.
        calls: Requests that it took.
        seconds: How long they took together.
    """

    text: str
    complete: bool
    refused: str | None
    sent: int | None
    received: int | None
    calls: int = 1
    seconds: float = 0.0

    def reply(self, price: Price | None) -> Reply:
        """The same as a reply, with what it has cost."""
        cost = None
        if price is not None and self.sent is not None and self.received is not None:
            cost = price.of(self.sent, self.received)
        usage = Usage(
            calls=self.calls,
            prompt_tokens=self.sent or 0,
            completion_tokens=self.received or 0,
            cost=cost,
            seconds=self.seconds,
            refused=int(self.refused is not None),
        )
        return Reply(self.text, usage, self.complete, self.refused)

    @property
    def begun(self) -> bool:
        """Whether there is an answer, or may be none: not cut off within thoughts."""
        return self.complete or self.refused is not None or bool(final_answer(self.text).strip())

    def after(self, earlier: Completion | None) -> Completion:
        """The same, together with what an earlier request for it has cost."""
        if earlier is None:
            return self
        counted = None not in (self.sent, earlier.sent, self.received, earlier.received)
        return replace(
            self,
            sent=(self.sent or 0) + (earlier.sent or 0) if counted else None,
            received=(self.received or 0) + (earlier.received or 0) if counted else None,
            calls=self.calls + earlier.calls,
            seconds=self.seconds + earlier.seconds,
        )


def read_completion(body: Mapping[str, Any]) -> Completion:
    """Read the JSON of a completion.

    Raises:
        Refusal: An error stands in the answer's place.
        Unreadable: There is no message in it.
    """
    choices = body.get("choices")
    if isinstance(choices, list) and not choices:
        raise NoChoice("the completion holds no choice")
    choice = choices[0] if isinstance(choices, list) else None
    if not isinstance(choice, dict):
        raise Unreadable("the completion holds no message")
    if choice.get("error"):
        raise refusal_of(choice["error"])
    finish = str(choice.get("finish_reason") or "").lower()
    if finish == "error":
        raise Unreadable("the server broke off")
    text, refusal = _said(choice.get("message", choice.get("text")))
    if re.split(r"[:\s]", finish)[0] in _HELD_BACK:
        refusal, text = refusal or f"the answer was held back ({finish})", ""
    refused = None if text.strip() else refusal
    usage = body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        text=text if refused is None else "",
        complete=finish not in _CUT_OFF,
        refused=refused,
        sent=_count(counts.get("prompt_tokens", counts.get("input_tokens"))),
        received=_count(counts.get("completion_tokens", counts.get("output_tokens"))),
    )


def _said(message: Any) -> tuple[str, str | None]:
    """The text of a message without what was thought apart from it, and why there is none."""
    if isinstance(message, str):
        return message, None
    if not isinstance(message, dict):
        raise Unreadable("the completion holds no message")
    content = message.get("content")
    if isinstance(content, dict) and not {"type", "text"} & set(content):
        content = json.dumps(content)  # the answer itself, parsed already
    parts = content if isinstance(content, list) else [content]
    said = [_part(part) for part in parts if part is not None]
    refusals = [message.get("refusal"), *(reason for _, reason in said)]
    refusal = next((str(reason) for reason in refusals if reason), None)
    return "".join(text for text, _ in said), refusal


def _part(part: Any) -> tuple[str, str | None]:
    """The text of a part of a message, or why there is none."""
    if isinstance(part, str):
        return part, None
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str | None):
        raise Unreadable("the completion's message is no text")
    if part.get("refusal"):
        return "", str(part["refusal"])
    if kind in _THOUGHTS or part.get("thought") is True:
        return "", None
    text = part.get("text", part.get("content", ""))
    if isinstance(text, dict):
        text = text.get("value")
    return (text, None) if isinstance(text, str) else ("", None)


def _count(value: Any) -> int | None:
    """A number of tokens; None for anything that cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 1e12 else None
