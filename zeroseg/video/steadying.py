"""What one frame alone says, against the frames on both sides, is a flicker."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zeroseg.values import DenseScores, Detections, Masks
from zeroseg.video.seen import Seen
from zeroseg.video.shots import Marked


@dataclass(frozen=True)
class Followed:
    """A frame whose regions have their identities.

    Attributes:
        place: The frame and its place in the video.
        seen: What is in it, under the classes of the tracks.
        tracks: (N,) int64, the identity of each region.
    """

    place: Marked
    seen: Seen
    tracks: Tensor


def steadied(before: Followed | None, own: Followed, after: Followed | None) -> Followed:
    """A frame without the flicker of a single one.

    A track that is in neither neighbour is taken away; one that is in both, and not here, stands
    here between the two. Dense scores of the same prompts are at each place the median of the
    three. At the ends of a shot, where a neighbour is missing, all stays.

    Args:
        before: The frame before it, as it came, of the same shot; None where there is none.
        own: The frame.
        after: The frame after it, likewise.
    """
    if before is None or after is None:
        return own
    lasting = torch.isin(own.tracks, before.tracks) | torch.isin(own.tracks, after.tracks)
    kept = replace(own, seen=own.seen.select(lasting), tracks=own.tracks[lasting])
    gaps = [
        number
        for number in before.tracks.tolist()
        if number in set(after.tracks.tolist()) - set(own.tracks.tolist())
    ]
    for number in gaps:
        kept = _with(kept, number, before, after)
    return replace(kept, seen=_with_medians(kept.seen, before.seen, after.seen))


def _with_medians(own: Seen, before: Seen, after: Seen) -> Seen:
    """A frame whose dense scores are the medians of its own and its neighbours'."""
    if len({side.selection.prompts for side in (own, before, after)}) > 1:
        return own
    found = own.detections
    of_detector = _median(found.dense, before.detections.dense, after.detections.dense)
    dense = _median(own.dense, before.dense, after.dense)
    return replace(own, detections=replace(found, dense=of_detector), dense=dense)


def _median(*several: DenseScores | None) -> DenseScores | None:
    """The first, with the medians of all where they are about the same."""
    own, alike = several[0], [one for one in several if one is not None]
    if own is None or len(alike) < len(several) or len({one.labels for one in alike}) > 1:
        return own
    maps = torch.stack([one.maps for one in alike]).median(0).values
    judged = [one.presence for one in alike if one.presence is not None]
    known = len(judged) == len(alike)
    return replace(
        own, maps=maps, presence=torch.stack(judged).median(0).values if known else own.presence
    )


def _with(own: Followed, number: int, before: Followed, after: Followed) -> Followed:
    """A frame with a track that stands half way between its places before and after."""
    sides = [side.seen.select((side.tracks == number).nonzero()[:1, 0]) for side in (before, after)]
    first, last = (side.detections for side in sides)
    between = replace(
        first,
        boxes=(first.boxes + last.boxes) / 2,
        scores=(first.scores + last.scores) / 2,
        labels=last.labels,
        prompt_index=_prompt(own.seen, first),
    )
    logits = (sides[0].masks.logits + sides[1].masks.logits) / 2
    masks = replace(own.seen.masks, logits=torch.cat([own.seen.masks.logits, logits]))
    found = own.seen.detections
    scores = torch.cat([found.scores, between.scores])
    order = scores.argsort(descending=True, stable=True)
    joined = replace(
        found,
        boxes=torch.cat([found.boxes, between.boxes])[order],
        scores=scores[order],
        labels=torch.cat([found.labels, between.labels])[order],
        prompt_index=torch.cat([found.prompt_index, between.prompt_index])[order],
        phrases=tuple((*found.phrases, *between.phrases)[i] for i in order.tolist()),
    )
    seen = replace(own.seen, detections=joined, masks=_ordered(masks, order), origin=None)
    tracks = torch.cat([own.tracks, own.tracks.new_tensor([number])])[order]
    return replace(own, seen=seen, tracks=tracks)


def _ordered(masks: Masks, order: Tensor) -> Masks:
    return replace(masks, points=None).select(order)


def _prompt(seen: Seen, found: Detections) -> Tensor:
    """The position of a region's phrase among the prompts of another frame, -1 for none."""
    prompts = seen.selection.prompts
    places = [prompts.index(p) if p in prompts else -1 for p in found.phrases]
    return found.prompt_index.new_tensor(places)
