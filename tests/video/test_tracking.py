"""Shots, identities, classes by vote, and what one frame alone says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch

from tests.video.video_parts import Square, picture
from zeroseg.errors import VideoError
from zeroseg.testing import BoxMasks, blank, boxed
from zeroseg.values import UNRESOLVED, DenseScores, Geometry, Selection
from zeroseg.video.frames import Frame, Pictures
from zeroseg.video.seen import Seen
from zeroseg.video.shots import Marked, grouped, marked
from zeroseg.video.steadying import Followed, steadied
from zeroseg.video.tracking import PATIENCE, Tracker, iou

DOG, CAT = 1, 2
LEFT, RIGHT, NEAR_LEFT = (2, 2, 22, 22), (26, 6, 46, 26), (5, 3, 25, 23)


def seen(*boxes: Sequence[float], labels: Sequence[int], origin: list[int] | None = None) -> Seen:
    scores = [0.9 - 0.1 * i for i in range(len(boxes))]
    found = boxed(*boxes, labels=labels, scores=scores)
    [masks] = BoxMasks()([blank()], [found])
    known = None if origin is None else torch.tensor(origin, dtype=torch.int64)
    return Seen(found, masks, Selection(("dog", "cat"), (DOG, CAT)), origin=known)


def follow(tracker: Tracker, frames: Sequence[Seen]) -> list[tuple[list[int], list[int]]]:
    found = [tracker.follow(own, i, i == 0) for i, own in enumerate(frames)]
    return [(tracks.tolist(), labels.tolist()) for tracks, labels in found]


def test_keyframes_follow_cuts_and_distances() -> None:
    dark, light = picture(ground=40), picture(ground=220)
    images = [dark] * 5 + [light] * 4 + [picture(Square("dog", 0, 0), ground=220)]
    found = list(marked(Pictures(images), every=3, scene_change=0.15))
    assert [own.key for own in found] == [i in (0, 3, 5, 8) for i in range(10)]
    assert [own.shot for own in found] == [0] * 5 + [1] * 5
    assert not any(own.shot for own in marked(Pictures(images), every=3, scene_change=2))


def test_batches_never_pass_a_keyframe_nor_lose_what_was_read() -> None:
    def failing() -> Iterator[Marked]:
        for index in range(9):
            yield Marked(Frame(index, 0.0, blank()), 0, index % 6 == 0)
        raise VideoError("damaged")

    groups: list[list[int]] = []
    with pytest.raises(VideoError, match="damaged"):
        groups.extend([own.frame.index for own in group] for group in grouped(failing(), 3))
    assert groups == [[0], [1, 2, 3], [4, 5], [6], [7, 8]]


def test_overlap_is_counted_by_pixels() -> None:
    masks = seen(LEFT, NEAR_LEFT, RIGHT, labels=[DOG] * 3).masks.logits > 0
    shared = 17 * 19
    expected = shared / (2 * 400 - shared)
    assert iou(masks, masks)[0].tolist() == pytest.approx([1, expected, 0])
    assert iou(masks[:1] & False, masks[:1] & False).tolist() == [[0]]


def test_identity_follows_the_mask_whatever_the_order() -> None:
    moved = seen((28, 6, 48, 26), NEAR_LEFT, labels=[CAT, DOG])
    found = follow(Tracker(), [seen(LEFT, RIGHT, labels=[DOG, CAT]), moved])
    assert found == [([0, 1], [DOG, CAT]), ([1, 0], [CAT, DOG])]


def test_the_class_is_that_of_the_tracks_history() -> None:
    frames = [seen(LEFT, labels=[label]) for label in (DOG, DOG, CAT, UNRESOLVED, DOG)]
    assert [labels for _, labels in follow(Tracker(), frames)] == [[DOG]] * 5
    turned = [seen(LEFT, labels=[label]) for label in (DOG, *[CAT] * 4)]
    assert follow(Tracker(), turned)[-1] == ([0], [CAT])
    assert follow(Tracker(key_weight=8), turned)[-1] == ([0], [DOG])  # the system saw a dog


def test_of_two_in_one_place_each_keeps_its_class() -> None:
    both = seen(LEFT, LEFT, labels=[DOG, CAT])
    swapped = seen(LEFT, LEFT, labels=[CAT, DOG])
    assert follow(Tracker(), [both, swapped]) == [([0, 1], [DOG, CAT]), ([1, 0], [CAT, DOG])]


def test_who_is_away_too_long_is_somebody_else() -> None:
    def after(gap: int) -> int:
        tracker = Tracker()
        tracker.follow(seen(LEFT, labels=[DOG]), 0, True)
        for index in range(1, gap):
            tracker.follow(seen(labels=[]), index, False)
        return int(tracker.follow(seen(NEAR_LEFT, labels=[DOG]), gap, False)[0])

    assert after(PATIENCE) == 0 and after(PATIENCE + 1) == 1


def test_a_propagation_that_knows_identities_is_believed() -> None:
    tracker = Tracker()
    tracker.follow(seen(LEFT, RIGHT, labels=[DOG, CAT]), 0, True)
    far = seen((30, 20, 44, 30), labels=[UNRESOLVED], origin=[0])
    tracks, labels = tracker.follow(far, PATIENCE + 5, False)
    assert (tracks.tolist(), labels.tolist()) == ([0], [DOG])


def test_a_cut_ends_all_tracks() -> None:
    tracker = Tracker()
    tracker.follow(seen(LEFT, labels=[DOG]), 0, True)
    tracker.cut()
    assert tracker.follow(seen(LEFT, labels=[DOG]), 1, True)[0].tolist() == [1]


def followed(index: int, own: Seen, *tracks: int) -> Followed:
    return Followed(Marked(Frame(index, 0.0, blank()), 0, False), own, torch.tensor(tracks))


def test_what_one_frame_alone_shows_is_taken_away() -> None:
    before, after = (followed(i, seen(LEFT, labels=[DOG]), 0) for i in (0, 2))
    own = followed(1, seen(RIGHT, LEFT, labels=[CAT, DOG]), 5, 0)
    left = steadied(before, own, after)
    assert left.tracks.tolist() == [0] and left.seen.detections.labels.tolist() == [DOG]
    assert len(left.seen.masks) == 1
    for sides in ((None, after), (before, None)):
        assert steadied(sides[0], own, sides[1]).tracks.tolist() == [5, 0]


def test_what_one_frame_alone_misses_stands_between_its_neighbours() -> None:
    before = followed(0, seen(LEFT, RIGHT, labels=[DOG, CAT]), 0, 1)
    own = followed(1, seen(RIGHT, labels=[CAT]), 1)
    after = followed(2, seen(RIGHT, (6, 2, 26, 22), labels=[CAT, DOG]), 1, 0)
    filled = steadied(before, own, after)
    assert filled.tracks.tolist() == [1, 0]
    found = filled.seen.detections
    assert found.boxes[1].tolist() == [4, 2, 24, 22]
    assert found.scores.tolist() == pytest.approx([0.9, 0.85])
    assert found.labels.tolist() == [CAT, DOG]
    expected = (before.seen.masks.logits[0] + after.seen.masks.logits[1]) / 2
    assert torch.equal(filled.seen.masks.logits[1], expected)
    unasked = replace(own, seen=replace(own.seen, selection=Selection(("cat",), (CAT,))))
    assert steadied(before, unasked, after).seen.detections.prompt_index.tolist() == [0, -1]


def test_dense_scores_are_the_medians_of_three_frames() -> None:
    def scored(index: int, *values: float, presence: float, label: int = DOG) -> Followed:
        maps = torch.tensor(values).view(1, 1, 3)
        dense = DenseScores(
            maps, (label,), Geometry.itself((1, 3)), torch.tensor([float(presence)])
        )
        own = seen(LEFT, labels=[DOG])
        inner = replace(own.detections, dense=dense)
        return followed(index, replace(own, dense=dense, detections=inner), 0)

    before, after = scored(0, 0.1, 0.8, 0.5, presence=1), scored(2, 0.2, 0.9, 0.1, presence=0.5)
    own = scored(1, 0.9, 0.1, 0.4, presence=0.2)
    found = steadied(before, own, after).seen
    for dense in (found.dense, found.detections.dense):
        assert dense is not None and dense.presence is not None
        assert dense.maps.flatten().tolist() == pytest.approx([0.2, 0.8, 0.4])
        assert dense.presence.tolist() == [0.5]
    other = scored(2, 0.2, 0.9, 0.1, presence=0.5, label=CAT)
    assert steadied(before, own, other).seen.dense is own.seen.dense
    asked = replace(other, seen=replace(after.seen, selection=Selection(("hound", "cat"), (1, 2))))
    assert steadied(before, own, asked).seen.dense is own.seen.dense
