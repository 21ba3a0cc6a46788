"""Systems that share the components of one, with a few swapped."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from typing import Any

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import CachedChat, keep_answers
from zeroseg.refinement.keeping import Asking
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.vocabulary import Vocabulary


class Variants:
    """Makes segmenters that share the components of one, with a few swapped.

    Chat models are asked the same thing only once over all of them, but every system is charged
    what it would take alone, without a cache. Where the full system keeps answers for ever, these
    do, too.

    Args:
        full: The complete system.
    """

    def __init__(self, full: ZeroShotSegmenter) -> None:
        self.full = full
        self.chats: list[CachedChat] = []
        self._parts = {name: self.cached(part) for name, part in full.components().items()}

    def make(
        self,
        config: Mapping[str, Any] | None = None,
        vocabulary: Vocabulary | None = None,
        **parts: Any,
    ) -> ZeroShotSegmenter:
        """The full system with other parts.

        Args:
            config: What a configuration says of the parts, where that is more than their classes.
            vocabulary: The same classes, asked for with other words.
            parts: In place of the full system's; None leaves one out.
        """
        told = {
            name: None if part is None else component_entry(part) for name, part in parts.items()
        }
        asking = {"tagger", "captioner", "pre_refiner", "verifier", "detector"} & set(parts)
        if asking or vocabulary is not None:
            # Other detections: what post-refinement would cost alone, it costs here.
            parts.setdefault("post_refiner", _forgetful(self._parts["post_refiner"]))
        classes = vocabulary or self.full.vocabulary
        made = ZeroShotSegmenter(
            classes,
            **{**self._parts, **parts},
            batch_size=self.full.batch_size,
            batches_in_flight=self.full.batches_in_flight,
            tiling=self.full.tiling,
        )
        if self.full.config is not None:
            named = {"vocabulary": classes.to_dict()} if vocabulary is not None else {}
            made.config = {**self.full.config, **told, **named, **(config or {})}
        return made.to(self.full.device)

    def cached(self, part: Any) -> Any:
        """The same component; one that asks a chat model asks the same, which remembers."""
        if not isinstance(part, Asking):
            return part
        remembering = keep_answers(part.chat, _kept(part), charge="alone")
        self.chats.append(remembering)
        return with_chat(part, remembering)

    @property
    def asked(self) -> int:
        """Conversations that the chat models were really asked so far."""
        return sum(chat.asked for chat in self.chats)


def _kept(part: Asking) -> MutableMapping[str, str]:
    """The lasting cache of a component, else a fresh one."""
    held = part.cache if isinstance(part, LLMPostRefiner) else None
    if held is None and isinstance(part.chat, CachedChat):
        held = part.chat.cache
    return held if isinstance(held, AnswerCache) else {}


def with_chat(part: Any, chat: Any) -> Any:
    """A component like this one that asks another chat model, and has asked nothing yet."""
    other = copy.copy(part)
    other._modules = part._modules.copy()
    other.chat = chat
    return _forgetful(other)


def _forgetful(part: Any) -> Any:
    if not isinstance(part, LLMPostRefiner) or part.cache is None:
        return part
    other = copy.copy(part)
    other.cache = {}
    return other


def component_entry(part: object) -> dict[str, Any]:
    """A configuration's entry for a component, without its arguments."""
    kind = type(part)
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}"}


def with_options(full: ZeroShotSegmenter, part: str, **options: Any) -> dict[str, Any]:
    """A component's entry of a configuration with other options; offloaded or not."""
    entry = copy.deepcopy((full.config or {}).get(part) or component_entry(getattr(full, part)))
    inside = entry.setdefault("init_args", {})
    while "part" in inside:
        inside = inside["part"].setdefault("init_args", {})
    inside.update(options)
    return {part: entry}


def inner_entry(full: ZeroShotSegmenter, part: str, argument: str) -> dict[str, Any]:
    """A configuration's entry for a component that stands within another, in the other's place."""
    entry = copy.deepcopy((full.config or {}).get(part) or {})
    while "part" in (inside := entry.get("init_args", {})):
        entry = inside["part"]
    held = getattr(getattr(full, part), argument)
    return {part: inside.get(argument) or component_entry(held)}
