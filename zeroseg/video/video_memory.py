"""Propagation by the memory of Segment Anything 2 (Ravi et al., 2024) and EdgeTAM (2025)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import EdgeTamVideoModel, Sam2VideoModel
from typing_extensions import Self

from zeroseg.masking.edgetam import EdgeTam
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.sam2 import Sam2, SquashedMasks
from zeroseg.running.transfer import upload
from zeroseg.values import Geometry, Masks, Trace
from zeroseg.video.propagation import Carry, Propagation
from zeroseg.video.seen import Seen
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.checkpoints import load_pretrained

KINDS: dict[type[SquashedMasks], type[nn.Module]] = {
    Sam2: Sam2VideoModel,
    EdgeTam: EdgeTamVideoModel,
}
"""The network for videos of a predictor for pictures: one checkpoint holds both."""

LARGE = ("high_res_masks", "pred_masks")
"""What a session keeps of every frame though it is not read again."""


class VideoMemory(Propagation):
    """Carries the keyframe's masks by a network that remembers what it segmented.

    Each mask of the keyframe is an object of a session of the network's own, to which frames are
    streamed. The session keeps as many frames as the network reads (7 with masks and 16 with
    pointers, as published), so that memory does not grow. An object that the network takes to be
    hidden is not there, and comes back under the same identity.

    Things alone are carried: a system whose fusion reads dense scores detects again instead.

    Args:
        model: `Sam2VideoModel` or `EdgeTamVideoModel` of transformers.
        image_processor: What prepares images for it.
    """

    def __init__(self, model: nn.Module, image_processor: Any) -> None:
        super().__init__()
        self.model: Any = model.eval()
        self.image_processor = image_processor
        self.frame = int(image_processor.size["height"])
        # The two families have sessions of the same kind, each in its module.
        module: Any = import_module(type(model).__module__)
        self._session = getattr(module, type(model).__name__.replace("Model", "InferenceSession"))

    @classmethod
    def of(cls, predictor: MaskPredictor) -> Self | None:
        """The memory of a mask predictor's network, from the same checkpoint.

        The image encoder, the largest part, is the predictor's own.

        Returns:
            A propagation; None for a predictor without one.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It holds no network for videos.
        """
        kind = KINDS.get(type(predictor)) if isinstance(predictor, SquashedMasks) else None
        if kind is None or not isinstance(predictor, SquashedMasks):
            return None
        own = predictor.model
        model: Any = load_pretrained(kind, own.name_or_path, cls.__name__, dtype=torch.float32)
        model.vision_encoder = own.vision_encoder
        parameter = next(own.parameters())
        return cls(model.to(parameter.device, parameter.dtype), predictor.image_processor)

    @torch.no_grad()
    def forward(self, image: Tensor, seen: Seen, vocabulary: Vocabulary) -> Carry:
        """See `Propagation.forward`."""
        session = self._begun(image, seen) if len(seen) else None
        frame = 0

        @torch.no_grad()
        def carry(images: Sequence[Tensor]) -> list[Seen]:
            nonlocal frame
            shown = []
            for own in images:
                frame += 1
                shown.append(self._next(session, own, frame, seen))
            return shown

        return carry

    def _begun(self, image: Tensor, seen: Seen) -> Any:
        """A session that has the masks of a keyframe as its frame 0."""
        parameter = next(self.model.parameters())
        session = self._session(
            video_height=image.shape[1],
            video_width=image.shape[2],
            inference_device=parameter.device,
            inference_state_device=parameter.device,
            video_storage_device=parameter.device,
            dtype=parameter.dtype,
        )
        numbers = list(range(len(seen)))
        for number in numbers:
            shape = (seen.masks.full(slice(number, number + 1)) > 0).float()[None]
            session.add_mask_inputs(session.obj_id_to_idx(number), 0, self._resized(shape))
        session.obj_with_new_inputs = numbers
        self._show(session, image, 0)
        return session

    def _resized(self, shape: Tensor) -> Tensor:
        """A mask (1, 1, H, W) at the size of the network's input, as its processor does it."""
        size = (self.frame, self.frame)
        smooth = F.interpolate(shape, size, mode="bilinear", align_corners=False, antialias=True)
        return (smooth >= 0.5).float()

    def _show(self, session: Any, image: Tensor, frame: int) -> Any:
        """Stream one more frame to the session, and have it forget what is not read again."""
        parameter = next(self.model.parameters())
        pixels = self.image_processor(
            images=upload([image], parameter.device),
            input_data_format="channels_first",
            return_tensors="pt",
        )["pixel_values"]
        output = self.model(session, frame_idx=frame, frame=pixels.to(parameter.dtype))
        self._forget(session, frame)
        return output

    def _forget(self, session: Any, frame: int) -> None:
        config = self.model.config
        least = frame - max(config.num_maskmem, config.max_object_pointers_in_encoder)
        session.processed_frames.pop(frame)
        for index, outputs in session.output_dict_per_obj.items():
            remembered = outputs["non_cond_frame_outputs"]
            remembered.pop(least, None)
            session.frames_tracked_per_obj[index].pop(least, None)
            for output in (remembered.get(frame), outputs["cond_frame_outputs"].get(frame)):
                for name in LARGE if output is not None else ():
                    output.pop(name, None)

    def _next(self, session: Any, image: Tensor, frame: int, seen: Seen) -> Seen:
        size = (image.shape[1], image.shape[2])
        geometry = Geometry.squashed(size, self.frame)
        if session is None:
            masks = Masks(seen.masks.logits[:0], geometry)
            nothing = seen.select(torch.zeros(0, dtype=torch.int64))
            return replace(nothing, masks=masks, origin=torch.zeros(0, dtype=torch.int64))
        logits = self._show(session, image, frame).pred_masks[:, 0].float().cpu()
        masks = Masks(logits, geometry)
        boxes = [box_of(masks, number) for number in range(len(masks))]
        there = torch.tensor([n for n, box in enumerate(boxes) if box], dtype=torch.int64)
        found = seen.detections.select(there)
        around = torch.tensor([box for box in boxes if box]).reshape(-1, 4).float()
        return Seen(
            replace(found, boxes=around),
            masks.select(there),
            seen.selection,
            origin=there,
            trace=Trace(),
        )


def box_of(masks: Masks, number: int) -> list[float] | None:
    """x1, y1, x2, y2 around a mask at the image's size; None where it has no pixel."""
    [shape] = masks.full(slice(number, number + 1)) > 0
    rows, columns = shape.any(1).nonzero()[:, 0], shape.any(0).nonzero()[:, 0]
    if not len(rows):
        return None
    ends = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return [float(end) for end in ends]
