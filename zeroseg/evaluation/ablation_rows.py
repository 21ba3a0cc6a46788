"""The rows of the ablation: one system with a component left out or swapped in each.

One list has them all. Each says what it needs of the full system, and those that it has are in the
table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from typing_extensions import Unpack

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.dense.region_scorer import Pooling, RegionOptions, RegionScorer
from zeroseg.errors import CalibrationError
from zeroseg.evaluation.oracle import OracleSegmenter, has_dense_scores, tellable
from zeroseg.evaluation.variants import Variants, component_entry, inner_entry, with_options
from zeroseg.fusion.fusion import Evidence
from zeroseg.fusion.signature_fusion import SignatureFusion
from zeroseg.fusion.things_and_stuff import (
    Background,
    FusionOptions,
    Presence,
    Stuff,
    ThingsAndStuff,
)
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import QueryCentres, SpreadPoints, TopLogits
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.raw_tags import RawTags
from zeroseg.refinement.selecting import select_classes
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.vocabularies import by_name, compiled

COUNTS = (1, 5, 10, 20, 40)
"""Points a box in the sweep (the paper's supplement sweeps them, too; 20 is its choice)."""

SAMPLERS: Mapping[str, type[TopLogits] | type[QueryCentres] | type[SpreadPoints]] = {
    "top logits": TopLogits,
    "query centres": QueryCentres,
    "spread": SpreadPoints,
}

_PRESENCE: Mapping[Presence, str] = {
    "never": "without presence",
    "once": "presence once",
    "twice": "presence twice",
}
_EVIDENCE: Mapping[Evidence, str] = {
    "instances": "without dense head",
    "dense": "without instances",
    "both": "instances and dense head",
}

Other = tuple[PreRefiner, PostRefiner, Mapping[str, Any]] | str
"""Refiners with another chat model and their configuration; or why there are none."""


@dataclass(frozen=True)
class Row:
    """One system of the ablation.

    Attributes:
        name: As in the table; the figures of the paper go by the same names.
        system: The system; None where it cannot be run.
        group: "table" for what is left out or told, as in the paper's table 3, "more" for other
            systems, "points" for the sweep.
        reason: Why it cannot be run.
    """

    name: str
    system: BaseSegmenter | None
    group: str = "table"
    reason: str = ""


@dataclass(frozen=True)
class Candidate:
    """A row that a system may have.

    Attributes:
        name: See `Row`.
        lacks: What the full system has not that it needs; empty where it has everything.
        system: Makes the system.
        group: See `Row`.
        missed: Whether the row is to be in the table with its reason where it cannot be run:
            people look for it there. Else it is left out.
    """

    name: str
    lacks: str
    system: Callable[[], BaseSegmenter]
    group: str = "table"
    missed: bool = False


def rows(
    full: ZeroShotSegmenter,
    other: Other,
    counts: Sequence[int] = COUNTS,
    raw_tags: RawTags | None = None,
    signatures: str | Path | None = None,
) -> tuple[list[Row], Variants]:
    """All rows of the ablation that the full system has.

    Of a system that puts pictures into words they are those of the paper (table 3, and its
    supplement's sweep of points). Of one that weighs instances and dense maps by presence, they
    are what each of the three is worth; of one with a dense scorer, what that and its pooling
    are; of one that looks twice, what the first look costs. Where classes have further words, or
    the package has some for them, what these are worth. Where there are signatures, what they are.

    Args:
        full: The complete system.
        other: Refiners with another chat model and their configuration; or why there are none.
        counts: Points a box in the sweep.
        raw_tags: What asks for unrefined tags; `RawTags()` by default.
        signatures: A file of `zeroseg calibrate --signatures` for a system that has none yet.

    Returns:
        The rows, the full system first, and what they share.

    Raises:
        CalibrationError: The signatures cannot be read.
    """
    make, raw = Variants(full), raw_tags or RawTags()
    candidates = (
        *_words(make, other, raw),
        *_concepts(make),
        *_dense(make),
        *_looks(make),
        *_truth(make),
        *_wordings(make),
        *_signatures(make, signatures),
        *_more(make, raw),
        *_fusions(make),
        *_sweep(make, counts),
    )
    found = [Row("full", make.make())]
    for own in candidates:
        if not own.lacks:
            found.append(_row(own))
        elif own.missed:
            found.append(Row(own.name, None, own.group, own.lacks))
    return found, make


def _row(own: Candidate) -> Row:
    """A row whose system can be made; it may be refused what was calibrated for the full one."""
    system = own.system()
    try:
        _ = system.stages
    except CalibrationError as error:
        reason = (
            f"what was calibrated holds for the words that it was found with alone; ablate without "
            f"it (such as --set verifier=null), or with what was found for the others ({error})"
        )
        return Row(own.name, None, own.group, reason)
    return Row(own.name, system, own.group)


def is_described(system: ZeroShotSegmenter) -> bool:
    """Whether a system puts pictures into words first, as the paper's does."""
    return system.tagger is not None or system.captioner is not None


def _words(make: Variants, other: Other, raw: RawTags) -> list[Candidate]:
    """The paper's table, and the rows beside it that are about words."""
    full, plain = make.full, ExactPostRefiner()
    unpointed, pointless = full.mask_predictor.with_points(None), _points(full, None)
    listed = is_described(full)
    captions = "" if full.captioner is not None else "the system has no captioner"
    tags = "" if full.tagger is not None else "the system has no tagger"
    refined = (
        ""
        if not isinstance(full.post_refiner, ExactPostRefiner)
        else ("a phrase is only ever taken for a class by its name")
    )
    points = "" if unpointed is not None else "the mask predictor takes no point prompts"
    verified = "" if full.verifier is not None else "the system has no verifier"
    reviewed = "" if full.reviewer is not None else "the system has no reviewer"
    return [
        Candidate("without captions", captions, lambda: make.make(captioner=None), missed=listed),
        Candidate(
            "without pre-refinement", tags, lambda: make.make(pre_refiner=raw), missed=listed
        ),
        Candidate("without verification", verified, lambda: make.make(verifier=None)),
        Candidate("without review", reviewed, lambda: make.make(reviewer=None)),
        Candidate(
            "without post-refinement",
            refined,
            lambda: make.make(post_refiner=plain),
            missed=listed,
        ),
        Candidate(
            "without points",
            points,
            lambda: make.make(pointless, mask_predictor=unpointed),
            missed=listed,
        ),
        Candidate(
            "without all",
            tags or points,
            lambda: make.make(
                pointless,
                captioner=None,
                pre_refiner=raw,
                post_refiner=plain,
                mask_predictor=unpointed,
            ),
            missed=listed,
        ),
        _other(make, other, listed),
    ]


def _other(make: Variants, other: Other, missed: bool) -> Candidate:
    lacks = other if isinstance(other, str) else ""

    def system() -> BaseSegmenter:
        assert not isinstance(other, str)
        pre, post, config = other
        return make.make(config, pre_refiner=make.cached(pre), post_refiner=make.cached(post))

    return Candidate("other chat model", lacks, system, missed=missed)


def _concepts(make: Variants) -> list[Candidate]:
    """What presence, the dense maps and the instances are worth to their fusion."""
    fusion = make.full.fusion
    if not isinstance(fusion, ThingsAndStuff) or not has_dense_scores(make.full):
        return []
    found = [
        _fused(make, name, "" if presence != fusion.presence else "it is so", presence=presence)
        for presence, name in _PRESENCE.items()
    ]
    found += [
        _fused(make, name, "" if evidence != fusion.evidence else "it is so", evidence=evidence)
        for evidence, name in _EVIDENCE.items()
    ]
    left = fusion.evidence == "both" and fusion.presence != "never"
    name, lacks = "without dense head and presence", "" if left else "one of them is left out"
    return [*found, _fused(make, name, lacks, evidence="instances", presence="never")]


def _fused(
    make: Variants, name: str, lacks: str, group: str = "table", **options: Unpack[FusionOptions]
) -> Candidate:
    """The full system with other options of its fusion, `ThingsAndStuff`."""
    fusion, config = make.full.fusion, with_options(make.full, "fusion", **options)
    assert isinstance(fusion, ThingsAndStuff)
    other = fusion.variant(**options)
    return Candidate(name, lacks, partial(make.make, config, fusion=other), group)


def _dense(make: Variants) -> list[Candidate]:
    """What a dense scorer beside the detector is worth, and what pooling it over regions is."""
    full, scorer = make.full, make.full.dense_scorer
    if scorer is None:
        return []
    needed = full.fusion.evidence == "dense" and not full.detector.gives_dense
    lacks = "the fusion reads dense scores alone, and there are no others" if needed else ""
    without = Candidate("without dense scorer", lacks, lambda: make.make(dense_scorer=None))
    if not isinstance(scorer, RegionScorer):
        return [without]
    plain = inner_entry(full, "dense_scorer", "scorer")

    def variant(**options: Unpack[RegionOptions]) -> BaseSegmenter:
        config = with_options(full, "dense_scorer", **options)
        return make.make(config, dense_scorer=scorer.variant(**options))

    scope = "" if scorer.scope else "the scorer is not told of the regions"
    return [
        without,
        Candidate("without pooling", "", lambda: make.make(plain, dense_scorer=scorer.scorer)),
        Candidate("without scope", scope, partial(variant, scope=False)),
        *(
            Candidate(f"pooled by {own}", "", partial(variant, pooling=own), "more")
            for own in get_args(Pooling)
            if own != scorer.pooling
        ),
    ]


def _looks(make: Variants) -> list[Candidate]:
    """A detector's cheap look before the full one, left out or put in."""
    detector, vocabulary = make.full.detector, make.full.vocabulary
    if detector.with_preview(False) is None:
        return []
    prompts = len(select_classes(vocabulary.classes, vocabulary).prompts)
    twice = detector.previews(prompts)
    once = f"the full system has no preview of {prompts} prompts; see 'with two-stage'"

    def system(preview: bool) -> BaseSegmenter:
        config = with_options(make.full, "detector", preview="always" if preview else "never")
        return make.make(config, detector=detector.with_preview(preview))

    return [
        Candidate("without two-stage", "" if twice else once, lambda: system(False), missed=True),
        Candidate("with two-stage", "it is so" if twice else "", lambda: system(True)),
    ]


def _wordings(make: Variants) -> list[Candidate]:
    """The classes asked for by their names alone, and by the added words of the package."""
    own = make.full.vocabulary
    raw, added = by_name(own), compiled(own)
    candidates = []
    for name, words in (("words: raw", raw), ("words: compiled", added)):
        new = words is not None and words != own
        lacks = "" if new else "it is so, or no words are known"
        candidates.append(Candidate(name, lacks, partial(make.make, None, words), missed=new))
    return candidates


def _signatures(make: Variants, path: str | Path | None) -> list[Candidate]:
    """Confusions and the background settled by signatures, and by scores alone."""
    fusion = make.full.fusion
    if isinstance(fusion, SignatureFusion):
        plain, own = inner_entry(make.full, "fusion", "fusion"), fusion.fusion
        return [Candidate("signatures: without", "", lambda: make.make(plain, fusion=own))]
    if path is None:
        return []
    if not isinstance(fusion, ThingsAndStuff):
        raise CalibrationError(
            f"{type(fusion).__name__} has no scores that signatures could be held against; take "
            f"ThingsAndStuff"
        )
    settled = SignatureFusion.from_pretrained(path, fusion)
    inner = (make.full.config or {}).get("fusion") or component_entry(fusion)
    given = {"signatures": str(path), "fusion": inner}
    entry = {"fusion": {**component_entry(settled), "init_args": given}}
    return [Candidate("signatures: with", "", lambda: make.make(entry, fusion=settled))]


def _truth(make: Variants) -> list[Candidate]:
    """What telling is worth of what is there."""
    told = tellable(make.full)
    return [
        Candidate(f"ground-truth {what}", "", partial(OracleSegmenter, make.make(), [what]))
        for what in told
        if what in ("verification", "labels", "presence")
    ]


def _more(make: Variants, raw: RawTags) -> list[Candidate]:
    """Systems beside the paper's table."""
    full, plain = make.full, ExactPostRefiner()
    free = full.detector.with_own_phrases()
    phrases = with_options(full, "detector", decoding="phrases")
    refined = full.tagger is not None and not isinstance(full.post_refiner, ExactPostRefiner)
    chosen = not isinstance(full.pre_refiner, AllClasses)
    own_words = "" if free is not None else "the detector has no words of its own"
    return [
        Candidate(
            "without pre- and post-refinement",
            "" if refined else "one of them is left out",
            lambda: make.make(pre_refiner=raw, post_refiner=plain),
            "more",
        ),
        Candidate(
            "all classes prompted",
            "" if chosen else "it is so",
            lambda: make.make(tagger=None, captioner=None, pre_refiner=AllClasses()),
            "more",
        ),
        Candidate("phrases", own_words, lambda: make.make(phrases, detector=free), "more"),
        Candidate(
            "phrases without post-refinement",
            own_words,
            lambda: make.make(phrases, detector=free, post_refiner=plain),
            "more",
        ),
    ]


def _fusions(make: Variants) -> list[Candidate]:
    """Other ways of `ThingsAndStuff` to leave pixels to the background, and to read stuff."""
    fusion, vocabulary = make.full.fusion, make.full.vocabulary
    if not isinstance(fusion, ThingsAndStuff):
        return []
    known = "" if vocabulary.distractors else "the vocabulary has no distractors"
    backgrounds: dict[Background, tuple[str, str]] = {
        "threshold": (f"background by threshold {fusion.threshold:g}", ""),
        "margin": (f"background by margin {fusion.threshold:g}", ""),
        "distractors": ("background by distractors", known),
        "never": ("no background", ""),
    }
    found = [
        _fused(make, name, lacks, "more", background=background)
        for background, (name, lacks) in backgrounds.items()
        if background != fusion.background_rule(vocabulary)
    ]
    apart = vocabulary.stuff and fusion.evidence == "both" and has_dense_scores(make.full)
    lacks = "" if apart else "there is no stuff, or it is not read twice"
    for way in get_args(Stuff):
        if way != fusion.stuff:
            found.append(_fused(make, f"stuff {way}", lacks, "more", stuff=way))
    return found


def _sweep(make: Variants, counts: Sequence[int]) -> list[Candidate]:
    predictor = make.full.mask_predictor
    if predictor.with_points(None) is None:
        return []

    def system(sampler: PointSampler) -> BaseSegmenter:
        masks = predictor.with_points(sampler)
        return make.make(_points(make.full, sampler), mask_predictor=masks)

    found = []
    for name, kind in SAMPLERS.items():
        for count in counts:
            unit = "point" if count == 1 else "points"
            pointed = partial(system, kind(count))
            found.append(Candidate(f"{count} {unit}, {name}", "", pointed, "points"))
    return found


def _points(full: ZeroShotSegmenter, sampler: PointSampler | None) -> dict[str, Any]:
    """The mask predictor's entry of a configuration with another sampler."""
    entry = None
    if sampler is not None:
        entry = {**component_entry(sampler), "init_args": {"count": sampler.count}}
    return with_options(full, "mask_predictor", point_sampler=entry)
