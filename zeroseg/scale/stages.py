"""The stages as workers: each holds its own components, and takes parts of the archive on.

The walk is `ZeroShotSegmenter`'s, cut where pictures change hands. What is handed over is small:
the picture as it was encoded, and the last stage's answer. Pixels and a mask predictor's encodings
are many times that size, so neither leaves its worker. Workers do without Lightning, which takes
longer to import than all else.
"""

from __future__ import annotations

import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zeroseg.batches import wait_for
from zeroseg.detection.detector import Detector
from zeroseg.errors import ChatError, PresetError
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.joining import resolve, unresolved
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.presets import build as build_segmenter
from zeroseg.presets import component
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.keeping import keep_answers
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.scale.archive import look
from zeroseg.scale.precision import FULL, cast, checked, computing
from zeroseg.scale.work import Part, Stop, Work
from zeroseg.values import Description, Exchange, Failure, Usage
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.segmentation import Segmentation

_SYSTEM = "zeroseg.segmenter.ZeroShotSegmenter"

Answer = tuple[Any, Usage]
"""What a stage gives for one picture, and what a language model was asked for it."""

Function = Callable[[Sequence[Tensor], Sequence[Any]], Sequence[Answer]]
"""Takes the images of a batch, and what is known of each."""


@dataclass(frozen=True)
class Recipe:
    """What workers build their components from; it can be sent anywhere.

    Args:
        config: Arguments of a segmenter, as presets hold them: values and class paths.
        vocabulary: The classes.
        batch_size: Pictures that go through a stage together.
        answers: A folder where a language model's answers are kept and looked up, if any; with
            several machines, one that all of them reach.
        precision: Of the networks, one of `zeroseg.scale.precision.PRECISIONS`.
    """

    config: Mapping[str, Any]
    vocabulary: Vocabulary
    batch_size: int
    answers: str | None = None
    precision: str = FULL

    @classmethod
    def of(
        cls,
        config: Mapping[str, Any],
        vocabulary: Vocabulary | None = None,
        batch_size: int | None = None,
        answers: str | None = None,
        precision: str = FULL,
    ) -> Recipe:
        """A recipe by a preset's or file's content, which `vocabulary` and `batch_size` replace.

        Raises:
            ZerosegError: An argument is unknown, the vocabulary is missing, or there is no such
                precision.
        """
        from zeroseg.segmenter import ZeroShotSegmenter

        if vocabulary is None and config.get("vocabulary") is None:
            raise PresetError("the segmenter's 'vocabulary' is missing")
        known = inspect.signature(ZeroShotSegmenter).parameters
        size = batch_size or config.get("batch_size") or known["batch_size"].default
        classes = vocabulary or Vocabulary.parse(config["vocabulary"])
        recipe = cls(config, classes, size, answers, checked(precision))
        unknown = [name for name in config if name not in (*known, "class_path")]
        if recipe.staged and unknown:
            raise PresetError(f"this does not describe a segmenter: no argument {unknown[0]!r}")
        return recipe

    @property
    def staged(self) -> bool:
        """Whether the system has stages that workers can share."""
        return self.config.get("class_path") in (None, _SYSTEM)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order of the flow; a system without stages is one."""
        return tuple(STAGES) if self.staged else (WHOLE,)

    def segmenter(self, device: str | torch.device) -> BaseSegmenter:
        """The whole system, in one."""
        from zeroseg.base_segmenter import BaseSegmenter

        changes: dict[str, Any] = {"vocabulary": self.vocabulary, "batch_size": self.batch_size}
        kind: Any = BaseSegmenter
        built = build_segmenter(kind, self.config, changes, examined=True).to(device)
        keep_answers(built.children(), self.answers)
        segmenter: BaseSegmenter = cast(built, self.precision)
        return segmenter

    def needed(self, kind: type[nn.Module], name: str) -> Any:
        """One component.

        Raises:
            PresetError: The configuration has none, or it cannot be built.
        """
        return component(kind, self.config.get(name), examined=True)

    def part(self, kind: type[nn.Module], name: str) -> Any:
        """One component; None where the configuration has none of that name."""
        return None if self.config.get(name) is None else self.needed(kind, name)


class Stage(ABC):
    """What a worker does to the pictures that reach it.

    Args:
        recipe: What its components are built from.
        device: Where they run.
    """

    sees = True
    """Whether it looks at the pictures."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        self.recipe, self.device = recipe, torch.device(device)
        self.vocabulary = recipe.vocabulary

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server; it is then asked by several threads."""
        return False

    def placed(self, part: Any) -> Any:
        """A component where it is to run; None stays None."""
        if part is None:
            return None
        return cast(part.to(self.device), self.recipe.precision).eval()

    @abstractmethod
    def attempt(self, works: Sequence[Work], images: Sequence[Any]) -> list[Work]:
        """Take a batch on; a picture that cannot be has failed, and the others go on.

        Args:
            works: B >= 1 pictures, none of which has failed before.
            images: B tensors (3, H, W) uint8 on the stage's device; None for each if it does not
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


