"""Writing conversations in a model's own chat template, whatever turns it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product, takewhile
from typing import Any

from zeroseg.chat.chat_model import Message
from zeroseg.errors import ChatError

_OPENING = "(The conversation begins.)"
"""What a user says before the assistant speaks first, where a template wants the user first."""


class NotWritten(Exception):
    """A template has refused what one conversation holds; the reason is its message."""


@dataclass(frozen=True)
class _Form:
    """How turns are handed to a template.

    Attributes:
        switched: Whether it is told if the model may think, where it asks for that.
        system: Whether the system speaks for itself, and not through the user's first turn.
        alternating: Whether user and assistant take turns, beginning with the user.
        in_parts: Whether words are parts of a content too, as pictures always are.
    """

    switched: bool
    system: bool
    alternating: bool
    in_parts: bool


_FORMS = tuple(_Form(*form) for form in product((True, False), (True, False), *2 * [(False, True)]))


class ChatTemplate:
    """A chat template and the forms of turns that it takes.

    Templates differ in what they take: a system role or none, two user turns in a row or none,
    content as a string or in parts. They say so by an exception, or by leaving something out. So
    the first conversation of a kind is written with other words first, in one form after another,
    until all of them are in the prompt; where there is no system role, the system's words come
    before the user's first ones.

    Args:
        engine: A tokenizer or processor with a chat template.
        name: The model's name, for messages.
        thinking: Whether the model should think before it answers, where its template can be told.
    """

    def __init__(self, engine: Any, name: str, thinking: bool) -> None:
        self.engine = engine
        self.name = name
        source = str(engine.chat_template)
        switches: dict[str, Any] = {"enable_thinking": thinking, "thinking": thinking}
        if not thinking:
            switches["reasoning_effort"] = "low"
        self._switches = {k: v for k, v in switches.items() if re.search(rf"\b{k}\b", source)}
        self._forms: dict[tuple[tuple[str, int], ...], _Form] = {}

    def prompt(self, messages: Sequence[Message]) -> str:
        """A conversation up to where the answer begins, special tokens among its words disarmed.

        Raises:
            NotWritten: The template refuses what this conversation holds, or takes none of this
                kind, such as one with an answer in it, while it takes others.
            ChatError: It takes no conversation at all.
        """
        kind = tuple((message.role, len(message.pictures)) for message in messages)
        if kind not in self._forms:
            try:
                self._forms[kind] = self._find_form(messages)
            except ChatError as error:
                if not self._forms:
                    raise
                raise NotWritten(str(error)) from error
        harmless = [replace(m, content=self._disarmed(m.content)) for m in messages]
        try:
            return self._write(harmless, self._forms[kind])
        except Exception as error:  # a template is a program of somebody else's
            raise NotWritten(f"the chat template refuses it: {error}") from error

    def turn_end(self) -> str:
        """What a template writes behind a turn of the assistant; "" where that is not known."""
        turns = [Message("user", "qx0zw"), Message("assistant", "qx1zw"), Message("user", "qx2zw")]
        try:
            text = self._write(turns, self._find_form(turns))
        except ChatError:
            return ""
        behind = re.search(r"qx1zw\s*(.*?)\s*(?=qx2zw|\Z)", text, re.DOTALL | re.IGNORECASE)
        return behind[1] if behind else ""

    def _find_form(self, messages: Sequence[Message]) -> _Form:
        words = [f"qx{position}zw" for position in range(len(messages))]
        probe = [replace(m, content=word) for m, word in zip(messages, words, strict=True)]
        reasons: list[str] = []
        for form in _FORMS:
            try:
                text = self._write(probe, form)
                if all(word in text.casefold() for word in words) and self._shows(probe, form):
                    return form
                reasons.append("it leaves out what is said")
            except Exception as error:  # a template is a program of somebody else's
                reasons.append(str(error))
        turns = ", ".join(f"{m.role} with a picture" if m.pictures else m.role for m in messages)
        raise ChatError(
            f"the chat template of {self.name} cannot write a conversation of {turns}: "
            f"{reasons[0]}. Take another instruct model, or set `chat_template` of its tokenizer"
        )

    def _shows(self, messages: Sequence[Message], form: _Form) -> bool:
        """Whether pictures leave a trace in the prompt."""
        if not any(message.pictures for message in messages):
            return True
        blind = [replace(message, pictures=()) for message in messages]
        form_in_parts = replace(form, in_parts=True)
        return self._write(blind, form_in_parts) != self._write(messages, form_in_parts)

    def _write(self, messages: Sequence[Message], form: _Form) -> str:
        turns = list(messages if form.system else _without_system(messages))
        if form.alternating:
            turns = list(_alternating(turns))
        text: str = self.engine.apply_chat_template(
            [_turn(message, form.in_parts) for message in turns],
            tokenize=False,
            add_generation_prompt=True,
            **(self._switches if form.switched else {}),
        )
        return text

    def _disarmed(self, text: str) -> str:
        """Words from outside, in which a special token such as "<|im_end|>" is no such token."""
        tokenizer = getattr(self.engine, "tokenizer", self.engine)
        for token in tokenizer.get_added_vocab():
            if len(token) > 2 and not token[0].isalnum() and token in text:
                text = text.replace(token, f"{token[0]} {token[1:]}")
        return text


def _turn(message: Message, in_parts: bool) -> dict[str, Any]:
    if not message.pictures and not in_parts:
        return {"role": message.role, "content": message.content}
    shown = [{"type": "image"} for _ in message.pictures]
    return {"role": message.role, "content": [*shown, {"type": "text", "text": message.content}]}


def _without_system(messages: Sequence[Message]) -> Iterator[Message]:
    """The same with the system's words before the user's first ones."""
    opening = [m.content for m in takewhile(lambda m: m.role == "system", messages)]
    rest = [replace(m, role="user") if m.role == "system" else m for m in messages]
    rest = rest[len(opening) :]
    if opening and rest and rest[0].role == "user":
        rest[0] = replace(rest[0], content="\n\n".join((*opening, rest[0].content)))
    elif opening:
        yield Message("user", "\n\n".join(opening))
    yield from rest


def _alternating(messages: Sequence[Message]) -> Iterator[Message]:
    """The same with neighbouring turns of one speaker as one, beginning with the user."""
    turns: list[Message] = []
    for message in messages:
        before = turns[-1] if turns else None
        if before and before.role == message.role:
            content = f"{before.content}\n\n{message.content}"
            turns[-1] = Message(message.role, content, before.pictures + message.pictures)
            continue
        if message.role == "assistant" and (not before or before.role == "system"):
            turns.append(Message("user", _OPENING))
        turns.append(message)
    yield from turns
