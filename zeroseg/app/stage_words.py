"""What a stage gave, as JSON: words, boxes and points, and masks that are small enough to send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F

from zeroseg import rle
from zeroseg.app.answers import hexadecimal
from zeroseg.result_json import written_detections, written_prompts
from zeroseg.running.stage_event import StageEvent
from zeroseg.values import Detections, Exchange, Masks, Points
from zeroseg.vocabulary import Vocabulary

SIDE = 256
"""Pixels of the longer side of a mask that is shown while the picture is worked on."""

MOST = 64
"""Masks that are shown of a picture."""


def words_of(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    """What is told of a stage.

    Args:
        event: Of one picture.
        vocabulary: The classes that it is looked at for.
    """
    told: dict[str, Any] = {"stage": event.stage, "ended": event.ended}
    if not event.ended or event.error is not None:
        return told
    told["seconds"] = round(event.seconds or 0.0, 4)
    for name in event.gives:
        if name in _WRITTEN and event.values.get(name) is not None:
            told |= _WRITTEN[name](event, vocabulary)
    return told


def _tags(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    return {"tags": [{"name": own.name, "score": own.score} for own in event.values["tags"]]}


def _caption(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    return {"caption": event.values["caption"]}


def _selection(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    selection = event.values["selection"]
    prompts = written_prompts(selection, vocabulary)
    return {"prompts": prompts, **_exchanges(selection.exchanges, event.stage)}


def _asked(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    return _exchanges(event.values["asked"], event.stage)


def _review(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    return _exchanges(event.values["review"].exchanges, event.stage)


def _exchanges(exchanges: Sequence[Exchange], stage: str) -> dict[str, Any]:
    """Those of this stage; a selection keeps those of the stages before, too."""
    return {"exchanges": [asdict(own) for own in exchanges if own.purpose == stage]}


def _detections(name: str) -> Callable[[StageEvent, Vocabulary], dict[str, Any]]:
    def written(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
        found: Detections = event.values[name]
        several = written_detections(found, None, vocabulary)
        labels = found.labels.tolist()
        colors = [None if own < 0 else hexadecimal(vocabulary.colors[own]) for own in labels]
        pairs = zip(several, colors, strict=True)
        return {"detections": [{**own, "color": color} for own, color in pairs]}

    return written


def _masks(event: StageEvent, vocabulary: Vocabulary) -> dict[str, Any]:
    masks: Masks = event.values["masks"]
    return {"masks": small_masks(masks), "points": _points(masks.points)}


def small_masks(masks: Masks) -> list[dict[str, Any]]:
    """The first masks as run lengths, of the whole picture brought to `SIDE` pixels."""
    if not len(masks):
        return []
    geometry = masks.geometry
    scale = min(1.0, SIDE / max(geometry.full))
    whole, part = (_scaled(own, scale) for own in (geometry.full, geometry.size))
    rows, columns = (
        max(1, round(side * resized / frame))
        for side, resized, frame in zip(
            masks.logits.shape[1:], geometry.resized, geometry.frame, strict=True
        )
    )
    own = masks.logits[:MOST, None, :rows, :columns] > 0
    shown = F.interpolate(own.float(), part)[:, 0].cpu() > 0
    x, y = (int(edge * scale) for edge in geometry.corner)
    canvas = torch.zeros(len(shown), *whole, dtype=torch.bool)
    seen = canvas[:, y : y + part[0], x : x + part[1]]
    seen |= shown[:, : seen.shape[1], : seen.shape[2]]
    return [rle.encode(mask) for mask in canvas]


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _points(points: Points | None) -> list[list[list[float]]]:
    """Of each mask x, y and whether it is on the object, 1, or off it, 0."""
    if points is None:
        return []
    several = zip(points.xy.tolist(), points.labels.tolist(), strict=True)
    return [
        [[round(x, 1), round(y, 1), on] for (x, y), on in zip(xy, labels, strict=True) if on >= 0]
        for xy, labels in several
    ]


_WRITTEN: Mapping[str, Callable[[StageEvent, Vocabulary], dict[str, Any]]] = {
    "tags": _tags,
    "caption": _caption,
    "selection": _selection,
    "found": _detections("found"),
    "detections": _detections("detections"),
    "asked": _asked,
    "review": _review,
    "masks": _masks,
}
"""By values that stages give."""
