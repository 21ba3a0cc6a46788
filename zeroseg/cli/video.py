"""`zeroseg video`: a video and class names in, an overlay, masks and tracks out."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import model_options, options
from zeroseg.errors import PresetError, VideoError

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.report import Totals
    from zeroseg.values import Failure
    from zeroseg.video.frames import Pictures, VideoFile
    from zeroseg.video.video_run import VideoRun
    from zeroseg.video.walk import FrameResult, VideoWalk

_EXAMPLES = """\
  zeroseg draw --count 1 --video 24 --size 128x128 --output moving
  zeroseg video moving/videos/drawn-0-00000.mp4 results --labels "cat, boat, person"
  zeroseg video clip.mkv results --model large --every 16 --device cuda
  zeroseg video frames/ results --rate 30

The whole system looks at a keyframe every so many frames, and after every cut. Between them masks
are carried: by the memory of SAM 2 or EdgeTAM where the system has one of them, else by detecting
again what the keyframe was searched for, without recognition and language model. Things keep their
identity and their class.

The folder then holds overlay.mp4 (classes in colour, the frames' own times), masks/000000.png
(indexed, the vocabulary's ids and colours), frames.jsonl (a line for each frame: time, areas, and
class, score, box and track of everything found) and tracks.json (the class of every track, and
where it begins and ends). A run that was ended goes on where it stopped when it is started again,
to the same end. A frame that cannot be decoded has the picture of the one before it, and is named;
of a video that is cut short, what comes before is done; the exit code is then 1. A folder of
pictures is a video, too, in the order of their names.
Needs pip install "zeroseg[video]"."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "video", "segment a video by class names", str(__doc__), _EXAMPLES
    )
    parser.add_argument("input", metavar="IN", help="a video file, or a folder of frames")
    parser.add_argument("output", metavar="OUT", help="folder to write to")
    group = parser.add_argument_group("video")
    group.add_argument(
        "--every",
        type=options.positive,
        default=8,
        metavar="N",
        help="frames from one keyframe to the next; default 8; with 1, all are keyframes",
    )
    group.add_argument(
        "--scene-change",
        type=_share,
        default=0.15,
        metavar="SHARE",
        help="how different a frame is from the one before for a cut, in shares of the range of "
        "values; default 0.15; above 1 there is none",
    )
    group.add_argument(
        "--carry",
        choices=("auto", "memory", "detect"),
        default="auto",
        help="how masks come from keyframes to others: by the memory of SAM 2 or EdgeTAM, by "
        "detecting again, or as the system allows (auto, the default)",
    )
    group.add_argument(
        "--rate", type=_share, metavar="N", help="frames a second of a folder's; default 25"
    )
    options.add_vocabulary(parser, "by default the model's own")
    model_options.add_model(parser)
    parser.set_defaults(run=run)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def run(arguments: Namespace) -> int:
    """Segment the video; see `zeroseg.cli.main.main` for the exit code."""
    model = options.given(model_options.ModelOptions, arguments)
    config = model.config()
    vocabulary = options.vocabulary(arguments.labels, arguments.vocabulary)
    model.target()
    frames = _frames(arguments.input, arguments.rate)
    built: Any = model.segmenter(config, vocabulary)
    from zeroseg.segmenter import ZeroShotSegmenter
    from zeroseg.video.video_run import VideoRun

    if not isinstance(built, ZeroShotSegmenter):
        raise PresetError(
            f"{arguments.model} has no detector whose findings could be followed; segment the "
            f"frames one by one with `zeroseg segment`"
        )
    memory = {"auto": None, "memory": True, "detect": False}[arguments.carry]
    carrying = built.propagation(memory)
    walk = built.video_walk(arguments.every, arguments.scene_change, carrying)
    identity = {
        "video": _fingerprint(Path(arguments.input)),
        "config": built.config,
        "batch_size": built.batch_size,
        **{name: getattr(arguments, name) for name in ("every", "scene_change", "carry", "rate")},
    }
    own = VideoRun(options.output_folder(arguments.output), built.vocabulary, identity)
    with own.open():
        if own.done is not None:
            lost = own.done.get("lost", [])  # earlier versions told of none
            without = f", but {len(lost)} frames could not be decoded" if lost else ""
            print(f"all is done{without}: results in {own.folder}")
            return 1 if lost else 0
        return _go(own, walk, frames, arguments.outlet)


def _go(own: VideoRun, walk: VideoWalk, frames: VideoFile | Pictures, outlet: Outlet) -> int:
    """Segment, sum up and draw what there is; say what was wrong."""
    from zeroseg.cli.report import Terminal, Totals, progress

    totals, problem, start = Totals(), None, time.perf_counter()
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("segmenting", total=frames.count)
        try:
            for result in own.segmented(walk, frames):
                totals.add(result.segmentation.trace)
                bar.update(task, completed=result.index + 1)
                outlet.picture(
                    result.segmentation.name,
                    _failure(result, outlet),
                    time=result.time,
                    key=result.key,
                    tracks=list(result.tracks),
                    classes=result.segmentation.areas,
                )
        except VideoError as error:
            if not outlet.done:
                raise
            problem = error
        summary = own.summed_up(complete=False)
        task = bar.add_task("drawing", total=summary["frames"])
        for _ in own.overlaid(frames):
            bar.advance(task)
        if problem is None:
            summary = own.summed_up(complete=True)
    _say(own, summary, totals, time.perf_counter() - start)
    if problem is not None:
        outlet.failed(str(problem))
        print("what comes before it is done", file=sys.stderr)
    return 1 if problem is not None or summary["lost"] else 0


def _failure(result: FrameResult, outlet: Outlet) -> Failure | None:
    """The failure of a frame that is lost, which is told."""
    from zeroseg.values import Failure

    if not result.lost:
        return None
    outlet.failed(
        f"frame {result.index} (counted from 0) cannot be decoded: {result.lost}; its results are "
        f"of the picture before it, or of the first that can be"
    )
    return Failure(result.segmentation.name, "reading", result.lost)


def _say(own: VideoRun, summary: dict[str, Any], totals: Totals, seconds: float) -> None:
    from zeroseg.cli.report import Terminal, say

    console = Terminal()
    if totals.pictures:
        console.print(totals.table())
    if (cost := totals.cost()) is not None:
        say(console, cost)
    counts = f"{summary['frames']} frames, {len(summary['tracks'])} tracks"
    if summary["lost"]:
        counts += f", {len(summary['lost'])} frames that could not be decoded"
    say(console, f"{counts}, {seconds:.1f} s; results in {own.folder}")


def _frames(path: str, rate: float | None) -> VideoFile | Pictures:
    """The frames of a file or folder.

    Raises:
        ZerosegError: There are none.
    """
    from zeroseg.video.frames import Pictures, frames_of

    if not Path(path).is_dir():
        return frames_of(path, rate)
    from zeroseg.find_images import find_images

    files = find_images([path])
    found = Pictures(files, 25 if rate is None else rate)
    found.count = len(files)
    return found


def _fingerprint(path: Path) -> str:
    """What tells a video from another one: the SHA-256 of a file, the names of a folder's files."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            digest.update(f"{file.relative_to(path)} {file.stat().st_size}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
