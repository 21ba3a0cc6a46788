"""The walk as workers: each holds the components of some stages, and takes parts of the archive on.

The stages are the segmenter's own, dealt out to pools, and run by the same runner. What changes
hands is small: the picture as it was encoded, and the values that a later pool needs. Pixels and a
mask predictor's encodings are many times that size, so neither leaves its worker. Workers do
without Lightning, which takes longer to import than all else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zeroseg.confidence.confidence_estimator import ConfidenceEstimator
from zeroseg.confidence.evidence_confidence import EvidenceConfidence
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.errors import ChatError
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.reviewer import Reviewer
from zeroseg.refinement.verifier import Verifier
from zeroseg.result_details import details, details_of
from zeroseg.running.item import Item
from zeroseg.running.precision import computing
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage
from zeroseg.scale.archive import look
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.work import Part, Stop, Work
from zeroseg.stages import (
    Captioning,
    ComponentStage,
    ConfidenceEstimation,
    DenseScoring,
    Detection,
    Fusing,
    Masking,
    PostRefinement,
    PreRefinement,
    Reviewing,
    Tagging,
    Verification,
)
from zeroseg.values import Exchange, Failure, Selection, Usage

if TYPE_CHECKING:
    from zeroseg.segmentation import Segmentation


@dataclass(frozen=True)
class Slot:
    """A component of a configuration, and the stage that it works.

    Attributes:
        name: The segmenter's argument.
        kind: What stands there.
        stage: The stage.
        default: What works the stage where the configuration names nothing.
        optional: Whether there is no such stage then.
        detail: What it gives beside label maps, on request; None of a stage that leads to them.
    """

    name: str
    kind: type[Any]
    stage: type[ComponentStage]
    default: type[Any] | None = None
    optional: bool = False
    detail: str | None = None

    def used(self, recipe: Recipe) -> bool:
        """Whether a recipe has the stage."""
        if self.detail is not None:
            return self.detail in recipe.details
        return not self.optional or recipe.config.get(self.name) is not None

    def build(self, recipe: Recipe, device: torch.device) -> ComponentStage:
        """The stage of a recipe."""
        if self.default is not None and recipe.config.get(self.name) is None:
            return self.stage(self.default(), recipe.vocabulary)
        return self.stage(recipe.part(self.kind, self.name, device), recipe.vocabulary)


POOLS: dict[str, tuple[Slot, ...]] = {
    "recognise": (
        Slot("tagger", Tagger, Tagging, optional=True),
        Slot("captioner", Captioner, Captioning, optional=True),
    ),
    "refine": (Slot("pre_refiner", PreRefiner, PreRefinement),),
    "verify": (Slot("verifier", Verifier, Verification, optional=True),),
    "detect": (Slot("detector", Detector, Detection),),
    "resolve": (Slot("post_refiner", PostRefiner, PostRefinement, ExactPostRefiner),),
    "dense": (Slot("dense_scorer", DenseScorer, DenseScoring, optional=True),),
    "review": (Slot("reviewer", Reviewer, Reviewing, optional=True),),
    "masks": (
        Slot("mask_predictor", MaskPredictor, Masking),
        Slot("fusion", Fusion, Fusing, HighestScore),
        Slot(
            "confidence",
            ConfidenceEstimator,
            ConfidenceEstimation,
            EvidenceConfidence,
            detail="confidence",
        ),
    ),
}
"""The stages of a `ZeroShotSegmenter` as pools of workers, in the order of the flow."""

WHOLE = "segment"
"""The one pool of every other system."""


def pools_of(recipe: Recipe) -> tuple[str, ...]:
    """Names of the pools that a system is dealt out to."""
    if not recipe.staged:
        return (WHOLE,)
    return tuple(name for name, slots in POOLS.items() if any(s.used(recipe) for s in slots))


def build_worker(name: str, recipe: Recipe, device: str) -> Worker:
    """A worker of a pool.

    Raises:
        ZerosegError: Weights or keys are missing, or the configuration is wrong.
    """
    return Staged(name, recipe, device) if name in POOLS else Whole(recipe, device)


class Worker(ABC):
    """What is done to the pictures that reach a pool.

    Args:
        recipe: What its components are built from.
        device: Where they run.
    """

    sees = True
    """Whether it looks at the pictures."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        self.recipe, self.device = recipe, torch.device(device)

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server; it is then asked by several threads."""
        return False

    @abstractmethod
    def attempt(self, works: Sequence[Work], images: Sequence[Any]) -> list[Work]:
        """Take a batch on; a picture that cannot be has failed, and the others go on.

        Args:
            works: B >= 1 pictures, none of which has failed before.
            images: B tensors (3, H, W) uint8 on the worker's device; None for each if it does not
                look.

        Raises:
            ChatError: A language model stayed unreachable.
        """

    def __call__(self, part: Part) -> Part:
        """Take the pictures of a part on, in batches that are the same for every stage."""
        if not part.works:
            return part
        size = self.recipe.batch_size
        batches = [part.works[i : i + size] for i in range(0, len(part.works), size)]
        if self.waits:
            with ThreadPoolExecutor(len(batches)) as threads:
                done = list(threads.map(self._take, batches))
        else:
            done = [self._take(batch) for batch in batches]
        works = tuple(work for batch, _ in done for work in batch)
        return Part(works, next((stop for _, stop in done if stop is not None), part.stop))

    def _take(self, batch: Sequence[Work]) -> tuple[list[Work], Stop | None]:
        """A batch, without the pictures that could not be finished as their service was gone."""
        looked = [self._look(work) for work in batch]
        ready = [(work, image) for work, image in looked if work.failure is None]
        if not ready:
            return [work for work, _ in looked], None
        try:
            taken = iter(self.attempt(*zip(*ready, strict=True)))
        except ChatError as error:
            return [w for w, _ in looked if w.failure is not None], Stop(str(error), True)
        return [next(taken) if w.failure is None else w for w, _ in looked], None

    def _look(self, work: Work) -> tuple[Work, Tensor | None]:
        if not self.sees:
            return work, None
        work, image = look(work)
        return work, None if image is None else image.to(self.device)


class Staged(Worker):
    """Some stages of the walk, by the runner of all walks.

    Args:
        pool: One of `POOLS`.
        recipe: See `Worker`.
        device: See `Worker`.
    """

    def __init__(self, pool: str, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        used = [slot for slot in POOLS[pool] if slot.used(recipe)]
        self.stages = [slot.build(recipe, self.device) for slot in used]
        self.runner = Runner(self.stages, self.device, (ChatError,))
        self.sees = any("image" in stage.needs for stage in self.stages)
        self.passed_on = _needed_after(pool)

    @property
    def waits(self) -> bool:
        """See `Worker.waits`."""
        return any(stage.waits for stage in self.stages)

    def attempt(self, works: Sequence[Work], images: Sequence[Any]) -> list[Work]:
        """See `Worker.attempt`."""
        given = [{"image": image, **w.values} for w, image in zip(works, images, strict=True)]
        with torch.inference_mode(), computing(self.recipe.precision, self.device):
            items = self.runner.run_items([Item(values) for values in given])
        return [self._taken(work, item) for work, item in zip(works, items, strict=True)]

    def _taken(self, work: Work, item: Item) -> Work:
        if item.error is not None:
            return work.failed(item.stage, item.message)
        values = {name: item.values[name] for name in self.passed_on if name in item.values}
        if "label_map" in values:
            values |= self._details(item.values)
        usage, seconds = work.usage + _spent(item, self.stages), {**work.seconds, **item.seconds}
        return replace(work, values=_light(values), seconds=seconds, usage=usage)

    def _details(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """What is kept beside the label map that a pool ends in."""
        selection, found = known.get("selection", Selection()), known["detections"].to("cpu")
        asked = {"instances": known["masks"], "confidence": known.get("confidence")}
        masks, sure = (
            own.to("cpu") if name in self.recipe.details else None for name, own in asked.items()
        )
        return details(selection, found, masks, sure, self.recipe.vocabulary)


class Whole(Worker):
    """A system of other stages, in one."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        self.segmenter = recipe.segmenter(device)

    def attempt(self, works: Sequence[Work], images: Sequence[Any]) -> list[Work]:
        """See `Worker.attempt`; the segmenter tells failing pictures apart itself."""
        with computing(self.recipe.precision, self.device):
            results = self.segmenter.finish(self.segmenter.begin(images))
        return [segmented(work, result) for work, result in zip(works, results, strict=True)]


