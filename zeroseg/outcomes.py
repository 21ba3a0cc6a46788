"""From what stages gave to what callers are given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from zeroseg.errors import ComponentError
from zeroseg.refinement.reviewer import Review
from zeroseg.regions import Region, put_back
from zeroseg.running.item import Item
from zeroseg.running.stage import Stage
from zeroseg.running.transfer import download
from zeroseg.seams import check_label_map
from zeroseg.segmentation import Segmentation
from zeroseg.stages import ComponentStage
from zeroseg.values import (
    Confidence,
    Description,
    Detections,
    Failure,
    Masks,
    Points,
    Selection,
    Trace,
)
from zeroseg.vocabulary import Vocabulary

READ: Mapping[str, type] = {
    "description": Description,
    "selection": Selection,
    "found": Detections,
    "detections": Detections,
    "masks": Masks,
    "confidence": Confidence,
    "asked": tuple,
    "review": Review,
    "unreviewed": Tensor,
    "unverified": tuple,
}
"""Values of stages that stand in results."""


def results_of(
    items: Sequence[Item],
    vocabulary: Vocabulary,
    stages: Sequence[Stage],
    kept: Collection[str] = (),
    region: Region | None = None,
) -> list[Segmentation | Failure]:
    """A Segmentation on the CPU for every image that is well, a Failure for every other.

    Args:
        items: The images of a batch; each is called by its position.
        vocabulary: The classes of their label maps.
        stages: What times are in the order of.
        kept: What stands in results on request only: "masks", "confidence".
        region: The part of each "picture" that "image" is; None where there is no more than that.
    """
    for item in items:
        if item.error is None:
            _check_kinds(item, vocabulary, stages)
    points = iter(_points([item.values.get("masks") for item in items if item.error is None]))
    order = list(dict.fromkeys(stage.name for stage in reversed(stages)))[::-1]
    results: list[Segmentation | Failure] = []
    for position, item in enumerate(items):
        if item.error is not None:
            results.append(Failure(str(position), item.stage, item.message))
            continue
        one = _segmentation(item, vocabulary, str(position), next(points), order, kept)
        picture = one.image if region is None else item.values["picture"].cpu()
        with torch.inference_mode(False):
            own = writable(one)
            results.append(own if region is None else put_back(own, writable(picture), region))
    return results


def writable(value: Any) -> Any:
    """The same with tensors that can be written to, copied where they came of inference mode."""
    if isinstance(value, Tensor):
        return value.clone() if value.is_inference() else value
    if not is_dataclass(value) or isinstance(value, type):
        return value
    held: dict[str, Any] = {own.name: getattr(value, own.name) for own in fields(value)}
    own = {name: writable(part) for name, part in held.items()}
    changed = {name: part for name, part in own.items() if part is not held[name]}
    return replace(value, **changed) if changed else value


def _check_kinds(item: Item, vocabulary: Vocabulary, stages: Sequence[Stage]) -> None:
    """Have an image fail for which a stage of somebody's own gave something else than it says."""
    size = tuple(item.values["image"].shape[1:])
    # What components return has been held against their contracts already.
    for stage in (own for own in stages if not isinstance(own, ComponentStage)):
        for name in stage.gives:
            value = item.values.get(name)
            try:
                if name == "label_map":
                    check_label_map(stage.describe(), value, size, vocabulary)
                elif name in READ and value is not None and not isinstance(value, READ[name]):
                    expected = f"{name} of type {READ[name].__name__}"
                    raise ComponentError(stage.describe(), expected, type(value).__name__)
            except ComponentError as error:
                item.fail(stage.name, error)


def _segmentation(
    item: Item,
    vocabulary: Vocabulary,
    name: str,
    points: Points | None,
    order: Sequence[str],
    kept: Collection[str],
) -> Segmentation:
    known = item.values
    selection: Selection = known.get("selection", Selection())
    detections: Detections = known.get("detections", Detections.empty())
    found: Detections | None = known.get("found")
    unreviewed: Tensor | None = known.get("unreviewed")
    review = known.get("review", Review(()))
    masks, sure = (known[own].to("cpu") if own in kept else None for own in ("masks", "confidence"))
    seconds = {stage: item.seconds[stage] for stage in order if stage in item.seconds}
    return Segmentation(
        label_map=known["label_map"],
        vocabulary=vocabulary,
        image=known["image"].cpu(),
        name=name,
        description=known.get("description", Description()),
        selection=selection,
        detections=detections.to("cpu"),
        labels_before=None if found is None else found.labels.cpu(),
        unreviewed=None if unreviewed is None else unreviewed.cpu(),
        unverified=known.get("unverified"),
        points=points,
        masks=masks,
        confidence=sure,
        trace=Trace(seconds, (*selection.exchanges, *known.get("asked", ()), *review.exchanges)),
    )


def _points(masks: Sequence[Masks | None]) -> list[Points | None]:
    """The point prompts of masks on the CPU; None where there are none."""
    prompted = [own.points for own in masks if own is not None]
    shown = [points for points in prompted if points is not None]
    places = download([points.xy for points in shown])
    labels = download([points.labels for points in shown])
    here = map(Points, places, labels)
    return [None if own is None or own.points is None else next(here) for own in masks]
