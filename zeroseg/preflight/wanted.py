"""The checkpoints that components need: what is here of them, and what the hub has."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zeroseg.preflight.components import Place, names_of, needs_of
from zeroseg.weights.needs import Checkpoint

if TYPE_CHECKING:
    from zeroseg.preflight.held import Held
    from zeroseg.preflight.hub import Remote


@dataclass(frozen=True)
class Wanted:
    """A checkpoint that components need.

    Attributes:
        subject: The components, and the checkpoint's name.
        held: What is here of it.
        visits: Whether its weights are on the device only while they are needed.
        remote: What the hub has of it, where that was asked; it is not where all is here.
        refusal: Why the hub has nothing, if so.
    """

    subject: str
    held: Held
    visits: bool = False
    remote: Remote | None = None
    refusal: str | None = None


def needed(found: Sequence[Place]) -> dict[Checkpoint, list[Place]]:
    """The checkpoints that components need, each once."""
    wanted: dict[Checkpoint, list[Place]] = {}
    for place, need in needs_of(found, Checkpoint):
        wanted.setdefault(need, []).append(place)
    return wanted


def wanted_of(found: Sequence[Place]) -> list[Wanted]:
    """The checkpoints that components need: what is here, and what the hub has of the others."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(_asked, wanted_here(found)))


def wanted_here(found: Sequence[Place]) -> list[Wanted]:
    """The checkpoints that components need, and what is here of them; the hub is not asked."""
    from zeroseg.preflight.held import held

    return [
        Wanted(f"{names_of(users)}: checkpoint '{need.name}'", held(need), _visits(users, found))
        for need, users in needed(found).items()
    ]


def _asked(wanted: Wanted) -> Wanted:
    """The same with the hub's answer, where not all is here."""
    from zeroseg.preflight.hub import HubError, ask

    if wanted.held.whole or not wanted.held.at_hub:
        return wanted
    try:
        return replace(wanted, remote=ask(wanted.held.checkpoint))
    except HubError as error:
        return replace(wanted, refusal=str(error))


def _visits(users: Sequence[Place], found: Sequence[Place]) -> bool:
    """Whether every component that uses a checkpoint stands within one that is offloaded."""
    from zeroseg.detection.detector import offload_detector
    from zeroseg.masking.mask_predictor import offload_mask_predictor
    from zeroseg.recognition.captioner import offload_captioner
    from zeroseg.recognition.tagger import offload_tagger
    from zeroseg.refinement.reviewer import offload_reviewer
    from zeroseg.refinement.verifier import offload_verifier

    offloading = (
        offload_tagger,
        offload_captioner,
        offload_verifier,
        offload_detector,
        offload_reviewer,
        offload_mask_predictor,
    )
    hosts = [place.path for place in found if place.kind in offloading]
    return all(any(user.path[: len(host)] == host for host in hosts) for user in users)
