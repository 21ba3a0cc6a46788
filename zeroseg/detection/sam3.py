"""Concepts by SAM 3, Segment Anything with Concepts (Carion et al., 2025), through transformers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, Sam3LiteTextModel, Sam3Model, Sam3Processor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.detection.concept_texts import ConceptTexts, together
from zeroseg.detection.detector import Detector, side_of
from zeroseg.detection.instances import Instances, joined
from zeroseg.detection.presence_preview import PresencePreview, admitted
from zeroseg.detection.prompted_image import Answers, PromptedImage
from zeroseg.running.transfer import sent, upload
from zeroseg.values import (
    DISTRACTOR,
    DenseScores,
    Detections,
    Geometry,
    Masks,
    Selection,
    check_images,
)
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need

FEW = 40
"""Prompts that are put to the network without a preview, as ActiveSAM does it."""


class ConceptOptions(TypedDict, total=False):
    """What `Sam3` takes beside its network; see there."""

    chunk_size: int
    score_threshold: float
    nms_threshold: float
    max_detections: int
    kept_texts: int
    preview: Literal["auto", "always", "never"]


class Sam3(Detector):
    """Finds and outlines every instance of every prompt, and says how likely each is anywhere.

    One pass of one network gives a prompt's instances with their masks (`Detections.masks`, to be
    taken by `DetectorMasks`), a dense map for what has no outline (`Detections.dense`), and how
    likely the prompt is in the image at all (`DenseScores.presence`). An instance scores as its
    query does times the presence of its prompt, as in transformers.

    An image is encoded once, and prompts are put to it `chunk_size` at a time. Of a chunk's masks
    only those of instances are kept, so that memory does not grow with the number of prompts, but
    for a dense map each, of 288 x 288 numbers with the published networks.

    Boxes are read off the masks: they cost nothing there, and fitted better than those that the
    network gives wherever both were compared (drawn scenes). Overlapping instances of one class are
    thinned out, whichever of its words they answer: the best word counts.

    Args:
        model: The network: `Sam3Model`, or `Sam3LiteTextModel` of the LiteText checkpoints.
        processor: What prepares images and text for it.
        chunk_size: Prompts put to the network at a time; about 0.2 GB each with the published
            networks in full precision.
        score_threshold: Instances must score more than this.
        nms_threshold: Of two boxes of a class whose IoU is above this, the lower score goes.
        max_detections: Instances of an image that are kept at most, the best ones.
        kept_texts: Prompts whose encodings are kept for the images that follow; 0 for none.
        preview: Whether a cheap look, at a smaller picture if the network's is large, first admits
            the prompts that are worth a full one: "always", "never", or "auto", the default: where
            there are more than 40. A prompt that is not admitted has no instance, a map of zeros,
            and the presence of the preview. Distractors always are. Where all are admitted the
            answer is what it would have been without.

    Raises:
        ValueError: A threshold is not in [0, 1], a number is too small, or `preview` is unknown.
    """

    gives_dense = True

    def __init__(
        self,
        model: Sam3Model | Sam3LiteTextModel,
        processor: Sam3Processor,
        *,
        chunk_size: int = 8,
        score_threshold: float = 0.3,
        nms_threshold: float = 0.6,
        max_detections: int = 300,
        kept_texts: int = 4096,
        preview: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        super().__init__()
        shares = {"score_threshold": score_threshold, "nms_threshold": nms_threshold}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}, expected a number in [0, 1]")
        least = (("chunk_size", chunk_size, 1), ("max_detections", max_detections, 1))
        for name, number, bound in (*least, ("kept_texts", kept_texts, 0)):
            if number < bound:
                raise ValueError(f"{name} is {number}, expected at least {bound}")
        if preview not in ("auto", "always", "never"):
            raise ValueError(f"preview is {preview!r}, expected 'auto', 'always' or 'never'")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.chunk_size = chunk_size
        self.score_threshold = score_threshold
        self.nms_threshold = nms_threshold
        self.max_detections = max_detections
        self.preview = preview
        self._texts = ConceptTexts(self.processor.tokenizer, kept_texts)
        self._preview = PresencePreview(self.model)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "facebook/sam3",
        **options: Unpack[ConceptOptions],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder, of SAM 3 or SAM 3 LiteText. The published weights are
                given to those who accept their licence on the hub.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged or incomplete, or of another network.
        """
        return cls(*load_sam3(checkpoint, cls.__name__), **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))

    @property
    def side(self) -> int:
        """See `Detector.side`."""
        return side_of(self.processor)

    def previews(self, prompts: int) -> bool:
        """See `Detector.previews`."""
        return self.preview == "always" or (self.preview == "auto" and prompts > FEW)

    def with_preview(self, preview: bool) -> Self:
        """See `Detector.with_preview`."""
        other = copy.copy(self)
        other.preview = "always" if preview else "never"
        return other

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image; see `Detector.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8, the numbers of images and selections
                differ, or a prompt is too long to be read.
        """
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        prompts = [prompt for own in selections for prompt in own.prompts]
        texts = self._texts.encode(self.model, prompts, at_once=4 * self.chunk_size)
        return [
            self._find(image, selection, [texts[prompt] for prompt in selection.prompts])
            if selection.prompts
            else _nothing(image, self._weight.device)
            for image, selection in zip(images, selections, strict=True)
        ]

    @property
    def _weight(self) -> Tensor:
        """Any parameter, for the network's device and precision."""
        weight: Tensor = next(self.model.parameters())
        return weight

    def _find(self, image: Tensor, selection: Selection, texts: Sequence[Tensor]) -> Detections:
        """Everything about one image."""
        seen = self._see(image)
        size, preview = (image.shape[1], image.shape[2]), self._preview
        if not self.previews(len(texts)):
            return self._look(seen, size, selection, texts)
        small = self._see_small(image) if preview.smaller else seen
        presence = preview.judge(small, texts, 4 * self.chunk_size)
        always = [i for i, label in enumerate(selection.labels) if label == DISTRACTOR]
        asked = admitted(presence, always)
        found = self._look(seen, size, selection.keep(asked), [texts[i] for i in asked])
        return found if len(asked) == len(texts) else _among_all(found, asked, selection, presence)

    def _look(
        self,
        seen: PromptedImage,
        size: tuple[int, int],
        selection: Selection,
        texts: Sequence[Tensor],
    ) -> Detections:
        """A full look for every prompt at an encoded image."""
        found: Instances | None = None
        maps, presence = None, self._weight.new_zeros(len(texts), dtype=torch.float32)
        for start in range(0, len(texts), self.chunk_size):
            part = slice(start, start + self.chunk_size)
            answers = seen.ask(together(texts[part]))
            new = self._instances(seen, answers, start)
            found = new if found is None else joined([found, new])
            found = found.thinned(selection.labels, self.nms_threshold, self.max_detections)
            dense = answers.dense.float()
            maps = dense.new_zeros(len(texts), *dense.shape[1:]) if maps is None else maps
            maps[part] = dense.sigmoid()
            presence[part] = answers.presence.float().sigmoid()
        assert found is not None
        assert maps is not None
        side = self.processor.image_processor.size["height"]
        frame = Geometry.squashed(size, side)
        scores = DenseScores(maps, selection.labels, frame, presence)
        return _detections(found, selection, scores)

    def _see(self, image: Tensor) -> PromptedImage:
        seen = self.model.get_vision_features(
            pixel_values=pixels_of(image, self.processor, self._weight)
        )
        return PromptedImage(self.model, seen)

    def _see_small(self, image: Tensor) -> PromptedImage:
        pixels = pixels_of(image, self.processor, self._weight, self._preview.side)
        return PromptedImage(self.model, self._preview.look(self.model, pixels))

    def _instances(self, seen: PromptedImage, answers: Answers, first: int) -> Instances:
        """The queries over the threshold; `first` is the position of the chunk's first prompt."""
        presence = answers.presence.float().sigmoid()
        scores = answers.logits.float().sigmoid() * presence[:, None]
        rows, queries = (scores > self.score_threshold).nonzero().unbind(1)
        logits = seen.masks(answers, rows, queries).float()
        return Instances.of(scores[rows, queries].cpu(), rows.cpu() + first, logits)


def load_sam3(checkpoint: str | Path, component: str) -> tuple[Any, Any]:
    """SAM 3 or SAM 3 LiteText, whichever a checkpoint holds, and its processor.

    Args:
        checkpoint: Hub name or folder.
        component: Name of the class that asks, for messages.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: It is damaged or incomplete, or of another network.
    """
    config = load_pretrained(AutoConfig, checkpoint, component)
    lite = config.model_type == Sam3LiteTextModel.config_class.model_type
    kind = Sam3LiteTextModel if lite else Sam3Model
    model = load_pretrained(kind, checkpoint, component, dtype=torch.float32)
    return model, load_pretrained(Sam3Processor, checkpoint, component)


def pixels_of(image: Tensor, processor: Any, weight: Tensor, side: int | None = None) -> Tensor:
    """An image as the network sees it.

    Args:
        image: (3, H, W) uint8, RGB.
        processor: The network's.
        weight: Any of its weights, for device and precision.
        side: Side of a smaller square than the network's, in pixels.

    Returns:
        (1, 3, S, S).
    """
    size = {} if side is None else {"size": {"height": side, "width": side}}
    pixels: Tensor = processor.image_processor(
        upload([image], weight.device),
        input_data_format="channels_first",
        return_tensors="pt",
        **size,
    )["pixel_values"]
    return pixels.to(weight)


def _detections(found: Instances, selection: Selection, dense: DenseScores) -> Detections:
    height, width = dense.geometry.size
    answered = found.prompts.tolist()
    return Detections(
        boxes=found.boxes * torch.tensor([width, height, width, height]),
        scores=found.scores,
        labels=torch.tensor([selection.labels[i] for i in answered], dtype=torch.int64),
        phrases=tuple(selection.prompts[i] for i in answered),
        prompt_index=found.prompts,
        masks=Masks(found.logits, dense.geometry),
        dense=dense,
    )


def _among_all(
    found: Detections, asked: Sequence[int], selection: Selection, presence: Tensor
) -> Detections:
    """What was found for some of the prompts, as an answer to all of them."""
    dense = found.dense
    assert dense is not None
    assert dense.presence is not None
    places = sent(torch.tensor(asked), dense.maps.device)
    maps = dense.maps.new_zeros(len(selection.prompts), *dense.maps.shape[1:])
    every = DenseScores(
        maps.index_copy_(0, places, dense.maps),
        selection.labels,
        dense.geometry,
        presence.index_copy(0, places, dense.presence),
    )
    return replace(found, prompt_index=torch.tensor(asked)[found.prompt_index], dense=every)


def _nothing(image: Tensor, device: torch.device) -> Detections:
    """What is known of an image that nothing was asked about."""
    frame = Geometry.itself((image.shape[1], image.shape[2]))
    empty = torch.zeros(0, 1, 1, device=device)
    index = torch.zeros(0, dtype=torch.int64)
    boxes = torch.zeros(0, 4)
    dense = DenseScores(empty, (), frame, empty[:, 0, 0])
    masks = Masks(empty, frame)
    return Detections(boxes, boxes[:, 0], index, (), index, masks=masks, dense=dense)