class Step(Stage):
    """A stage of the walk: measured functions from values to values."""

    @abstractmethod
    def functions(self) -> dict[str, Function]:
        """What is done to a batch, one after another, by the names it is timed under.

        Each takes B images (3, H, W) uint8, see `attempt`, and what came before for each; and gives
        B answers.
        """

    def attempt(self, works: Sequence[Work], images: Sequence[Any]) -> list[Work]:
        """A batch; if it fails, one by one, so that a failing picture fails alone."""
        taken, name = list(works), ""
        try:
            for name, function in self.functions().items():
                taken = self._apply(name, function, taken, images)
        except ChatError:
            raise
        except Exception as error:  # the boundary, as in the segmenter: it is reported
            if len(works) == 1:
                return [works[0].failed(name, f"{type(error).__name__}: {error}")]
            pairs = zip(works, images, strict=True)
            return [self.attempt([work], [image])[0] for work, image in pairs]
        return taken

    def _apply(
        self, name: str, function: Function, works: Sequence[Work], images: Sequence[Any]
    ) -> list[Work]:
        start = time.perf_counter()
        with torch.inference_mode(), computing(self.recipe.precision, self.device):
            answers = function(images, [work.value for work in works])
        wait_for(self.device)
        spent = (time.perf_counter() - start) / len(works)
        return [
            replace(
                work,
                value=value,
                seconds={**work.seconds, name: spent},
                usage=work.usage + usage,
            )
            for work, (value, usage) in zip(works, answers, strict=True)
        ]


