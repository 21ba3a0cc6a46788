"""A folder with the results of one video, which a killed run goes on with."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zeroseg import plotting
from zeroseg.errors import ZerosegError
from zeroseg.values import (
    DenseScores,
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
from zeroseg.video.film import write_film
from zeroseg.video.frames import Frame, Pictures, VideoFile
from zeroseg.video.seen import Seen
from zeroseg.video.shots import Marked
from zeroseg.video.steadying import Followed
from zeroseg.video.walk import FrameResult, State, VideoWalk
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import alone_in, check_no_run, check_same_run, read_run, write_picture
from zeroseg.writing import write_whole as write

KNOWN: list[Any] = [
    *(DenseScores, Description, Detections, Exchange, Geometry, Masks, Selection, Tag, Trace),
    *(Usage, Seen, Frame, Marked, Followed),
]
"""What a state is made of beside tensors and plain values: nothing else is read from its file."""


DAMAGED = (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError)
"""What reading a state raises whose file is damaged, or holds something else."""


class VideoRun:
    """The results of one video: `masks/000000.png`, `frames.jsonl`, `tracks.json`, `overlay.mp4`.

    What a run is of stands in `run.json`; another one is refused. The state at each keyframe
    stands in `state.pt` until all is done.

    Args:
        folder: Where to; made if it is not there.
        vocabulary: The classes.
        identity: What tells this run from others, as JSON gives it back.
    """

    def __init__(self, folder: Path, vocabulary: Vocabulary, identity: Mapping[str, Any]) -> None:
        self.folder, self.vocabulary = folder, vocabulary
        self.identity = {**json.loads(json.dumps(identity)), "vocabulary": vocabulary.to_dict()}
        self.state, self.lines = folder / "state.pt", folder / "frames.jsonl"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be the one run that writes there.

        Raises:
            ZerosegError: The folder holds another run, or is written to by one.
        """
        with alone_in(self.folder):
            file = self.folder / "run.json"
            if file.exists():
                found = read_run(self.folder, file.read_bytes())
                check_same_run(self.folder, found, json.loads(json.dumps(self.identity)))
            else:
                check_no_run(self.folder, self.lines.exists())
                write(file, json.dumps(self.identity, indent=2) + "\n")
            yield

    @property
    def done(self) -> dict[str, Any] | None:
        """What `summed_up` gave, once all of the video has been segmented; None before."""
        file = self.folder / "tracks.json"
        summary: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
        return summary if summary.get("complete") else None

    def segmented(self, walk: VideoWalk, frames: VideoFile | Pictures) -> Iterator[FrameResult]:
        """Segment a video from where the folder's results end; each result is saved, then given.

        The last frames before the keyframe that it goes on from are done again, to the same end.

        Raises:
            ZerosegError: The video cannot be read on, or a frame fails; what came before is saved.
        """
        state = self._begun()
        kept = self.lines.read_bytes().splitlines(True)[: state["results"]] if state else []
        write(self.lines, b"".join(kept))
        with self.lines.open("a", encoding="utf-8") as lines:

            def keep(state: State) -> None:
                lines.flush()
                saved = io.BytesIO()
                torch.save(state, saved)
                write(self.state, saved.getvalue())

            for result in walk.run(frames, state, keep):
                write_picture(self.mask(result.index), result.segmentation.mask())
                lines.write(json.dumps(line(result)) + "\n")
                yield result

    def mask(self, index: int) -> Path:
        """The file of a frame's label map."""
        return self.folder / "masks" / f"{index:06d}.png"

    def summed_up(self, complete: bool) -> dict[str, Any]:
        """Write `tracks.json`: the first and last frame, number of frames and class of each track.

        It also tells which frames are lost; see `Frame`.

        Args:
            complete: Whether the video was read to its end, and all else of the folder is written:
                a run that is killed after this is not gone on with.
        """
        tracks: dict[int, dict[str, Any]] = {}
        count = shots = 0
        lost = []
        with self.lines.open(encoding="utf-8") as lines:
            for own in map(json.loads, lines):
                count, shots = count + 1, own["shot"] + 1
                lost += [own["frame"]] if "lost" in own else []
                for found in own["detections"]:
                    new = {"track": found["track"], "class": None, "first": own["frame"]}
                    track = tracks.setdefault(found["track"], {**new, "last": 0, "frames": 0})
                    track.update({"class": found["class"], "last": own["frame"]})
                    track["frames"] += 1
        told = {"complete": complete, "frames": count, "shots": shots, "lost": lost}
        summary = {**told, "tracks": [tracks[number] for number in sorted(tracks)]}
        write(self.folder / "tracks.json", json.dumps(summary, indent=2) + "\n")
        if complete:
            self.state.unlink(missing_ok=True)
        return summary

    def overlaid(self, frames: VideoFile | Pictures) -> Iterator[float]:
        """Write `overlay.mp4`: the video once more, with the masks laid over it and a legend.

        Yields:
            The time of each frame that has been taken.

        Raises:
            OutputError: It cannot be written.
        """
        classes: set[str] = set()
        with self.lines.open(encoding="utf-8") as lines:
            for own in map(json.loads, lines):
                classes.update(own["areas"])
        present = [i for i, name in enumerate(self.vocabulary.names) if name in classes]
        pictures = ((frame.time, self._overlay(frame, present)) for frame in self._saved(frames))
        yield from write_film(self.folder / "overlay.mp4", pictures, frames.rate, frames.time_base)

    def _saved(self, frames: VideoFile | Pictures) -> Iterator[Frame]:
        """The frames that there are masks of."""
        following = iter(frames)
        index = 0
        while self.mask(index).exists():
            yield next(following)
            index += 1

    def _overlay(self, frame: Frame, present: list[int]) -> Image.Image:
        ids = np.asarray(Image.open(self.mask(frame.index)))
        labels: Tensor = self.vocabulary.from_ids(torch.from_numpy(ids.astype(np.int64)))
        body = plotting.painted(frame.image, labels, self.vocabulary)
        return plotting.grid([body, plotting.classes_legend(present, self.vocabulary, body.width)])

    def _begun(self) -> State | None:
        """What the run before knew at its last keyframe; None to begin from the start."""
        if not self.state.exists():
            return None
        try:
            with torch.serialization.safe_globals(KNOWN):
                state: State = torch.load(self.state, weights_only=True)
        except DAMAGED as error:
            raise ZerosegError(
                f"'{self.state}' is damaged ({error}); delete it to begin from the first frame"
            ) from error
        return state


def line(result: FrameResult) -> dict[str, Any]:
    """A frame in `frames.jsonl`, ready for JSON."""
    found = result.segmentation.to_dict()
    pairs = zip(result.tracks, found["detections"], strict=True)
    return {
        "frame": result.index,
        "time": result.time,
        "shot": result.shot,
        "key": result.key,
        **({"lost": result.lost} if result.lost else {}),
        "areas": found["areas"],
        "detections": [{"track": track, **own} for track, own in pairs],
    }
