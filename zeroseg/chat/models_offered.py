"""Which models a server offers, and which of them is asked where nobody names one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from zeroseg.chat.patience import Patience
from zeroseg.chat.prices import preferred_models
from zeroseg.chat.refusals import Concern, Refusal
from zeroseg.chat.wire import Unreadable, Wire

_OTHER_WORK = re.compile(
    r"embed|bge-|gte-|e5-|rerank|whisper|tts|speech|audio|voice|realtime|live|transcri|translat"
    r"|moderation|guard|dall-e|image|diffusion|flux|sora|video|babbage|davinci|search|clip|ocr"
    r"|deep-research|computer-use|reward",
    re.IGNORECASE,
)
"""In the names of models that are not made for chat."""
_LISTED = 12


@dataclass(frozen=True)
class Offer:
    """A model of a server.

    Attributes:
        id: The name to ask for.
        shutdown: The day on which the server stops taking requests for it; None if it names none.
        sees: Whether it takes pictures; None where the server does not say.
    """

    id: str
    shutdown: date | None = None
    sees: bool | None = None


def list_offers(wire: Wire, patience: Patience) -> list[Offer]:
    """The models that a server lists; none where it has no list, or shows it to nobody.

    Raises:
        Refusal: The key is refused, or the account has no quota.
        Unreadable: Nobody answers, twice.
    """
    for last in (False, True):
        try:
            return read_offers(wire.models())
        except Refusal as refusal:
            if refusal.status == 401 or refusal.concern is Concern.QUOTA:
                raise
            if last or refusal.concern is not Concern.PASSING:
                break
        except Unreadable as error:
            if error.answered:
                break
            if last:
                raise
        patience.pause()
    return []


def read_offers(body: Any) -> list[Offer]:
    """The models in a server's list, whatever is around them; what is no model is left out."""
    listed = body
    if isinstance(body, dict):
        listed = body.get("data", body.get("models"))
    entries = listed if isinstance(listed, list) else []
    found = [offer for offer in map(_offer, entries) if offer is not None]
    offers = {offer.id: offer for offer in found}
    # llama.cpp lists its models twice, and what they can in one of the lists only.
    more = body.get("models") if isinstance(body, dict) and listed is not body.get("models") else ()
    for other in map(_offer, more if isinstance(more, list) else ()):
        if other is not None and other.id in offers and offers[other.id].sees is None:
            offers[other.id] = replace(offers[other.id], sees=other.sees)
    return list(offers.values())


def choose(offers: Sequence[Offer], today: date) -> Offer | None:
    """The model to ask: the first preferred one on offer, else the only one for chat."""
    there = [o for o in offers if o.shutdown is None or o.shutdown > today]
    for preferred in preferred_models():
        for offer in there:
            if offer.id.rpartition("/")[2] == preferred:
                return offer
    chats = for_chat(there)
    return chats[0] if len(chats) == 1 else None


def for_chat(offers: Iterable[Offer]) -> list[Offer]:
    """Those that may be made for chat, by their names."""
    return [offer for offer in offers if not _OTHER_WORK.search(offer.id)]


def listed(offers: Sequence[Offer]) -> str:
    """Names of models in a line, preferred ones first, and how many more there are."""
    order = preferred_models()
    chats = sorted(
        for_chat(offers) or offers,
        key=lambda offer: (order.index(offer.id) if offer.id in order else len(order), offer.id),
    )
    more = f" and {len(chats) - _LISTED} more" if len(chats) > _LISTED else ""
    return ", ".join(_printable(offer.id) for offer in chats[:_LISTED]) + more


def _printable(name: str) -> str:
    """A name without what would move the cursor or colour the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def find(name: str, offers: Iterable[Offer]) -> Offer | None:
    """The offer of a name; servers leave out what is the default, such as a tag ":latest"."""
    same = (name, f"{name}:latest", f"{name}@main", f"models/{name}")
    return next((offer for offer in offers if offer.id in same), None)


def _offer(entry: Any) -> Offer | None:
    if isinstance(entry, str):
        return Offer(entry)
    if not isinstance(entry, dict):
        return None
    name = entry.get("id", entry.get("name", entry.get("model")))
    ends = entry.get("shutdown_date", entry.get("expiration_date"))
    return Offer(name, _day(ends), _sees(entry)) if isinstance(name, str) and name else None


def _sees(entry: Mapping[str, Any]) -> bool | None:
    """Whether a model takes pictures, where its entry says so in one of the ways that are known.

    OpenRouter tells `architecture.input_modalities`, others `input_modalities` beside the name,
    GitHub Models `supported_input_modalities`; Mistral tells `capabilities.vision`, llama.cpp lists
    "multimodal" among `capabilities`, or not. Most servers tell nothing.
    """
    architecture = entry.get("architecture")
    places = (entry, architecture if isinstance(architecture, dict) else {})
    for place in places:
        for key in ("input_modalities", "supported_input_modalities"):
            if isinstance(place.get(key), list):
                return "image" in place[key]
    told = entry.get("capabilities")
    if isinstance(told, dict) and isinstance(told.get("vision"), bool):
        return bool(told["vision"])
    if isinstance(told, list) and "completion" in told:
        return "multimodal" in told or "vision" in told
    return None


def _day(text: Any) -> date | None:
    with suppress(TypeError, ValueError):
        return date.fromisoformat(text[:10])
    return None
