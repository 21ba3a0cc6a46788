"""From pictures to what is in them, without any list of classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zeroseg.described_image import DescribedImage
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.images import ImageLike
from zeroseg.reading_ahead import name_of, read_ahead
from zeroseg.refinement.seen_things import SeenThings
from zeroseg.running.item import Item
from zeroseg.running.runner import Runner
from zeroseg.stages import Captioning, ComponentStage, Detection, PreRefinement, Tagging
from zeroseg.values import Description, Detections, Failure, Trace
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from zeroseg.detection.detector import Detector
    from zeroseg.recognition.captioner import Captioner
    from zeroseg.recognition.tagger import Tagger


class Describing:
    """Tags and captions pictures, and looks for what the tags name.

    Of a system it takes tagger, captioner and detector; whatever asks a language model, and what
    makes masks, has no part in it.

    Args:
        tagger: Names what is in an image; without one, nothing is looked for.
        captioner: Describes an image in a sentence, if it is to be described.
        detector: Finds boxes for the tags, if they are to be looked for.
        vocabulary: The classes that labels of what is found are of, where it has one of that name.
        batch_size: Images that go through together.
        device: Where the components are.

    Raises:
        ZerosegError: There is neither tagger nor captioner.
    """

    def __init__(
        self,
        tagger: Tagger | None,
        captioner: Captioner | None,
        detector: Detector | None,
        vocabulary: Vocabulary,
        batch_size: int,
        device: torch.device,
    ) -> None:
        if tagger is None and captioner is None:
            raise ZerosegError(
                "this system has neither tagger nor captioner, so it cannot say what is in a "
                "picture; give it a tagger, as RamPlus is, or take one that has, as the presets "
                "tiny and large"
            )
        walk: tuple[tuple[type[ComponentStage], Any], ...] = (
            (Tagging, tagger),
            (Captioning, captioner),
            (PreRefinement, SeenThings()),
            (Detection, detector),
        )
        self.stages = tuple(stage(part, vocabulary) for stage, part in walk if part is not None)
        self._wanted = ("description", "found") if detector is not None else ("description",)
        self.batch_size = batch_size
        self._runner = Runner(self.stages, device, (ChatError,))

    def strictly(
        self, sources: Sequence[ImageLike], read: Callable[[ImageLike, int], Tensor]
    ) -> Iterator[DescribedImage]:
        """Describe pictures, and raise what any of them raises."""
        numbered = list(enumerate(sources))
        for start in range(0, len(numbered), self.batch_size):
            part = numbered[start : start + self.batch_size]
            items = self._run([read(source, position) for position, source in part])
            for (position, source), item in zip(part, items, strict=True):
                if item.error is not None:
                    raise item.error
                yield _described(item, name_of(source, position))

    def stream(self, sources: Iterable[ImageLike]) -> Iterator[DescribedImage | Failure]:
        """Describe pictures one after another; see `BaseSegmenter.stream`."""
        for part in read_ahead(sources, self.batch_size):
            items = iter(self._run([own for _, own in part if isinstance(own, Tensor)]))
            for name, picture in part:
                if isinstance(picture, Failure):
                    yield picture
                    continue
                item = next(items)
                if item.error is not None:
                    yield Failure(name, item.stage, item.message)
                else:
                    yield _described(item, name)

    @torch.inference_mode()
    def _run(self, images: Sequence[Tensor]) -> Sequence[Item]:
        return self._runner.run({"image": images}, self._wanted) if images else ()


def _described(item: Item, name: str) -> DescribedImage:
    description: Description = item.values["description"]
    found: Detections = item.values.get("found", Detections.empty())
    return DescribedImage(
        item.values["image"].cpu(),
        name,
        description=description,
        detections=replace(found, queries=None, masks=None, dense=None).to("cpu"),
        trace=Trace(dict(item.seconds)),
    )
