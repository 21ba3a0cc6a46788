"""What a server's refusal is about: this moment, this prompt, its form, or everything."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import Any

from zeroseg.chat.json_text import loads

_LONGEST = 300
"""Characters of a server's words that are told."""
_ECHOES = frozenset(
    {"input", "failed_generation", "flagged_input", "prompt", "messages", "url", "schema"}
)
"""Entries of an error that repeat what was sent or answered, and so say nothing about it."""

_LIMITED = (408, 409, 425, 429)
_QUOTA = re.compile(
    r"insufficient[_ ](?:quota|credits?|balance|funds)|credit balance|payment required"
    r"|(?:no|more|enough|out of|not enough) credits\b(?! (?:were|was|have been|are) )"
    r"|billing[_ ](?:hard|not)|exceeded_current_quota|budget has been exceeded",
    re.IGNORECASE,
)
_SPENT = re.compile(r"exceeded your current quota|quota (?:is )?(?:spent|exhausted)", re.IGNORECASE)
_LATER = re.compile(r"retry|per (?:minute|second|hour|day)|try again", re.IGNORECASE)
_KEY = re.compile(
    r"(?:invalid|incorrect|missing|wrong|expired|no|bad)[_ ](?:api[_ ]?|access )?(?:key|token)\b"
    r"|api[_ ]?key (?:is |was )?(?:not valid|invalid|missing|required|expired)"
    r"|unauthori[sz]ed|unauthenticated|authentication|invalid authorization header"
    r"|(?:user )?location is not supported"
    r"|(?:account|organi[sz]ation|project|key)\b.{0,60}\b"
    r"(?:deactivated|suspended|disabled|terminated|banned|not active)",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"content[_ -]?(?:filter|polic|management|moderation)|filter of content|responsible ?ai"
    r"|moderation|moderated|flagged|safety|blocked (?:by|due|for|because)|block_?reason"
    r"|prohibited[_ ](?:content|use)"
    r"|policy[_ ]violation|violat\w+ .{0,40}polic|usage polic|data_inspection|inappropriate"
    r"|sensitive (?:content|words?)|\u654f\u611f|exists risk|harmful|jailbreak|invalid_prompt"
    r"|guardrail|input_blocked",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|exceed_?context|context_?exceed"
    r"|(?:prompt|input|request|message|conversation|text|content|payload|body)s? "
    r"(?:is |are |was |entity )?(?:far )?too (?:long|large|big)"
    r"|(?:input|prompt) (?:length|tokens?)\b.{0,60}\b(?:exceed|greater|longer|limit|max)"
    r"|inputs?`? tokens \+ `?max_new_tokens|too many (?:input |prompt )?tokens"
    r"|string_above_max_length|reduce the length"
    r"|(?:exceed|greater than|longer than|over|above)\w* .{0,40}"
    r"(?:max(?:imum)?|allowed|model)\w* .{0,30}\b(?:length|tokens?|context)",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(
    r"maximum context length is.{0,80}\b(?:input|prompt|messages)\b"
    r"|inputs?`? tokens \+ `?max_new_tokens",
    re.IGNORECASE | re.DOTALL,
)
_INVALID_JSON = re.compile(
    r"json_validate_failed|failed to (?:generate|validate|parse) (?:valid )?json|failed_generation"
    r"|(?:output|generation|response|answer)s? (?:did|does|do) not (?:match|satisfy|conform)",
    re.IGNORECASE,
)
_GONE = (
    r"(?:does|do|did) not exist|doesn'?t exist|not exist|not[_ ]found|unknown|decommissioned"
    r"|deprecated|shut ?down|retired|sunset|been removed|no longer|not available|unavailable"
    r"|not loaded|not served|not supported by|not a chat model|not a valid"
)
_MODEL = re.compile(
    rf"models?(?:_name)?\b(?:(?!\. )[^\n]){{0,90}}?(?:{_GONE})"
    r"|model_?(?:not_?found|not_?exist|decommission)"
    r"|(?:unknown|invalid|no such|non-?existent|unrecogni[sz]ed|missing)[_ ]model\b"
    r"|no models? (?:named|called|is |are )?(?:loaded|available|found)"
    r"|no endpoints? found (?:for|matching)|is pinned to|not a chat model|not a valid model"
    r"|deployment\W?not\W?found|pull(?:ing)? it first|find (?:the )?model|the specified model"
    r"|provide a model|llm provider not|only supported in v1/responses"
    r"|unable to access model|failed to load model|could not find real ?model",
    re.IGNORECASE,
)
_NO_SUCH_MODEL = re.compile(r"model_?not_?found|model\b.{0,90}? does not exist", re.IGNORECASE)
_ENTRY = re.compile(
    r"response_?format|temperature|reasoning_?effort|max_\w{0,11}tokens|messages\W+\d+\W+role",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"unexpected endpoint|sent to https port|invalid host header|api version not supported",
    re.IGNORECASE,
)
_ABOUT_ENTRIES = re.compile(r"support|parameter|schema|format|field", re.IGNORECASE)


class Concern(Enum):
    """What a refusal is about."""

    PASSING = "the same request may succeed later"
    PROMPT = "this prompt, whatever form it is sent in"
    FORM = "the way of asking, or this prompt"
    KEY = "the key"
    QUOTA = "the account"
    MODEL = "the model"
    ADDRESS = "the address"


class Refusal(Exception):
    """A server's answer that is none.

    Attributes:
        status: Of HTTP, or the code that an error within a good answer names, 0 without one.
        message: The server's own words, short.
        words: All that the body says, keys and values; never shown.
        param: The request's entry that the body names as the reason, "" if none.
        structured: Whether the body was JSON: the words of a server of the protocol, rather than
            of something before it.
        is_page: Whether the body was a page for browsers.
        retry_after: Seconds that the server asks to wait, None if it does not.
    """

    def __init__(
        self, status: int, content: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        body = _parsed(content)
        self.status = status
        self.structured = isinstance(body, dict | list)
        self.is_page = bool(re.search(rb"(?i)<!doctype html|<html", content[:2000]))
        self.words = "\n".join(_leaves(body))
        self.message = _message(body)
        error = body.get("error", body) if isinstance(body, dict) else None
        param = error.get("param") if isinstance(error, dict) else None
        self.param = param if isinstance(param, str) else ""
        self.retry_after = _seconds((headers or {}).get("retry-after", ""))
        super().__init__(f"{status}: {self.message}" if status else self.message)

    @cached_property
    def concern(self) -> Concern:
        """What it is about, by the body first: several servers use one status for all."""
        status, words = self.status, self.words
        if status == 402 or self._is_quota():
            return Concern.QUOTA
        if status == 429:
            return Concern.PROMPT if "request too large" in words.lower() else Concern.PASSING
        if status == 421 or _ADDRESS.search(words):
            return Concern.ADDRESS
        if status in (401, 407) or (status == 403 and _KEY.search(words)):
            return Concern.KEY
        if status == 400 and re.search(
            r"api[_ ]?key|authorization header|location is not supported", words, re.IGNORECASE
        ):
            return Concern.KEY
        if status in (400, 404, 422) and self._names_entry:
            return Concern.FORM
        if status in (413, 414, 431, 451) or any(p.search(words) for p in self._about_prompts()):
            return Concern.PROMPT
        if status in _LIMITED or status >= 500 or status < 400:
            return Concern.MODEL if _NO_SUCH_MODEL.search(words) else Concern.PASSING
        if status == 410 or self._is_model():
            return Concern.MODEL
        if status == 403:  # a page is a firewall's, which may have minded what was in one prompt
            return Concern.PROMPT if self.is_page else Concern.KEY
        if status in (404, 405) and not _ABOUT_ENTRIES.search(self.message):
            return Concern.ADDRESS
        return Concern.FORM

    def _is_quota(self) -> bool:
        if _SPENT.search(self.words) and not _LATER.search(self.words):
            return self.retry_after is None
        return self.status < 500 and bool(_QUOTA.search(self.words))

    def _about_prompts(self) -> tuple[re.Pattern[str], ...]:
        """Of a server in trouble only exact words are believed."""
        if self.status >= 500:
            return (_LENGTH,)
        return (_INVALID_JSON, _CONTENT, _LENGTH)

    @property
    def in_trouble(self) -> bool:
        """Whether a server says that it is at fault; some say so of what they do not know."""
        troubled = self.status >= 500 or self.status < 400
        return troubled and self.concern is Concern.PASSING

    @property
    def is_length(self) -> bool:
        """Whether prompt and answer together are said to be too long."""
        too_long = bool(_LENGTH.search(self.words)) or self.status == 413
        return too_long and not self._names_entry

    @property
    def _names_entry(self) -> bool:
        """Whether it begins with an entry of the request that is not what was asked.

        Servers name the token limit, too, when it is the prompt that leaves no room for it.
        """
        if _NO_ROOM.search(self.words):
            return False
        return bool(_ENTRY.search(self.param) or _ENTRY.search(self.message[:60]))

    def _is_model(self) -> bool:
        named = "model" in self.words and "support" not in self.words and self.structured
        return bool(_MODEL.search(self.words)) or (self.status == 404 and named)


def _parsed(content: bytes) -> Any:
    """JSON, or text without the mark-up of a page."""
    text = content.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        return loads(text)
    page = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^<>]{0,500}>", " ", text[:20_000])
    return page.strip()


def _leaves(body: Any, depth: int = 0) -> Iterator[str]:
    """Keys and texts of a body, but for those that repeat what was asked."""
    if isinstance(body, dict) and depth < 8:
        for key, value in body.items():
            yield str(key)
            if key not in _ECHOES:
                yield from _leaves(value, depth + 1)
    elif isinstance(body, list) and depth < 8:
        for value in body[:50]:
            yield from _leaves(value, depth + 1)
    elif isinstance(body, str):
        yield body[:5000]


def _message(body: Any) -> str:
    """The one sentence of a body that is meant for people, in one line."""
    error = body
    for _ in range(4):
        if isinstance(error, list) and error:
            error = error[0]
        if not isinstance(error, dict):
            break
        names = ("error", "message", "msg", "detail", "error_description", "title")
        error = next((error[name] for name in names if error.get(name)), "")
    text = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False, default=str)
    line = " ".join(text.split()) or "no reason given"
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _seconds(retry_after: str) -> float | None:
    """The value of a Retry-After header, a number of seconds or a date; None if it is neither."""
    with suppress(ValueError):
        return float(retry_after)
    with suppress(ValueError, TypeError, OverflowError):
        return email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
    return None
