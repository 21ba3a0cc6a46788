"""Asking a model in the form that it takes, which is learned once and kept for all threads."""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import replace

from zeroseg.chat.chat_model import Conversation
from zeroseg.chat.lock import Lock
from zeroseg.chat.patience import Patience
from zeroseg.chat.reading import Completion, read_completion
from zeroseg.chat.refusals import Concern, Refusal
from zeroseg.chat.request_form import LOWEST, RequestForm
from zeroseg.chat.wire import Unreadable, Wire

_MOST_TRIALS = 3
"""Different prompts that other forms are tried with, before prompts are held to be at fault."""


class Adapting:
    """Sends conversations in one form, and changes it for good when the server wants another.

    Args:
        wire: To the server.
        patience: Says when a request may be sent.
        form: To begin with.
    """

    def __init__(self, wire: Wire, patience: Patience, form: RequestForm) -> None:
        self.form = form
        self._wire = wire
        self._patience = patience
        self._lock = Lock()
        self._trying = Lock()
        self._proven: set[tuple[RequestForm, str]] = set()
        self._trials: Counter[tuple[RequestForm, str]] = Counter()

    def ask(self, model: str, conversation: Conversation) -> Completion:
        """The completion of a conversation, in whatever form the server takes it.

        Raises:
            Refusal: The server says no, and not because of the form.
            Unreadable: There is no answer, or none that can be read.
            ExtraRefused: The server refuses what the user told to send.
        """
        spent: Completion | None = None
        while True:
            form = self.form
            try:
                with self._patience.turn():
                    form = self.form  # it may have changed meanwhile
                    completion = self._send(form, model, conversation)
            except Refusal as refusal:
                matters = refusal.concern is Concern.FORM or refusal.is_length or refusal.in_trouble
                other = form.after(refusal, conversation) if matters else None
                if matters and self._change(model, form, other):
                    continue
                raise
            spent = completion.after(spent)
            if completion.begun or not self._change(model, form, form.roomier()):
                return spent

    def ask_otherwise(
        self, model: str, conversation: Conversation, problem: Exception
    ) -> Completion | None:
        """The completion in a form with less in it; None if no form helps, or none can be at fault.

        Called when the server says no without saying why. A form that has brought answers is not
        at fault: then it is the prompt.

        Args:
            model: Name of the model.
            conversation: What was refused.
            problem: In which way; where a server is in trouble, only the schema is left out.
        """
        before = self.form
        with self._trying:
            if self.form != before:
                with suppress(Refusal, Unreadable):
                    return self.ask(model, conversation)
            key = (self.form, _schema(conversation))
            self._trials[key] += 1
            if key in self._proven or self._trials[key] > _MOST_TRIALS:
                return None
            refused = isinstance(problem, Refusal) and not problem.in_trouble
            plain = [self.form.without("schema")] if self.form.schema else []
            for form in self.form.trials(conversation) if refused else plain:
                with suppress(Refusal, Unreadable), self._patience.turn():
                    completion = self._send(form, model, conversation)
                    self._change(model, self.form, form)
                    return completion
        return None

    def _send(self, form: RequestForm, model: str, conversation: Conversation) -> Completion:
        request = form.request(model, conversation)
        started = time.monotonic()
        completion = read_completion(self._wire.ask(request))
        seconds = time.monotonic() - started
        self._proven.add((form, _schema(conversation)))
        return replace(completion, seconds=seconds)

    def _change(self, model: str, old: RequestForm, new: RequestForm | None) -> bool:
        """Whether there is another form to ask in: the new one, or one of another thread."""
        with self._lock:
            if self.form != old:
                return True
            if new is None:
                return False
            self.form = new
        if old.temperature and new.temperature is None:
            warnings.warn(f"{model} takes no temperature: it is asked without one", stacklevel=2)
        if old.wanted != LOWEST and new.effort != old.effort:
            taken = f"it is asked with '{new.effort}'" if new.effort else "it is asked without one"
            warnings.warn(f"{model} takes no effort '{old.effort}': {taken}", stacklevel=2)
        return True


def _schema(conversation: Conversation) -> str:
    """Tells schemas apart, and whether pictures are shown: a form may do for some of them only."""
    shown = any(message.pictures for message in conversation.messages)
    return json.dumps([shown, conversation.schema], sort_keys=True, default=str)
