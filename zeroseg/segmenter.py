"""The system of the paper: its components, and the stages they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
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
from zeroseg.running.stage import Stage
from zeroseg.segmentation import Segmentation
from zeroseg.stages import (
    Captioning,
    ComponentStage,
    DenseScoring,
    Detection,
    Encoding,
    Fusing,
    Masking,
    PostRefinement,
    PreRefinement,
    Reviewing,
    Tagging,
    Verification,
)
from zeroseg.tiling.parts import tiled, tiling_of
from zeroseg.tiling.windows import Tiling
from zeroseg.values import Description, Selection
from zeroseg.vocabulary import Vocabulary


class ZeroShotSegmenter(BaseSegmenter):
    """Training-free zero-shot semantic segmentation, composed of swappable components.

    Images become text (tags and caption), text becomes classes (pre-refinement), classes become
    boxes, the boxes' phrases become classes again (post-refinement), boxes become masks, and
    masks become one label a pixel (paper, section 3 and figure 1). An ablation is a component
    left out or swapped, never a flag.

    Args:
        vocabulary: The classes: a Vocabulary, names, the name of a built-in one, or a YAML file.
        pre_refiner: Chooses the detector's prompts from the description.
        detector: Finds boxes for the prompts.
        mask_predictor: Segments the boxes.
        tagger: Names what is in an image; without one there are no tags.
        captioner: Describes an image in a sentence; without one there is no caption.
        post_refiner: Resolves phrases to classes; by default only a class's own name counts.
        fusion: Decides each pixel; by default the highest score wins.
        batch_size: Images that go through the stages together.
        batches_in_flight: Those begun while a language model's answers are awaited; their tags,
            captions and image encodings are made meanwhile.
        verifier: Looks whether what was selected is there; without one, all is looked for.
        dense_scorer: Scores every place for every prompt, for a fusion that reads that.
        reviewer: Looks at what was found, and takes away or renames what is doubtful.
        tiling: How pictures are cut that are larger than what the networks see: None, the default,
            not at all; "auto" where they are more than twice as large; a number: windows of that
            many pixels, for all that are larger; or a `Tiling`. See docs/large_pictures.md.

    Raises:
        TypeError: A component stands in another one's place.
        ValueError: `batch_size` or `batches_in_flight` is less than 1, or pictures cannot be cut
            in that way.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | str | list[str],
        pre_refiner: PreRefiner,
        detector: Detector,
        mask_predictor: MaskPredictor,
        tagger: Tagger | None = None,
        captioner: Captioner | None = None,
        post_refiner: PostRefiner | None = None,
        fusion: Fusion | None = None,
        batch_size: int = 8,
        batches_in_flight: int = 4,
        verifier: Verifier | None = None,
        dense_scorer: DenseScorer | None = None,
        reviewer: Reviewer | None = None,
        tiling: Tiling | int | Literal["auto"] | None = None,
    ) -> None:
        super().__init__(vocabulary, batch_size, batches_in_flight)
        _check_slots(
            (tagger, Tagger, True),
            (captioner, Captioner, True),
            (pre_refiner, PreRefiner, False),
            (detector, Detector, False),
            (post_refiner, PostRefiner, True),
            (mask_predictor, MaskPredictor, False),
            (fusion, Fusion, True),
            (verifier, Verifier, True),
            (dense_scorer, DenseScorer, True),
            (reviewer, Reviewer, True),
        )
        self.tagger = tagger
        self.captioner = captioner
        self.pre_refiner = pre_refiner
        self.detector = detector
        self.post_refiner = post_refiner if post_refiner is not None else ExactPostRefiner()
        self.mask_predictor = mask_predictor
        self.fusion = fusion if fusion is not None else HighestScore()
        self.verifier = verifier
        self.dense_scorer = dense_scorer
        self.reviewer = reviewer
        self.tiling = tiling
        self._tiled: dict[str, tuple[nn.Module, Tiling, nn.Module | None]] = {}
        tiling_of(tiling, detector)
        self.eval()

    def components(self) -> dict[str, Any]:
        """The components by the names of this class's arguments; None where one is left out."""
        return {
            "tagger": self.tagger,
            "captioner": self.captioner,
            "pre_refiner": self.pre_refiner,
            "verifier": self.verifier,
            "detector": self.detector,
            "post_refiner": self.post_refiner,
            "dense_scorer": self.dense_scorer,
            "reviewer": self.reviewer,
            "mask_predictor": self.mask_predictor,
            "fusion": self.fusion,
        }

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The walk, in the order of the flow."""
        walk: tuple[tuple[type[ComponentStage], str], ...] = (
            (Tagging, "tagger"),
            (Captioning, "captioner"),
            (PreRefinement, "pre_refiner"),
            (Encoding, "mask_predictor"),
            (Verification, "verifier"),
            (Detection, "detector"),
            (PostRefinement, "post_refiner"),
            (DenseScoring, "dense_scorer"),
            (Reviewing, "reviewer"),
            (Masking, "mask_predictor"),
            (Fusing, "fusion"),
        )
        tiling = tiling_of(self.tiling, self.detector)
        parts = {name: self._part(name, part, tiling) for name, part in self.components().items()}
        return tuple(
            stage(parts[name], self.vocabulary) for stage, name in walk if parts[name] is not None
        )

    def _part(self, name: str, part: Any, tiling: Tiling | None) -> Any:
        """A component as stages use it; one for large pictures is made once, and known again."""
        if tiling is None or part is None:
            return part
        known, of, made = self._tiled.get(name, (None, None, None))
        if known is not part or of != tiling:
            made = tiled(part, tiling)
            self._tiled[name] = part, tiling, made
        return made

    def windows(self, size: tuple[int, int]) -> int:
        """See `BaseSegmenter.windows`."""
        tiling = tiling_of(self.tiling, self.detector)
        return 1 if tiling is None else len(tiling.windows(size))

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection] | None = None
    ) -> list[Segmentation]:
        """Segment a batch of images through all stages.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            selections: What to look for, to go without recognition and pre-refinement.

        Returns:
            B segmentations on the CPU.
        """
        given = {} if selections is None else {"selection": selections}
        return self._all({"image": images, **given}) if len(images) else []

    @torch.inference_mode()
    def describe(self, images: Sequence[Tensor]) -> list[Description]:
        """Tags and captions alone.

        Args:
            images: N tensors (3, H, W) uint8, RGB, on this segmenter's device.
        """
        found: list[Description] = []
        given = {name for stage in self.stages for name in stage.gives}
        wanted = [name for name in ("tags", "caption") if name in given]
        for start in range(0, len(images), self.batch_size):
            part = images[start : start + self.batch_size]
            for item in self._runner().run({"image": part}, wanted):
                if item.error is not None:
                    raise item.error
                found.append(Description(item.values.get("tags", ()), item.values.get("caption")))
        return found


def _check_slots(*slots: tuple[object, type, bool]) -> None:
    for part, kind, optional in slots:
        if not isinstance(part, kind) and not (optional and part is None):
            raise TypeError(f"a {kind.__name__} is expected where {type(part).__name__} was given")
