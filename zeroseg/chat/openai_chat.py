"""Chat with any server that speaks OpenAI's chat-completions protocol."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import date
from typing import Any, Literal

from zeroseg.chat.adapting import Adapting
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply
from zeroseg.chat.complaints import MODEL_VARIABLE, Complaints, way_out
from zeroseg.chat.in_flight import InFlight, each_once
from zeroseg.chat.lock import Lock
from zeroseg.chat.models_offered import Offer, choose, find, list_offers, listed
from zeroseg.chat.patience import Patience
from zeroseg.chat.prices import PriceTable, load_prices, shutdown_dates
from zeroseg.chat.reading import Completion, NoChoice
from zeroseg.chat.refusals import Concern, Refusal
from zeroseg.chat.request_form import LOWEST, ExtraRefused, first_form
from zeroseg.chat.wire import Unreadable, Wire
from zeroseg.errors import ChatError
from zeroseg.server_address import find_address, find_key, is_own, shown_address

MOST_REFUSALS = 8
"""So many different prompts refused in a row mean that no other will be answered either.

A prompt and its parts are one."""


class OpenAIChat(ChatModel):
    """Chat models of OpenAI, or of any compatible server (vLLM, llama.cpp, Ollama, ...).

    The way of asking adapts to the model: what it refuses (the name of the token limit, a
    temperature, an effort, a JSON schema, a system role) is left out or said otherwise from then
    on, and where an answer is cut off within its thoughts there is more room for the next one; see
    `RequestForm`. Answers are asked for at temperature 0.

    Overload (429), server errors (5xx), timeouts, dropped connections and unreadable bodies are
    tried again with a growing pause, or the one that the server's Retry-After names. What concerns
    one conversation (its content is held back, it is too long) is a reply that was refused. What
    concerns all of them ends with an error that says what to do.

    Several threads may ask one object at once: its limit on concurrent requests and the pauses that
    a server asks for hold over all of them, and while a conversation is under way the same one is
    not sent again (unless answers are sampled, at a temperature above 0).

    Args:
        model: Name of the model at the server. None is the environment variable ZEROSEG_LLM, else
            the server's only chat model or the first one on offer that `prices.yaml` prefers.
        base_url: Address of the server, e.g. "http://localhost:8000/v1"; None is the environment
            variable OPENAI_BASE_URL, else OpenAI's own.
        api_key: The key; better left to the environment. It is shown and logged nowhere.
        key_variable: Environment variable that holds the key. A server other than OpenAI's may do
            without one.
        temperature: 0 for the most likely answer.
        max_tokens: Longest answer in tokens. Models that think get up to 8192 more for that.
        timeout: Seconds for one request in all, from the first byte sent to the last one received.
        max_retries: How often a failed request is repeated.
        backoff: Seconds before the first repetition; doubled for each further one.
        concurrency: Requests under way at the same time, over all threads.
        structured: "auto" sends a conversation's schema along; a server that refuses it is asked
            in plain text from then on. "never" always asks in plain text.
        reasoning_effort: How much the model may think: "none", "minimal", "low" and so on.
            "lowest", which suits these small questions, is the least that the model takes at
            OpenAI's own address, and leaves it to the server elsewhere. None never sends it.
        extra: Further entries of a request as the server defines them, e.g.
            {"chat_template_kwargs": {"enable_thinking": False}}.
        prices: Price table to lay over `zeroseg/chat/prices.yaml`. Where a model's price is not
            known or the server counts no tokens, the cost is None.

    Raises:
        MissingKeyError: There is no key, and no `base_url` of a server that needs none; or the
            key cannot be one.
        ChatError: The address cannot be one.
        ValueError: A number is out of range, or the price table cannot be read.
    """

    def __init__(
        self,
        model: str | None = None,
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
        reasoning_effort: str | None = LOWEST,
        extra: Mapping[str, Any] | None = None,
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
        address = find_address(base_url)
        key = find_key(api_key, key_variable, type(self).__name__, needed=is_own(address))
        self.key_variable = key_variable
        self.max_retries = max_retries
        self.concurrency = concurrency
        self.temperature = temperature
        self.prices = load_prices(prices)
        form = first_form(
            is_own(address), max_tokens, temperature, structured, reasoning_effort, extra
        )
        self._named = (model or os.environ.get(MODEL_VARIABLE) or "").strip() or None
        self._what = (temperature, max_tokens, structured, reasoning_effort, form.extra)
        self._wire = Wire(address, key, timeout)
        self._patience = Patience(concurrency, backoff)
        self._asking = Adapting(self._wire, self._patience, form)
        self._flights: InFlight[tuple[Message, ...], Reply] = InFlight()
        self._refused: set[tuple[Message, ...]] = set()
        self._lock = Lock()
        self._choosing = Lock()

    @property
    def address(self) -> str:
        """Of the server, without a password."""
        return shown_address(self._wire.address)

    @property
    def model(self) -> str:
        """Name of the model; where nobody named one, the server is asked what it offers, once.

        Raises:
            ChatError: It offers none, or several and none that is preferred.
        """
        with self._choosing:
            if self._named is None:
                offers = self.offers()
                chosen = choose(offers, date.today())
                if chosen is None:
                    raise ChatError(f"no language model is named. {way_out(offers)}")
                self._named = chosen.id
            return self._named

    @property
    def identity(self) -> str:
        """Server, model and what shapes its answers."""
        return json.dumps([self.address, self.model, *self._what])

    @property
    def waits(self) -> bool:
        """True: a server does the work."""
        return True

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer every conversation; see `ChatModel.forward`."""
        if self.temperature > 0:
            return self._answer_all(conversations)
        return each_once(conversations, lambda c: c.messages, self._flights, self._answer_all)

    def offers(self) -> list[Offer]:
        """The models that the server lists; none where it has no list, or shows it to nobody.

        Raises:
            ChatError: The key is refused, or the server is out of reach.
        """
        try:
            return list_offers(self._wire, self._patience)
        except Refusal as refusal:
            raise self._say().refused(refusal, ()) from None
        except Unreadable as error:
            raise self._say().silent(error) from None

    def check(self, pictures: bool = False) -> list[str]:
        """Find out whether the model can be asked, before there is work to lose.

        A model that the server does not list is asked a word: some servers load models by name.

        Args:
            pictures: Whether it is to be shown some.

        Returns:
            Warnings: that the model will be shut down, or that it reads text only while it is to be
            shown pictures, where its server says so.

        Raises:
            ChatError: The server is out of reach, refuses the key, or does not know the model.
        """
        offers = self.offers()
        offer = find(self.model, offers)
        warnings = [] if offer is not None else self._ask_a_word(offers)
        ends = offer.shutdown if offer is not None else None
        if ends is None and is_own(self._wire.address):
            ends = shutdown_dates().get(self.model)
        if ends is not None:
            verb = "was" if ends <= date.today() else "will be"
            instead = [o for o in offers if o.shutdown is None and o.id != self.model]
            others = f"; {self.address} also offers {listed(instead)}" if instead else ""
            warnings.append(f"{self.model} {verb} shut down on {ends}{others}")
        if pictures and offer is not None and offer.sees is False:
            seeing = [other for other in offers if other.sees]
            such = f", such as {listed(seeing)}" if seeing else ""
            warnings.append(
                f"{self.model} reads text only, as {self.address} says, but it is to be shown "
                f"pictures; name a model that sees{such}"
            )
        return warnings

    def _offers_if_any(self) -> list[Offer]:
        with suppress(ChatError):
            return self.offers()
        return []

    def _ask_a_word(self, offers: Sequence[Offer]) -> list[str]:
        """Ask the model anything, to see whether the server knows it; warnings, if it says little.

        Raises:
            ChatError: The server does not know it, or would refuse whatever is asked.
        """
        question = Conversation((Message("user", "Say yes."),))
        try:
            self._asking.ask(self.model, question)
        except Refusal as refusal:
            if refusal.concern is Concern.MODEL or (refusal.status == 500 and offers):
                raise self._say().unknown(refusal, offers) from None
            if refusal.concern in (Concern.KEY, Concern.QUOTA, Concern.ADDRESS):
                raise self._say().refused(refusal, offers) from None
            return [str(self._say().silent(refusal))]
        except ExtraRefused as error:
            raise self._say().extra(error) from None
        except Unreadable as error:
            if error.answered:
                raise self._say().silent(error) from None
            return [str(self._say().silent(error))]  # it may be loading the model
        return []

    def _answer_all(self, conversations: Sequence[Conversation]) -> list[Reply]:
        if not conversations:
            return []
        with ThreadPoolExecutor(min(self.concurrency, len(conversations))) as pool:
            futures = [pool.submit(self._answer, asked) for asked in conversations]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                for future in futures:
                    future.cancel()
            for future in done:
                future.result()  # raises what is wrong with all of them
            return [future.result() for future in futures]

    def _answer(self, conversation: Conversation) -> Reply:
        problem: Exception
        for attempt in range(self.max_retries + 1):
            try:
                return self._reply(self._asking.ask(self.model, conversation), conversation)
            except Refusal as refusal:
                if refusal.concern in (Concern.FORM, Concern.PROMPT):
                    return self._otherwise(refusal, conversation)
                if refusal.concern is not Concern.PASSING:
                    raise self._say().refused(refusal, self._offers_if_any()) from None
                problem = refusal
            except Unreadable as error:
                problem = error
            except ExtraRefused as error:
                raise self._say().extra(error) from None
            if attempt < self.max_retries:
                self._patience.pause(attempt, getattr(problem, "retry_after", None))
        if isinstance(problem, NoChoice) or _may_be_the_schema(problem, conversation):
            return self._otherwise(problem, conversation)
        raise self._say().silent(problem, self.max_retries + 1)

    def _otherwise(self, problem: Exception, conversation: Conversation) -> Reply:
        """The answer to a conversation in another form, or the reply that it was refused."""
        about_form = not isinstance(problem, Refusal) or problem.concern is not Concern.PROMPT
        completion = None
        if about_form:
            completion = self._asking.ask_otherwise(self.model, conversation, problem)
        if completion is not None:
            return self._reply(completion, conversation)
        if isinstance(problem, Refusal) and problem.concern is Concern.PASSING:
            raise self._say().silent(problem, self.max_retries + 1)
        why = self._wire.hide(str(problem))
        return self._reply(Completion("", True, why, 0, 0), conversation)

    def _reply(self, completion: Completion, conversation: Conversation) -> Reply:
        reply = completion.reply(self.prices.get(self.model))
        self._count(reply.refused, conversation)
        return reply

    def _count(self, refused: str | None, conversation: Conversation) -> None:
        """Note whether there was an answer.

        Raises:
            ChatError: There was none to so many different conversations in a row that none can be
                expected to pass.
        """
        with self._lock:
            if refused is None:
                self._refused.clear()
                return
            self._refused.add(conversation.part_of or conversation.messages)
            many = len(self._refused) >= MOST_REFUSALS
        if many:
            raise self._say().all_refused(MOST_REFUSALS, refused)

    def _say(self) -> Complaints:
        return Complaints(self._wire, self._named, self.key_variable)


def _may_be_the_schema(problem: Exception, conversation: Conversation) -> bool:
    """Whether a server that is in trouble might not be without the schema."""
    in_trouble = isinstance(problem, Refusal) and problem.in_trouble
    return in_trouble and conversation.schema is not None
