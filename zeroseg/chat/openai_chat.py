"""Chat with any server that speaks OpenAI's chat-completions protocol."""

from __future__ import annotations

import email.utils
import json
import os
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Literal

import openai
from openai.types.chat import ChatCompletion

from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply
from zeroseg.chat.in_flight import InFlight, each_once
from zeroseg.chat.prices import PriceTable, load_prices
from zeroseg.errors import ChatError, MissingKeyError
from zeroseg.values import Usage

LONGEST_WAIT = 60.0
"""Seconds to wait before a retry at most, whatever the server asks for."""
_RETRIED = (408, 409, 429)
_ABOUT_FORMAT = re.compile(r"response_?format|json_?schema|structured|guided", re.IGNORECASE)


class _Unreadable(Exception):
    """A server said that all is well but sent something else than an answer."""


class OpenAIChat(ChatModel):
    """Chat models of OpenAI, or of any compatible server (vLLM, llama.cpp, Ollama, ...).

    Answers are asked for at temperature 0. Overload (429), server errors (5xx), timeouts, dropped
    connections and unreadable bodies are tried again with a growing pause, or the one that the
    server's Retry-After names; what will not get better (400, 401, 403, 404, a spent quota) is not.

    Several threads may ask one object at once: its limit on concurrent requests and the pauses that
    a server asks for hold over all of them, and while a conversation is under way the same one is
    not sent again (unless answers are sampled, at a temperature above 0).

    Args:
        model: Name of the model at the server. The paper used gpt-4-0125-preview.
        base_url: Address of the server, e.g. "http://localhost:8000/v1"; None is the environment
            variable OPENAI_BASE_URL, else OpenAI's own.
        api_key: The key; better left to the environment. It is shown and logged nowhere.
        key_variable: Environment variable that holds the key. A server given by `base_url` may
            do without one.
        temperature: 0 for the most likely answer.
        max_tokens: Longest answer in tokens.
        timeout: Seconds that the server may stay silent before a request counts as failed.
        max_retries: How often a failed request is repeated.
        backoff: Seconds before the first repetition; doubled for each further one.
        concurrency: Requests under way at the same time, over all threads.
        structured: "auto" sends a conversation's schema along; a server that refuses it is asked
            in plain text from then on. "never" always asks in plain text.
        prices: Price table to lay over `zeroseg/chat/prices.yaml`. Where a model's price is not
            known or the server counts no tokens, the cost is None.

    Raises:
        MissingKeyError: There is no key, and no `base_url` of a server that needs none.
        ValueError: A number is out of range, or the price table cannot be read.
    """

    def __init__(
        self,
        model: str = "gpt-4.1-mini",
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        key_variable: str = "OPENAI_API_KEY",
        temperature: float = 0.0,
        max_tokens: int = 512,
        timeout: float = 60.0,
        max_retries: int = 4,
        backoff: float = 1.0,
        concurrency: int = 32,
        structured: Literal["auto", "never"] = "auto",
        prices: PriceTable | None = None,
    ) -> None:
        super().__init__()
        if concurrency < 1 or max_tokens < 1 or max_retries < 0 or backoff < 0 or timeout <= 0:
            raise ValueError(
                f"concurrency {concurrency} and max_tokens {max_tokens} must be at least 1, "
                f"max_retries {max_retries} and backoff {backoff} at least 0, "
                f"timeout {timeout} above 0"
            )
        if structured not in ("auto", "never"):
            raise ValueError(f"structured is {structured!r}, expected 'auto' or 'never'")
        address = base_url or os.environ.get("OPENAI_BASE_URL")
        key = api_key or os.environ.get(key_variable)
        if not key and address is None:
            raise MissingKeyError(key_variable, type(self).__name__)
        self.model = model
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.max_retries = max_retries
        self.backoff = backoff
        self.concurrency = concurrency
        self.structured = structured == "auto"
        self.price = load_prices(prices).get(model)
        self._secret = bool(key)
        self._client = openai.OpenAI(
            api_key=key or "none", base_url=address, timeout=timeout, max_retries=0
        )
        self._identity = json.dumps(
            [str(self._client.base_url), model, temperature, max_tokens, structured]
        )
        self._flights: InFlight[tuple[Message, ...], Reply] = InFlight()
        self._slots = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._resume = 0.0  # on the monotonic clock: when the server wants to be asked again

    @property
    def identity(self) -> str:
        """Server, model and what shapes its answers."""
        return self._identity

    @property
    def waits(self) -> bool:
        """True: a server does the work."""
        return True

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer every conversation; see `ChatModel.forward`."""
        if self.temperature > 0:
            return self._answer_all(conversations)
        return each_once(conversations, lambda c: c.messages, self._flights, self._answer_all)

    def _answer_all(self, conversations: Sequence[Conversation]) -> list[Reply]:
        if not conversations:
            return []
        with ThreadPoolExecutor(min(self.concurrency, len(conversations))) as pool:
            futures = [pool.submit(self._answer, asked) for asked in conversations]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()

    def _answer(self, conversation: Conversation) -> Reply:
        started: float | None = None
        for attempt in range(self.max_retries + 1):
            try:
                with self._slots:
                    self._pause_with_all()
                    started = started or time.monotonic()
                    completion = self._complete(conversation)
                return self._read(completion, time.monotonic() - started)
            except (openai.APIError, _Unreadable, json.JSONDecodeError) as error:
                problem = self._describe(error)
                if not _passing(error):
                    raise ChatError(f"{self.model} refused the request: {problem}") from None
                if attempt < self.max_retries:
                    self._pause(error, self.backoff * 2**attempt)
        raise ChatError(
            f"{self.model} gave no answer in {self.max_retries + 1} attempts; last: {problem}"
        )

    def _pause(self, error: Exception, backoff: float) -> None:
        """Wait `backoff` seconds; or have all threads wait as long as the server's Retry-After."""
        asked = _retry_after(error)
        if asked is None:
            time.sleep(min(backoff, LONGEST_WAIT))
        else:
            until = time.monotonic() + min(max(0.0, asked), LONGEST_WAIT)
            with self._lock:
                self._resume = max(self._resume, until)

    def _pause_with_all(self) -> None:
        """Wait as long as the server asked any thread to; again if it asks for more meanwhile."""
        waited = None
        while (until := self._resume) != waited and (left := until - time.monotonic()) > 0:
            time.sleep(left)
            waited = until

    def _complete(self, conversation: Conversation) -> ChatCompletion:
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": m.role, "content": m.content} for m in conversation.messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        if conversation.schema is None or not self.structured:
            return self._client.chat.completions.create(**request)
        answer = {"name": "answer", "schema": dict(conversation.schema), "strict": True}
        response_format = {"type": "json_schema", "json_schema": answer}
        try:
            return self._client.chat.completions.create(**request, response_format=response_format)
        except openai.APIStatusError as error:
            if error.status_code not in (400, 422) or not _ABOUT_FORMAT.search(str(error)):
                raise
        self.structured = False
        return self._client.chat.completions.create(**request)

    def _read(self, completion: ChatCompletion, seconds: float) -> Reply:
        choices = getattr(completion, "choices", None) or []
        message = choices[0].message if choices else None
        if message is None or not isinstance(message.content, (str, type(None))):
            raise _Unreadable("the completion holds no message")
        counted = completion.usage is not None
        sent = (completion.usage.prompt_tokens or 0) if completion.usage else 0
        received = (completion.usage.completion_tokens or 0) if completion.usage else 0
        usage = Usage(
            calls=1,
            prompt_tokens=sent,
            completion_tokens=received,
            cost=self.price.of(sent, received) if self.price and counted else None,
            seconds=seconds,
        )
        return Reply(message.content or "", usage, choices[0].finish_reason != "length")

    def _describe(self, error: Exception) -> str:
        """What went wrong, without the key, which some servers repeat in their messages."""
        kind = type(error).__name__.strip("_")
        text = f"{kind}: {error}"
        return text.replace(self._client.api_key, "***") if self._secret else text


def _passing(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, openai.APIStatusError):
        spent = error.code == "insufficient_quota"
        return not spent and (error.status_code in _RETRIED or error.status_code >= 500)
    return True


def _retry_after(error: Exception) -> float | None:
    """Seconds that a server's Retry-After asks to wait; None where it says nothing."""
    if not isinstance(error, openai.APIStatusError):
        return None
    return _seconds(error.response.headers.get("retry-after", ""))


def _seconds(retry_after: str) -> float | None:
    """The value of a Retry-After header, a number of seconds or a date; None if it is neither."""
    with suppress(ValueError):
        return float(retry_after)
    with suppress(ValueError, TypeError, OverflowError):
        return email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
    return None
