"""What the routes of the server share."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field

from fastapi import HTTPException
from fastapi.concurrency import run_in_threadpool

from zeroseg import __version__
from zeroseg.app.answers import Model, hexadecimal
from zeroseg.app.asked import Asked
from zeroseg.app.jobs import Jobs
from zeroseg.app.limits import Limits
from zeroseg.app.measures import Measures
from zeroseg.app.pictures import OfferedPictures, TooLarge, read_sent
from zeroseg.app.result_folders import ResultFolder
from zeroseg.app.shared_batches import SegmentingError, SharedBatches, Watcher
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.class_lists.built_in import NAMES
from zeroseg.correcting.prompting import Prompting
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.segmentation import Segmentation


@dataclass(frozen=True)
class Service:
    """A segmenter at work, and what is offered of it.

    Attributes:
        segmenter: It, with its model's own classes.
        model: How it was named.
        limits: What a request may cost.
        pictures: Those that are offered.
        token: Whether one is demanded.
        results: Folders of results that are shown.
        cores: See `SharedBatches`.
        measures: Of all that was asked.
        batches: The thread that uses the segmenter.
        jobs: What is worked on without anybody waiting for an answer.
        prompting: What answers to boxes and clicks in that thread; None where the model has no
            masks of that kind.
    """

    segmenter: BaseSegmenter
    model: str
    limits: Limits
    pictures: OfferedPictures
    token: bool
    results: tuple[ResultFolder, ...] = ()
    cores: int | None = None
    measures: Measures = field(default_factory=Measures)
    batches: SharedBatches = field(init=False)
    jobs: Jobs = field(init=False)
    prompting: Prompting | None = field(init=False)

    def __post_init__(self) -> None:
        size = self.segmenter.batch_size
        object.__setattr__(self, "batches", SharedBatches(size, self.measures, self.cores))
        object.__setattr__(self, "jobs", Jobs(self.limits, self.segment, 2 * size))
        predictor = getattr(self.segmenter, "mask_predictor", None)
        prompting = None
        if isinstance(predictor, MaskPredictor) and predictor.promptable:
            prompting = Prompting(predictor)
        object.__setattr__(self, "prompting", prompting)

    async def segment(
        self,
        content: bytes,
        asked: Asked,
        watcher: Watcher | None = None,
        turn: asyncio.Lock | None = None,
    ) -> Segmentation:
        """The result for a picture.

        Args:
            content: Its file.
            asked: Classes and options.
            watcher: See `SharedBatches.submit`.
            turn: Held until it waits for its batch, so that pictures that share one keep their
                order; None where there is no order.

        Raises:
            HTTPException: There is none; its status says whose fault it is.
        """
        try:
            async with turn or nullcontext():
                image = await run_in_threadpool(read_sent, content, self.limits.megapixels)
                key, work = asked.work(self.segmenter, self.limits.classes)
                submitted = self.batches.submit(image, key, work, watcher)
            return await asyncio.wrap_future(submitted)
        except TooLarge as error:
            raise HTTPException(413, str(error)) from error
        except SegmentingError as error:
            raise HTTPException(500, str(error)) from error
        except ChatError as error:
            raise HTTPException(502, str(error)) from error
        except ZerosegError as error:
            raise HTTPException(422, str(error)) from error

    def about(self) -> Model:
        """What it is, for clients."""
        vocabulary = self.segmenter.vocabulary
        return Model(
            model=self.model,
            version=__version__,
            device=str(self.segmenter.device),
            batch_size=self.segmenter.batch_size,
            vocabulary=vocabulary.name,
            classes=list(vocabulary.names),
            colors=[hexadecimal(color) for color in vocabulary.colors],
            vocabularies=list(NAMES),
            auto=getattr(self.segmenter, "tagger", None) is not None,
            instances=self._can(instances=True),
            confidence=self._can(confidence=True),
            token=self.token,
            prompts=self.prompting is not None,
            limits={name: float(value) for name, value in vars(self.limits).items()},
            pictures=list(self.pictures.names),
        )

    def _can(self, instances: bool = False, confidence: bool = False) -> bool:
        try:
            self.segmenter.variant(instances=instances, confidence=confidence)
        except ZerosegError:
            return False
        return True
