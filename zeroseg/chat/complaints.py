"""What is said when no question can be answered, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.chat.models_offered import Offer, listed
from zeroseg.chat.prices import shutdown_dates
from zeroseg.chat.refusals import Concern, Refusal
from zeroseg.chat.wire import Wire
from zeroseg.errors import ChatError
from zeroseg.server_address import is_own, shown_address

MODEL_VARIABLE = "ZEROSEG_LLM"
"""Environment variable that names the model where no argument does."""


class Complaints:
    """Errors that concern every question to one server, in words that show no key.

    Args:
        wire: To the server.
        model: Name of the model, None while there is none.
        key_variable: Environment variable that holds the key.
    """

    def __init__(self, wire: Wire, model: str | None, key_variable: str) -> None:
        self.wire = wire
        self.model = model
        self.key_variable = key_variable

    @property
    def who(self) -> str:
        """The model and its server."""
        return f"{self.model or 'the language model'} at {shown_address(self.wire.address)}"

    def silent(self, problem: Exception, attempts: int = 1) -> ChatError:
        """There is no answer, whatever was asked."""
        often = f" in {attempts} attempts" if attempts > 1 else ""
        return ChatError(f"{self.who} gave no answer{often}; last: {self._said(problem)}")

    def all_refused(self, count: int, last: str) -> ChatError:
        """One prompt after the other is refused."""
        return ChatError(
            f"{self.who} refused the last {count} different prompts in a row, so that it is taken "
            f"to refuse all; last: {last}"
        )

    def extra(self, problem: Exception) -> ChatError:
        """What the user told to send is not taken."""
        return ChatError(f"{self.who} refused {problem}, which `extra` asks for: leave it out")

    def unknown(self, refusal: Refusal, offers: Sequence[Offer]) -> ChatError:
        """The server does not have the model."""
        gone = shutdown_dates().get(self.model or "") if is_own(self.wire.address) else None
        since = f" (shut down on {gone})" if gone is not None else ""
        return ChatError(
            f"{shown_address(self.wire.address)} does not know the model '{self.model}'{since}: "
            f"{self._said(refusal)}. {way_out(offers)}"
        )

    def refused(self, refusal: Refusal, offers: Sequence[Offer]) -> ChatError:
        """The server refused the request, as it would any other."""
        if refusal.concern is Concern.MODEL:
            return self.unknown(refusal, offers)
        remedies = {
            Concern.KEY: f"Is the key in {self.key_variable} one of this server's?",
            Concern.QUOTA: "The account has nothing left: top it up, or name another server.",
            Concern.ADDRESS: "Is `base_url` what /chat/completions follows? It often ends in /v1.",
        }
        remedy = remedies.get(refusal.concern, "")
        return ChatError(f"{self.who} refused the request: {self._said(refusal)}. {remedy}")

    def _said(self, problem: Exception) -> str:
        return self.wire.hide(str(problem)).rstrip(".")


def way_out(offers: Sequence[Offer]) -> str:
    """What else there is, and how to ask for it."""
    offered = f"It offers: {listed(offers)}. " if offers else ""
    return f"{offered}Name a model: --llm NAME, the environment variable {MODEL_VARIABLE}, `model`"
