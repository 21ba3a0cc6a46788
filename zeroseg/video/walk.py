"""The walk through a video: keyframes by the whole system, identities and classes that last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from zeroseg.errors import ZerosegError
from zeroseg.fusion.fusion import Fusion
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage
from zeroseg.segmentation import Segmentation
from zeroseg.stages import Fusing
from zeroseg.values import Selection, Trace
from zeroseg.video.frames import Frame
from zeroseg.video.propagation import Carry, Propagation
from zeroseg.video.seen import WANTED, Seen, seen_of
from zeroseg.video.shots import Marked, grouped, marked
from zeroseg.video.steadying import Followed, steadied
from zeroseg.video.tracking import Tracker
from zeroseg.vocabulary import Vocabulary

REMEMBERED = 3
"""Keyframes before the last one whose selection is looked for on, of classes that still last."""

State = dict[str, Any]
"""All that a walk knows between two frames; `torch.save` writes it."""


@dataclass(frozen=True)
class FrameResult:
    """One segmented frame.

    Attributes:
        index: Its number, from 0.
        time: Seconds on the video's own clock at which it is shown.
        shot: The number of its shot, from 0.
        key: Whether the whole system looked at it.
        tracks: The identity of each of its detections.
        segmentation: The result; its detections have the classes of their tracks.
        lost: Why the frame could not be decoded, and this is of another one's picture; see `Frame`.
    """

    index: int
    time: float
    shot: int
    key: bool
    tracks: tuple[int, ...]
    segmentation: Segmentation
    lost: str = ""


class VideoWalk:
    """Segments the frames of a video one after the other, in memory that does not grow.

    The whole system looks at keyframes. What it found is carried to the frames between them by a
    propagation. Regions get identities, and the class of each is that of its track, by vote over
    its history; what one frame alone says is taken for a flicker (see `steadied`), which is why
    results come one frame late. What is looked for between keyframes is what was looked for on
    the last one and, of the three before it, classes of tracks that still last.

    Args:
        stages: Of the system; the last one fuses.
        fusion: Decides each pixel.
        propagation: Carries what stands on a keyframe.
        vocabulary: The classes.
        device: Where the system computes.
        batch_size: Frames between keyframes that are carried together.
        every: Frames from one keyframe to the next.
        scene_change: See `zeroseg.video.shots.marked`.
        fatal: Errors of the system that are no single frame's; see `Runner`.

    Raises:
        ValueError: `every` is less than 1, or `scene_change` is not above 0.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        fusion: Fusion,
        propagation: Propagation,
        vocabulary: Vocabulary,
        device: torch.device,
        batch_size: int = 8,
        every: int = 8,
        scene_change: float = 0.15,
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        if every < 1 or not scene_change > 0:
            raise ValueError(
                f"every is {every} and scene_change {scene_change}: there is a keyframe every "
                f"1 or more frames, and a cut where frames differ by more than 0"
            )
        self.propagation, self.vocabulary = propagation, vocabulary
        self.batch_size, self.every, self.scene_change = batch_size, every, scene_change
        given = {name for stage in stages for name in stage.gives}
        self._wanted = [name for name in WANTED if name in given]
        self._looking = Runner(stages, device, fatal)
        self._fusing = Runner((Fusing(fusion, vocabulary),), device)
        self._tracker = Tracker(key_weight=every)
        self._waiting: list[Followed] = []
        self._selections: list[Selection] = []

    def run(
        self,
        frames: Iterable[Frame],
        state: State | None = None,
        keep: Callable[[State], None] | None = None,
    ) -> Iterator[FrameResult]:
        """Segment frames, in order.

        Args:
            frames: All of the video, from its first.
            state: What `keep` was given by an earlier run over the same frames; those before are
                passed over, and the results go on with the same ones.
            keep: Called before a keyframe with the state there, once all results that are ready
                have been taken: `state["results"]` is their number.

        Raises:
            ZerosegError: The video cannot be read on; the frames before that have come.
            Exception: What a frame fails with, as in `segment`.
        """
        self._restore(state)
        first = 0 if state is None else int(state["frame"])
        places = marked(frames, self.every, self.scene_change)
        groups = grouped((own for own in places if own.frame.index >= first), self.batch_size)
        carry: Carry | None = None
        following = iter(groups)
        while True:
            try:
                group = next(following, None)
            except ZerosegError:  # what was read stays
                yield from self._rest()
                raise
            if group is None:
                break
            if group[0].key and keep is not None and group[0].frame.index > first:
                keep(self._state(group[0].frame.index))
            if group[0].key:
                shown, carry = self._look(group[0])
            else:
                assert carry is not None  # a video begins with a keyframe
                shown = self._carried(carry, group)
            for place, seen in zip(group, shown, strict=True):
                yield from self._settled(self._followed(place, seen))
        yield from self._rest()

    @torch.inference_mode()
    def _look(self, place: Marked) -> tuple[list[Seen], Carry]:
        """Have the whole system look at a keyframe, and begin to carry what it found."""
        if self._waiting and self._waiting[-1].place.shot != place.shot:
            self._tracker.cut()
            self._selections = []
        image = place.frame.image
        [seen] = seen_of(self._looking.run({"image": [image]}, self._wanted))
        wider = seen.selection
        for earlier in reversed(self._selections):
            wider = joined(wider, lasting(earlier, self._tracker.labels))
        self._selections = [*self._selections, seen.selection][-REMEMBERED:]
        carry = self.propagation(image, replace(seen, selection=wider), self.vocabulary)
        return [seen], carry

    @torch.inference_mode()
    def _carried(self, carry: Carry, group: Sequence[Marked]) -> list[Seen]:
        return carry([place.frame.image for place in group])

    def _followed(self, place: Marked, seen: Seen) -> Followed:
        tracks, labels = self._tracker.follow(seen, place.frame.index, place.key)
        return Followed(place, replace(seen, detections=seen.detections.relabel(labels)), tracks)

    def _settled(self, new: Followed) -> Iterator[FrameResult]:
        """Take in a frame, and give out the one before it."""
        self._waiting.append(new)
        if len(self._waiting) > 1:
            yield self._result(len(self._waiting) - 2)
        del self._waiting[:-2]

    def _rest(self) -> Iterator[FrameResult]:
        """The last frame."""
        if self._waiting:
            yield self._result(len(self._waiting) - 1)
        self._waiting = []

    def _result(self, position: int) -> FrameResult:
        """What a frame that waits has come to."""
        own = self._waiting[position]
        shot = own.place.shot
        sides = [
            self._waiting[i] if 0 <= i < len(self._waiting) else None
            for i in (position - 1, position + 1)
        ]
        before, after = (s if s is not None and s.place.shot == shot else None for s in sides)
        return self._fused(steadied(before, own, after))

    @torch.inference_mode()
    def _fused(self, own: Followed) -> FrameResult:
        seen, frame = own.seen, own.place.frame
        given = {"masks": seen.masks, "detections": seen.detections, "dense": seen.dense}
        [item] = self._fusing.run({name: [value] for name, value in given.items()}, ("label_map",))
        if item.error is not None:
            raise item.error
        result = Segmentation(
            label_map=item.values["label_map"],
            vocabulary=self.vocabulary,
            image=frame.image,
            name=f"{frame.index:06d}",
            description=seen.description,
            selection=seen.selection,
            detections=seen.detections,
            trace=Trace({**seen.trace.seconds, **item.seconds}, seen.trace.exchanges),
        )
        tracks = tuple(own.tracks.tolist())
        shot, key = own.place.shot, own.place.key
        return FrameResult(frame.index, frame.time, shot, key, tracks, result, frame.lost)

    def _state(self, frame: int) -> State:
        return {
            "frame": frame,
            "results": frame - len(self._waiting[-1:]),
            "tracker": self._tracker.state(),
            "selections": list(self._selections),
            "waiting": list(self._waiting),
        }

    def _restore(self, state: Mapping[str, Any] | None) -> None:
        self._tracker = Tracker(key_weight=self.every)
        self._waiting, self._selections = [], []
        if state is not None:
            self._tracker.restore(**state["tracker"])
            self._waiting, self._selections = list(state["waiting"]), list(state["selections"])


def lasting(selection: Selection, labels: Collection[int]) -> Selection:
    """The prompts of some classes."""
    return selection.keep([i for i, label in enumerate(selection.labels) if label in labels])


def joined(one: Selection, other: Selection) -> Selection:
    """What either looks for, each prompt once; presence where both know it."""
    new = other.keep([i for i, prompt in enumerate(other.prompts) if prompt not in one.prompts])
    known = one.presence is not None and new.presence is not None
    return replace(
        one,
        prompts=one.prompts + new.prompts,
        labels=one.labels + new.labels,
        presence=(*(one.presence or ()), *(new.presence or ())) if known else None,
    )
