"""What runs over many pictures keep of each beside its label map, where they are asked to."""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from zeroseg import plotting
from zeroseg.data.masks import is_whole_mask
from zeroseg.result_json import written_detections, written_prompts
from zeroseg.values import Confidence, Detections, Masks, Selection
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from zeroseg.segmentation import Segmentation

DETAILS = {"instances": ".json", "confidence": ".png"}
"""What can be asked for, which is also the folder that the files lie in; and how these end."""


def kept_details(kept: Collection[str]) -> tuple[str, ...]:
    """Those of `DETAILS` that a segmenter gives whose results hold `kept`; see `BaseSegmenter`."""
    values = {"instances": "masks", "confidence": "confidence"}
    return tuple(detail for detail in DETAILS if values[detail] in kept)


def details_of(result: Segmentation) -> dict[str, Any]:
    """Those of a result, which holds what it was asked for; see `details`."""
    parts = (result.selection, result.detections, result.masks, result.confidence)
    return details(*parts, result.vocabulary)


def details(
    selection: Selection,
    detections: Detections,
    masks: Masks | None,
    confidence: Confidence | None,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    """Files as they are written, since these are smaller than what they are made from.

    Args:
        selection: What the detector was asked for.
        detections: What it found.
        masks: Of the detections, on the CPU; None where instances are not asked for.
        confidence: Of the label map, on the CPU; None where it is not asked for.
        vocabulary: The classes.

    Returns:
        "instances", the JSON of the detections with their masks as `Segmentation.save` writes it;
        "confidence", a grey PNG, 255 where it is sure, and "score", that of the picture.
    """
    found: dict[str, Any] = {}
    if masks is not None:
        height, width = masks.size
        told = {
            "size": {"height": height, "width": width},
            "prompts": written_prompts(selection, vocabulary),
            "detections": written_detections(detections, masks, vocabulary),
        }
        text = json.dumps(told, ensure_ascii=False) + "\n"
        found["instances"] = text.encode(errors="backslashreplace")
    if confidence is not None:
        buffer = io.BytesIO()
        plotting.grey(confidence.probability).save(buffer, format="PNG")
        found |= {"confidence": buffer.getvalue(), "score": round(confidence.score, 4)}
    return found


def detail_file(detail: str, name: str) -> str:
    """Where a detail of a picture lies in the folder of a run."""
    return f"{detail}/{name}{DETAILS[detail]}"


def is_whole(detail: str, content: bytes | None, size: tuple[int, int]) -> bool:
    """Whether a file is there and undamaged, as far as that can be told without its pixels.

    Args:
        detail: One of `DETAILS`.
        content: Of the file; None where there is none.
        size: Height and width of the picture.
    """
    if content is None:
        return False
    if detail == "confidence":
        return is_whole_mask(io.BytesIO(content), size)
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("size") == {"height": size[0], "width": size[1]}