def segmented(work: Work, result: Segmentation | Failure) -> Work:
    """A picture with what a whole system made of it."""
    if isinstance(result, Failure):
        return work.failed(result.stage, result.message)
    values = {**_light({"label_map": result.label_map}), **details_of(result)}
    trace = result.trace
    return replace(work, values=values, seconds=dict(trace.seconds), usage=trace.usage)


def _needed_after(pool: str) -> set[str]:
    """Names of the values that later pools, or whoever writes the results, have a use for."""
    names = list(POOLS)
    after = [slot.stage for name in names[names.index(pool) + 1 :] for slot in POOLS[name]]
    used = {name for stage in after for name in (*stage.needs, *stage.takes)}
    return (used | {"label_map"}) - {"image", "encodings"}


def _spent(item: Item, stages: Iterable[Stage]) -> Usage:
    """What a language model was asked by these stages."""
    given = [item.values[name] for stage in stages for name in stage.gives]
    exchanges: list[Exchange] = []
    for value in given:
        exchanges += getattr(value, "exchanges", value if _are_exchanges(value) else ())
    return sum((exchange.usage for exchange in exchanges), Usage())


def _are_exchanges(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, Exchange) for one in value)


def _light(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they travel: without what was asked, which is long; label maps in few bits."""
    light: dict[str, Any] = {}
    for name, value in values.items():
        if name == "label_map":
            value = value.to("cpu", torch.uint8 if int(value.max()) <= 255 else torch.int32)
        elif getattr(value, "exchanges", ()):
            value = replace(value, exchanges=())
        light[name] = value
    return light
