"""The rows of the ablation: one system with a component left out or swapped in each."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import CachedChat, keep_answers
from zeroseg.evaluation.oracle import OracleSegmenter
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import QueryCentres, SpreadPoints, TopLogits
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.raw_tags import RawTags
from zeroseg.segmenter import ZeroShotSegmenter

COUNTS = (1, 5, 10, 20, 40)
"""Points a box in the sweep (the paper's supplement sweeps them, too; 20 is its choice)."""

SAMPLERS: Mapping[str, type[TopLogits] | type[QueryCentres] | type[SpreadPoints]] = {
    "top logits": TopLogits,
    "query centres": QueryCentres,
    "spread": SpreadPoints,
}


@dataclass(frozen=True)
class Row:
    """One system of the ablation.

    Attributes:
        name: As in the table; the figures of the paper go by the same names.
        system: The system; None where it cannot be run.
        group: "table" for the paper's table 3, "more" for other systems, "points" for the sweep.
        reason: Why it cannot be run.
    """

    name: str
    system: BaseSegmenter | None
    group: str = "table"
    reason: str = ""


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
        self._parts: dict[str, Any] = {
            **full.components(),
            "pre_refiner": self.cached(full.pre_refiner),
            "post_refiner": self.cached(full.post_refiner),
        }

    def make(self, config: Mapping[str, Any] | None = None, **parts: Any) -> ZeroShotSegmenter:
        """The full system with other parts.

        Args:
            config: What a configuration says of the parts, where that is more than their classes.
            parts: In place of the full system's; None leaves one out.
        """
        told = {name: None if part is None else _path(part) for name, part in parts.items()}
        if {"tagger", "captioner", "pre_refiner", "verifier", "detector"} & set(parts):
            # Other detections: what post-refinement would cost alone, it costs here.
            parts.setdefault("post_refiner", _forgetful(self._parts["post_refiner"]))
        made = ZeroShotSegmenter(
            self.full.vocabulary,
            **{**self._parts, **parts},
            batch_size=self.full.batch_size,
            batches_in_flight=self.full.batches_in_flight,
        )
        if self.full.config is not None:
            made.config = {**self.full.config, **told, **(config or {})}
        return made.to(self.full.device)

    def cached(self, refiner: Any) -> Any:
        """The same refiner around the same chat model, which remembers its answers."""
        if not isinstance(refiner, LLMPreRefiner | LLMPostRefiner):
            return refiner
        remembering = keep_answers(refiner.chat, _kept(refiner), charge="alone")
        self.chats.append(remembering)
        return with_chat(refiner, remembering)

    @property
    def asked(self) -> int:
        """Conversations that the chat models were really asked so far."""
        return sum(chat.asked for chat in self.chats)


def _kept(refiner: LLMPreRefiner | LLMPostRefiner) -> MutableMapping[str, str]:
    """The lasting cache of a refiner, else a fresh one."""
    held = refiner.cache if isinstance(refiner, LLMPostRefiner) else None
    if held is None and isinstance(refiner.chat, CachedChat):
        held = refiner.chat.cache
    return held if isinstance(held, AnswerCache) else {}


def with_chat(refiner: Any, chat: Any) -> Any:
    """A refiner like this one that asks another chat model, and has asked nothing yet."""
    other = copy.copy(refiner)
    other._modules = refiner._modules.copy()
    other.chat = chat
    return _forgetful(other)


def _forgetful(refiner: PostRefiner) -> PostRefiner:
    if not isinstance(refiner, LLMPostRefiner) or refiner.cache is None:
        return refiner
    other = copy.copy(refiner)
    other.cache = {}
    return other


def rows(
    full: ZeroShotSegmenter,
    other: tuple[PreRefiner, PostRefiner, Mapping[str, Any]] | str,
    counts: Sequence[int] = COUNTS,
    raw_tags: RawTags | None = None,
) -> tuple[list[Row], Variants]:
    """All rows of the ablation (paper, table 3, and its supplement's sweep of points).

    Args:
        full: The complete system.
        other: Refiners with another chat model and their configuration; or why there are none.
        counts: Points a box in the sweep.
        raw_tags: What asks for unrefined tags; `RawTags()` by default.

    Returns:
        The rows, the full system first, and what they share.
    """
    make = Variants(full)
    raw = raw_tags or RawTags()
    plain, predictor = ExactPostRefiner(), full.mask_predictor
    unpointed = predictor.with_points(None)
    pointless = _points(full, None)
    table = [
        Row("full", make.make()),
        Row("without captions", make.make(captioner=None)),
        Row("without pre-refinement", make.make(pre_refiner=raw)),
        Row("without post-refinement", make.make(post_refiner=plain)),
        _unless(
            unpointed,
            "without points",
            lambda masks: make.make(pointless, mask_predictor=masks),
        ),
        _unless(
            unpointed,
            "without all",
            lambda masks: make.make(
                pointless,
                captioner=None,
                pre_refiner=raw,
                post_refiner=plain,
                mask_predictor=masks,
            ),
        ),
        _other(make, other),
        Row("ground-truth labels", OracleSegmenter(make.make(), ["labels"])),
    ]
    return [*table, *_more(make, raw), *_sweep(make, counts)], make


def _other(make: Variants, other: tuple[PreRefiner, PostRefiner, Mapping[str, Any]] | str) -> Row:
    if isinstance(other, str):
        return Row("other chat model", None, reason=other)
    pre, post, config = other
    system = make.make(config, pre_refiner=make.cached(pre), post_refiner=make.cached(post))
    return Row("other chat model", system)


def _more(make: Variants, raw: RawTags) -> list[Row]:
    """Systems beside the paper's table."""
    plain = ExactPostRefiner()
    neither = make.make(pre_refiner=raw, post_refiner=plain)
    everything = make.make(tagger=None, captioner=None, pre_refiner=AllClasses())
    found = [
        Row("without pre- and post-refinement", neither, "more"),
        Row("all classes prompted", everything, "more"),
    ]
    free = make.full.detector.with_own_phrases()
    if free is not None:
        config = _changed(make.full, "detector", "decoding", "phrases")
        bare = make.make(config, detector=free, post_refiner=plain)
        found += [
            Row("phrases", make.make(config, detector=free), "more"),
            Row("phrases without post-refinement", bare, "more"),
        ]
    return found


def _sweep(make: Variants, counts: Sequence[int]) -> list[Row]:
    predictor = make.full.mask_predictor
    if predictor.with_points(None) is None:
        return []
    found = []
    for name, kind in SAMPLERS.items():
        for count in counts:
            sampler = kind(count)
            masks = predictor.with_points(sampler)
            system = make.make(_points(make.full, sampler), mask_predictor=masks)
            unit = "point" if count == 1 else "points"
            found.append(Row(f"{count} {unit}, {name}", system, "points"))
    return found


def _unless(part: Any, name: str, system: Any) -> Row:
    if part is None:
        return Row(name, None, reason="the mask predictor takes no point prompts")
    return Row(name, system(part))


def _path(part: object) -> dict[str, Any]:
    kind = type(part)
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}"}


def _points(full: ZeroShotSegmenter, sampler: PointSampler | None) -> dict[str, Any]:
    """The mask predictor's entry of a configuration with another sampler."""
    entry = None
    if sampler is not None:
        entry = {**_path(sampler), "init_args": {"count": sampler.count}}
    return _changed(full, "mask_predictor", "point_sampler", entry)


def _changed(full: ZeroShotSegmenter, part: str, option: str, value: Any) -> dict[str, Any]:
    """A component's entry of a configuration with another option; offloaded or not."""
    entry = copy.deepcopy((full.config or {}).get(part) or _path(getattr(full, part)))
    inside = entry.setdefault("init_args", {})
    while "part" in inside:
        inside = inside["part"].setdefault("init_args", {})
    inside[option] = value
    return {part: entry}
