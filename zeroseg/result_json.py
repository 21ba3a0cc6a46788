"""The JSON of a result, both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from zeroseg import rle
from zeroseg.errors import ZerosegError
from zeroseg.values import (
    DISTRACTOR,
    UNRESOLVED,
    Description,
    Detections,
    Exchange,
    Geometry,
    Masks,
    Selection,
    Tag,
    Trace,
    Usage,
)
from zeroseg.vocabulary import Vocabulary


def written_prompts(selection: Selection, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """What the detector was asked for."""
    presence = selection.presence or (None,) * len(selection.prompts)
    several = zip(selection.prompts, selection.labels, presence, strict=True)
    return [
        {
            "prompt": prompt,
            **_class(label, vocabulary),
            **({} if present is None else {"presence": round(present, 4)}),
        }
        for prompt, label, present in several
    ]


def written_detections(
    found: Detections, masks: Masks | None, vocabulary: Vocabulary
) -> list[dict[str, Any]]:
    """What was found; with the masks as COCO's run lengths, where there are any."""
    several = zip(
        found.boxes.tolist(),
        found.scores.tolist(),
        found.phrases,
        found.labels.tolist(),
        found.prompt_index.tolist(),
        strict=True,
    )
    return [
        {
            "box_xyxy": [round(value, 2) for value in box],
            "score": round(score, 4),
            "phrase": phrase,
            **_class(label, vocabulary),
            **({"prompt": prompt} if prompt >= 0 else {}),
            **({} if masks is None else _mask(masks, place)),
        }
        for place, (box, score, phrase, label, prompt) in enumerate(several)
    ]


def _class(label: int, vocabulary: Vocabulary) -> dict[str, Any]:
    if label == DISTRACTOR:
        return {"class": None, "distractor": True}
    return {"class": None if label < 0 else vocabulary.names[label]}


def _mask(masks: Masks, place: int) -> dict[str, Any]:
    inside = masks.full(slice(place, place + 1))[0] > 0
    return {"segmentation": rle.encode(inside), "area": int(inside.sum())}


def read_json(file: Path) -> dict[str, Any]:
    """What `save` wrote into a JSON file.

    Raises:
        ZerosegError: It cannot be read, or holds something else.
    """
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise ZerosegError(f"cannot read '{file}': {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ZerosegError(f"'{file}' is no JSON: {error}") from error
    if not isinstance(content, dict) or not {"name", "size", "vocabulary"} <= content.keys():
        raise ZerosegError(f"'{file}' is no result: `Segmentation.save` writes such files")
    return content


def read_fields(content: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """What a result holds beside pixels, by the names of its attributes.

    Args:
        content: Of the file, see `read_json`.
        vocabulary: The classes that it names.

    Raises:
        LookupError: Something is missing; this and the others mean that the file is damaged.
        TypeError: Something is of another kind.
        ValueError: Something has another value than it can have.
    """
    prompts, found = content["prompts"], content["detections"]
    presence = [own.get("presence") for own in prompts]
    exchanges = tuple(_exchange(own) for own in content["exchanges"])
    return {
        "name": content["name"],
        "description": Description(
            tuple(Tag(own["name"], own["score"]) for own in content["tags"]), content["caption"]
        ),
        "selection": Selection(
            tuple(own["prompt"] for own in prompts),
            tuple(_label(own, vocabulary) for own in prompts),
            presence=None if None in presence or not presence else tuple(presence),
        ),
        "detections": _detections(found, vocabulary),
        "masks": _masks(found, (content["size"]["height"], content["size"]["width"])),
        "trace": Trace(dict(content["seconds"]), exchanges),
    }


def _label(own: Mapping[str, Any], vocabulary: Vocabulary) -> int:
    if own["class"] is None:
        return DISTRACTOR if own.get("distractor") else UNRESOLVED
    return vocabulary.index(own["class"])


def _detections(found: Sequence[Mapping[str, Any]], vocabulary: Vocabulary) -> Detections:
    boxes = torch.tensor([own["box_xyxy"] for own in found], dtype=torch.float32)
    labels = [_label(own, vocabulary) for own in found]
    return Detections(
        boxes=boxes.reshape(len(found), 4),
        scores=torch.tensor([own["score"] for own in found], dtype=torch.float32),
        labels=torch.tensor(labels, dtype=torch.int64),
        phrases=tuple(own["phrase"] for own in found),
        prompt_index=torch.tensor([own.get("prompt", -1) for own in found], dtype=torch.int64),
    )


def _masks(found: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Masks | None:
    """The masks of detections, 1 inside and -1 outside; None where none are written."""
    codes = [own["segmentation"] for own in found if "segmentation" in own]
    if len(codes) < len(found):
        return None
    logits = torch.empty(len(found), *size, dtype=torch.float16)
    for own, code in zip(logits, codes, strict=True):
        own[:] = torch.from_numpy(rle.decode(code, size).copy()).to(own) * 2 - 1
    return Masks(logits, Geometry(size, size, size, at_once=True))


def _exchange(own: Mapping[str, Any]) -> Exchange:
    usage = Usage(**own["usage"])
    return Exchange(**{**own, "dropped": tuple(own["dropped"]), "usage": usage})


def written_trace(trace: Trace) -> dict[str, Any]:
    """Times, and what a language model was asked."""
    return {
        "seconds": {stage: round(own, 4) for stage, own in trace.seconds.items()},
        "exchanges": [asdict(exchange) for exchange in trace.exchanges],
        "usage": asdict(trace.usage),
    }