class Recognise(Step):
    """Pictures become descriptions: tags and caption."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        self.tagger = self.placed(recipe.part(Tagger, "tagger"))
        self.captioner = self.placed(recipe.part(Captioner, "captioner"))

    def functions(self) -> dict[str, Function]:
        """See `Step.functions`."""
        chosen: dict[str, Function] = {}
        if self.tagger is not None:
            chosen["tags"] = self._tag
        if self.captioner is not None:
            chosen["caption"] = self._caption
        return chosen

    def _tag(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        return free(Description(tags) for tags in self.tagger(images))

    def _caption(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        pairs = zip(values, self.captioner(images), strict=True)
        return free(Description(before.tags if before else (), words) for before, words in pairs)


class Refine(Step):
    """Descriptions become selections: the classes to look for."""

    sees = False

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        self.pre_refiner = self.placed(recipe.needed(PreRefiner, "pre_refiner"))
        keep_answers([self.pre_refiner], recipe.answers)

    @property
    def waits(self) -> bool:
        """See `Stage.waits`."""
        return bool(self.pre_refiner.waits)

    def functions(self) -> dict[str, Function]:
        """See `Step.functions`."""
        return {"pre-refinement": self._select}

    def _select(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        descriptions = [value or Description() for value in values]
        selections = self.pre_refiner(descriptions, self.vocabulary)
        # What was asked is long, and no later stage reads it.
        return [(replace(s, exchanges=()), cost(s.exchanges)) for s in selections]


class Detect(Step):
    """Selections become boxes."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        self.detector = self.placed(recipe.needed(Detector, "detector"))

    def functions(self) -> dict[str, Function]:
        """See `Step.functions`."""
        return {"detection": self._detect}

    def _detect(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        # What comes next may run on a machine without such a device.
        return free(found.to("cpu") for found in self.detector(images, values))


class Resolve(Step):
    """Phrases without a class get theirs."""

    sees = False

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        given = recipe.part(PostRefiner, "post_refiner")
        self.post_refiner = self.placed(given if given is not None else ExactPostRefiner())
        keep_answers([self.post_refiner], recipe.answers)

    @property
    def waits(self) -> bool:
        """See `Stage.waits`."""
        return bool(self.post_refiner.waits)

    def functions(self) -> dict[str, Function]:
        """See `Step.functions`."""
        return {"post-refinement": self._resolve}

    def _resolve(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        phrases = unresolved(values)
        if not phrases:
            return free(values)
        resolved, booked = resolve(values, self.post_refiner(phrases, self.vocabulary))
        return list(zip(resolved, map(cost, booked), strict=True))


class Segment(Step):
    """Boxes become masks, and masks a label map."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        fusion = recipe.part(Fusion, "fusion")
        self.fusion = self.placed(fusion if fusion is not None else HighestScore())
        self.mask_predictor = self.placed(recipe.needed(MaskPredictor, "mask_predictor"))

    def functions(self) -> dict[str, Function]:
        """See `Step.functions`."""
        return {"masks": self._masks, "fusion": self._fuse}

    def _masks(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        return free(zip(self.mask_predictor(images, values), values, strict=True))

    def _fuse(self, images: Sequence[Tensor], values: Sequence[Any]) -> list[Answer]:
        maps = (self.fusion(masks, found, self.vocabulary) for masks, found in values)
        return free(labels.to("cpu", torch.uint8) for labels in maps)


class Whole(Stage):
    """A system without stages, or one that is not to be cut."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        super().__init__(recipe, device)
        self.segmenter = recipe.segmenter(device)

    def attempt(self, works: Sequence[Work], images: Sequence[Any]) -> list[Work]:
        """See `Stage.attempt`; the segmenter tells failing pictures apart itself."""
        with computing(self.recipe.precision, self.device):
            results = self.segmenter.begin(images).finish()
        return [segmented(work, result) for work, result in zip(works, results, strict=True)]


STAGES: dict[str, type[Stage]] = {
    "recognise": Recognise,
    "refine": Refine,
    "detect": Detect,
    "resolve": Resolve,
    "masks": Segment,
}
"""The stages of a `ZeroShotSegmenter`, in the order of the flow."""

WHOLE = "segment"
"""The one stage of every other system."""


def build(name: str, recipe: Recipe, device: str) -> Stage:
    """A stage by its name.

    Raises:
        ZerosegError: Weights or keys are missing, or the configuration is wrong.
    """
    return STAGES.get(name, Whole)(recipe, device)


def segmented(work: Work, result: Segmentation | Failure) -> Work:
    """A picture with what a whole system made of it."""
    if isinstance(result, Failure):
        return work.failed(result.stage, result.message)
    labels = result.label_map.to(torch.uint8)
    trace = result.trace
    return replace(work, value=labels, seconds=dict(trace.seconds), usage=trace.usage)


def free(values: Iterable[Any]) -> list[Answer]:
    """Answers that no language model was asked for."""
    return [(value, Usage()) for value in values]


def cost(exchanges: Iterable[Exchange]) -> Usage:
    """What exchanges cost together."""
    return sum((exchange.usage for exchange in exchanges), Usage())
