"""The system of the paper: its components, and the stages they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, overload

from torch import Tensor, nn

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.confidence.confidence_estimator import ConfidenceEstimator
from zeroseg.confidence.evidence_confidence import EvidenceConfidence
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.described_image import DescribedImage
from zeroseg.describing import Describing
from zeroseg.detection.detector import Detector
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.images import ImageLike, read_image
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.reading_ahead import read_strictly
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.lexical_post_refiner import LexicalPostRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.reviewer import Reviewer
from zeroseg.refinement.seen_things import SeenThings, seen_vocabulary
from zeroseg.refinement.verifier import Verifier
from zeroseg.running.stage import Stage
from zeroseg.segmentation import Segmentation
from zeroseg.stages import (
    Captioning,
    ComponentStage,
    ConfidenceEstimation,
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
from zeroseg.thresholds import Thresholding
from zeroseg.tiling.parts import tiled, tiling_of
from zeroseg.tiling.windows import Tiling
from zeroseg.values import Description, Failure, Selection
from zeroseg.video.frames import VideoLike, frames_of
from zeroseg.video.propagation import Propagation
from zeroseg.video.redetection import Redetection
from zeroseg.video.video_memory import VideoMemory
from zeroseg.video.walk import FrameResult, VideoWalk
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
        confidence: Says how sure each pixel's class is, where that is asked for; by default by the
            scores of all classes.
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
        confidence: ConfidenceEstimator | None = None,
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
            (confidence, ConfidenceEstimator, True),
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
        self.confidence = confidence if confidence is not None else EvidenceConfidence()
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
            "confidence": self.confidence,
        }

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The walk, in the order of the flow.

        Raises:
            ZerosegError: A component cannot do its part with these classes, or beside the others.
        """
        self.fusion.require(self.vocabulary, self.detector, self.dense_scorer)
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
            (ConfidenceEstimation, "confidence"),
        )
        tiling = tiling_of(self.tiling, self.detector)
        parts = {name: self._part(name, part, tiling) for name, part in self.components().items()}
        stages: list[Stage] = []
        for stage, name in walk:
            if stage is Reviewing and self.thresholds:
                stages.append(Thresholding(self.thresholds))
            if parts[name] is not None:
                stages.append(stage(parts[name], self.vocabulary))
        return tuple(stages)

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

    @overload  # a text is a path, though it is a sequence of texts, too
    def describe(  # type: ignore[overload-overlap]
        self, images: ImageLike, *, captions: bool = ..., boxes: bool = ...
    ) -> DescribedImage: ...

    @overload
    def describe(
        self, images: Sequence[ImageLike], *, captions: bool = ..., boxes: bool = ...
    ) -> list[DescribedImage]: ...

    def describe(
        self,
        images: ImageLike | Sequence[ImageLike],
        *,
        captions: bool = True,
        boxes: bool = True,
    ) -> DescribedImage | list[DescribedImage]:
        """Say what is in one picture, or in several, whatever the classes: tags, caption, boxes.

        The detector is asked for what the tags name, each thing once; see `SeenThings`.

        Args:
            images: See `segment`.
            captions: Whether there are to be captions, if there is a captioner.
            boxes: Whether what the tags name is to be looked for; that takes longest.

        Returns:
            One DescribedImage for one picture, a list for a list.

        Raises:
            ImageError: A picture cannot be read; of a list, the message says which.
            ZerosegError: There is neither tagger nor captioner.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny")
            >>> seen = segmenter.describe("picture.png")
            >>> seen.description.caption
            'a boy, a hound, a wine bottle and a stool on the floor'
            >>> seen.found
            {'wine bottle': 1, 'floor': 1, 'wall': 1, 'kitten': 1, 'boy': 1, 'hound': 1}
        """
        describing = self._describing(captions, boxes)
        if isinstance(images, list | tuple):
            return list(describing.strictly(images, read_strictly))
        one: Any = images
        return next(describing.strictly([one], lambda source, _: read_image(source)))

    def describe_stream(
        self, sources: Iterable[ImageLike], *, captions: bool = True, boxes: bool = True
    ) -> Iterator[DescribedImage | Failure]:
        """Describe pictures one after another, in order; one that fails is a Failure.

        Args:
            sources: See `stream`.
            captions: See `describe`.
            boxes: See `describe`.

        Raises:
            ZerosegError: There is neither tagger nor captioner, or `sources` is one picture.
        """
        return self._describing(captions, boxes).stream(sources)

    def _describing(self, captions: bool, boxes: bool) -> Describing:
        return Describing(
            self.tagger,
            self.captioner if captions else None,
            self.detector if boxes else None,
            self.vocabulary,
            self.batch_size,
            self.device,
        )

    def of_what_is_seen(self, descriptions: Iterable[Description]) -> ZeroShotSegmenter:
        """The same system, whose classes are what was seen in pictures: one list for all of them.

        In each picture it looks for what its own tags name; no language model chooses among them
        or reads a detector's phrases. The components are this system's own.

        Args:
            descriptions: Of the pictures, as `describe` gives them.

        Raises:
            VocabularyError: The tags name nothing.
            ZerosegError: There is no tagger.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny")
            >>> seen = segmenter.describe(["picture.png"])
            >>> own = segmenter.of_what_is_seen(one.description for one in seen)
            >>> list(own.segment("picture.png").areas)
            ['wall', 'floor', 'hound', 'wine bottle', 'boy', 'kitten']
        """
        if self.tagger is None:
            raise ZerosegError(
                "this system has no tagger, whose tags could be classes; give it one, as RamPlus "
                "is, or name the classes"
            )
        parts = {"pre_refiner": SeenThings(), "post_refiner": LexicalPostRefiner()}
        sizes = {"batch_size": self.batch_size, "batches_in_flight": self.batches_in_flight}
        made = ZeroShotSegmenter(
            seen_vocabulary(descriptions),
            **{**self.components(), **parts, **sizes},
            tiling=self.tiling,
        )
        return made.to(self.device)

    def segment_video(
        self,
        source: VideoLike,
        every: int = 8,
        scene_change: float = 0.15,
        propagation: Propagation | None = None,
        rate: float | None = None,
    ) -> Iterator[FrameResult]:
        """Segment a video frame by frame, with identities and classes that last.

        The whole system looks at keyframes; see `zeroseg.video.VideoWalk`. Results come in order,
        one frame late, and memory does not grow with the length of the video.

        Args:
            source: A file that FFmpeg reads (`pip install "zeroseg[video]"`), or pictures one after
                the other.
            every: Frames from one keyframe to the next. With 1 the whole system looks at all.
            scene_change: How different a frame is from the one before for a cut, on which a
                keyframe follows, in shares of the range of values; above 1 there is no cut.
            propagation: How masks are carried between keyframes; see `propagation`.
            rate: Frames a second of pictures; a file knows its own times.

        Raises:
            VideoError: The video cannot be opened or read on; the frames before that have come.
            ZerosegError: A frame fails, as in `segment`.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["cat", "person"])
            >>> for frame in segmenter.segment_video("clip.mp4"):
            ...     print(f"{frame.time:.2f}", frame.key, list(frame.segmentation.areas))
            0.00 True ['person', 'cat']
            0.08 False ['person', 'cat']
            0.17 False ['person', 'cat']
        """
        walk = self.video_walk(every, scene_change, propagation)
        return walk.run(frames_of(source, rate))

    def video_walk(
        self,
        every: int = 8,
        scene_change: float = 0.15,
        propagation: Propagation | None = None,
    ) -> VideoWalk:
        """What `segment_video` does, to be gone on with where it was broken off."""
        return VideoWalk(
            self.stages,
            self.fusion,
            self.propagation() if propagation is None else propagation,
            self.vocabulary,
            self.device,
            self.batch_size,
            every,
            scene_change,
            (ChatError,),
        )

    def propagation(self, memory: bool | None = None) -> Propagation:
        """How masks are carried from a keyframe to the frames after it.

        Args:
            memory: Whether by the memory of the mask predictor's network, which SAM 2 and EdgeTAM
                have; None where they have it and nothing reads dense scores, which it does not
                carry. Else what the keyframe was searched for is detected again.

        Raises:
            ZerosegError: There is no such memory.
        """
        dense = self.dense_scorer is not None or self.detector.gives_dense
        if memory or (memory is None and not dense):
            found = VideoMemory.of(self.mask_predictor)
            if found is not None:
                return found
        if memory:
            raise ZerosegError(
                f"{type(self.mask_predictor).__name__} has no memory of video: take Sam2 or "
                f"EdgeTam as mask predictor, or detect again"
            )
        return Redetection(self.detector, self.mask_predictor, self.dense_scorer)


def _check_slots(*slots: tuple[object, type, bool]) -> None:
    for part, kind, optional in slots:
        if not isinstance(part, kind) and not (optional and part is None):
            raise TypeError(f"a {kind.__name__} is expected where {type(part).__name__} was given")
