"""What stands between two stages: their answers put together for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zeroseg.batches import download
from zeroseg.values import (
    UNRESOLVED,
    Description,
    Detections,
    Exchange,
    Masks,
    Points,
    Resolution,
)


def unresolved(found: Sequence[Detections]) -> list[str]:
    """Phrases of a whole batch that have no class yet, each once."""
    return list(
        dict.fromkeys(
            phrase
            for detections in found
            for phrase, label in zip(detections.phrases, detections.labels.tolist(), strict=True)
            if label == UNRESOLVED
        )
    )


def resolve(
    found: Sequence[Detections], answer: Resolution
) -> tuple[list[Detections], list[tuple[Exchange, ...]]]:
    """Give the unresolved phrases of a batch the classes that were answered.

    The exchanges are booked on the first image that has an unresolved phrase.
    """
    label_of = dict(zip(unresolved(found), answer.labels, strict=True))
    resolved = []
    for detections in found:
        labels = [
            label_of[phrase] if label == UNRESOLVED else label
            for phrase, label in zip(detections.phrases, detections.labels.tolist(), strict=True)
        ]
        resolved.append(detections.relabel(detections.labels.new_tensor(labels)))
    booked: list[tuple[Exchange, ...]] = [()] * len(found)
    first = next(i for i, d in enumerate(found) if UNRESOLVED in d.labels.tolist())
    booked[first] = answer.exchanges
    return resolved, booked


def points_of(masks: Sequence[Masks]) -> list[Points | None]:
    """The point prompts of masks on the CPU; None where there are none."""
    shown = [mask.points for mask in masks if mask.points is not None]
    places = download([points.xy for points in shown])
    labels = download([points.labels for points in shown])
    here = map(Points, places, labels)
    return [None if mask.points is None else next(here) for mask in masks]


def compose(tags: Sequence[Any], captions: Sequence[str | None]) -> list[Description]:
    """Descriptions of the tags and captions of images."""
    return [Description(tag, caption) for tag, caption in zip(tags, captions, strict=True)]
