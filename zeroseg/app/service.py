"""What the routes of the server share."""

from __future__ import annotations

from dataclasses import dataclass, field

from zeroseg import __version__
from zeroseg.app.answers import Model, hexadecimal
from zeroseg.app.limits import Limits
from zeroseg.app.measures import Measures
from zeroseg.app.pictures import OfferedPictures
from zeroseg.app.result_folders import ResultFolder
from zeroseg.app.shared_batches import SharedBatches
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.class_lists.built_in import NAMES
from zeroseg.correcting.prompting import Prompting
from zeroseg.errors import ZerosegError
from zeroseg.masking.mask_predictor import MaskPredictor


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
        measures: Of all that was asked.
        batches: The thread that uses the segmenter.
        prompting: What answers to boxes and clicks in that thread; None where the model has no
            masks of that kind.
    """

    segmenter: BaseSegmenter
    model: str
    limits: Limits
    pictures: OfferedPictures
    token: bool
    results: tuple[ResultFolder, ...] = ()
    measures: Measures = field(default_factory=Measures)
    batches: SharedBatches = field(init=False)
    prompting: Prompting | None = field(init=False)

    def __post_init__(self) -> None:
        batches = SharedBatches(self.segmenter.batch_size, self.measures)
        object.__setattr__(self, "batches", batches)
        predictor = getattr(self.segmenter, "mask_predictor", None)
        prompting = None
        if isinstance(predictor, MaskPredictor) and predictor.promptable:
            prompting = Prompting(predictor)
        object.__setattr__(self, "prompting", prompting)

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
