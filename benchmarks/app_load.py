"""Many users at one server: how long they wait, what it answers, and what the library alone gives.

    python benchmarks/app_load.py --users 50 --seconds 60

`zeroseg app` runs as a process of its own on this machine. Each user sends one drawn scene after
the other, a quarter of them with the model's own classes and the others with lists of their own;
half of the users take JSON, the others the indexed PNG. Who is refused with 429 comes again after
the seconds of Retry-After. Before and after, while the server has nothing to do, the same pictures
and lists go through the library in this process: `segmenter.stream`, list by list. The share is the
server's pictures a second over those.

Every answer's label map has to be the library's, pixel by pixel. Lost is a request that is neither
answered nor refused by a status that the API declares. Memory is the server's resident memory: in
the first tenth of the time, in the middle, and at the end; on Linux alone.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
from PIL import Image

from zeroseg import Segmentation, Vocabulary, ZeroShotSegmenter, rle
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.drawn.scene import draw_scene

LISTS = ("", "dog, boat, person", "house, tree, car", "cat, person, boat, tree")
"""Classes that users ask for, in turn; the first are the model's own."""
MIB = 1 << 20
_BOUNDARY = "a-boundary-that-no-picture-holds"
_AGAIN = 429

Pair = tuple[int, int]
"""Places of a picture and of a list."""


@dataclass
class Tally:
    """What users met.

    Attributes:
        seconds: From sending a request to its answer.
        waited: The same from a picture's first request, refusals and pauses included.
        answers: How often each answer came, by picture and list; the same one is kept once.
        refused: Requests refused, by status.
        lost: Why, of each request that is neither.
    """

    seconds: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    answers: Counter[tuple[Pair, bytes]] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(model: str, *options: str) -> Iterator[tuple[str, int]]:
    """Address and process number of a server, for the length of a `with` block."""
    command = [sys.executable, "-m", "zeroseg", "app", "--model", model, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = (re.search(r"http://\S+", line) for line in process.stdout)
            address = next((found[0] for found in said if found), None)
            if address is None:
                raise RuntimeError("the server did not start, see above")
            yield address, process.pid
        finally:
            process.terminate()


def scenes(count: int, side: int) -> list[bytes]:
    """Drawn scenes as PNG files."""
    files = [io.BytesIO() for _ in range(count)]
    for number, file in enumerate(files):
        Image.fromarray(draw_scene(7, number, (side, side)).image).save(file, "PNG")
    return [file.getvalue() for file in files]


def direct(
    segmenter: BaseSegmenter, pictures: Sequence[bytes], seconds: float
) -> tuple[dict[Pair, np.ndarray], float]:
    """The label maps of all pictures with all lists, (H, W) of file ids, and pictures a second."""
    found: dict[Pair, np.ndarray] = {}
    count, start = 0, time.perf_counter()
    while not count or time.perf_counter() - start < seconds:
        for place, names in enumerate(LISTS):
            vocabulary = Vocabulary.parse(names) if names else segmenter.vocabulary
            system = segmenter.variant(vocabulary=vocabulary)
            for number, result in enumerate(system.stream(pictures)):
                if not isinstance(result, Segmentation):
                    raise RuntimeError(f"{result.stage} failed: {result.message}")
                found[number, place] = np.asarray(result.mask())
        count += len(pictures) * len(LISTS)
    return found, count / (time.perf_counter() - start)


def load(
    address: str, pid: int, pictures: Sequence[bytes], users: int, seconds: float
) -> tuple[Tally, dict[str, int], float]:
    """What users meet, the server's resident bytes at three times, and how long all of it took."""
    tally, until = Tally(), time.monotonic() + seconds
    _request(Tally(), address, HTTPConnection(urlsplit(address).netloc), pictures, (0, 0), False)
    crowd = [
        threading.Thread(target=_user, args=(number, address, pictures, until, tally))
        for number in range(users)
    ]
    start = time.perf_counter()
    for user in crowd:
        user.start()
    memory = {}
    for name, share in (("start", 0.1), ("middle", 0.5), ("end", 1.0)):
        time.sleep(max(0.0, share * seconds - (time.perf_counter() - start)))
        memory[name] = resident(pid)
    for user in crowd:
        user.join()
    return tally, memory, time.perf_counter() - start


def _user(number: int, address: str, pictures: Sequence[bytes], until: float, tally: Tally) -> None:
    """Sends one picture after the other, each until it is answered, until it is time to stop."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=180)
    place = number
    while time.monotonic() < until:
        pair = (place % len(pictures), number % len(LISTS))
        first = time.perf_counter()
        while (pause := _request(tally, address, connection, pictures, pair, number % 8 < 4)) > 0:
            if time.monotonic() + pause >= until:
                return
            time.sleep(pause)
        tally.waited.append(time.perf_counter() - first)
        place += 1


def _request(
    tally: Tally,
    address: str,
    connection: HTTPConnection,
    pictures: Sequence[bytes],
    pair: Pair,
    as_png: bool,
) -> float:
    """Ask once; the seconds after which to ask again, 0 for never."""
    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    accept = "image/png" if as_png else "application/json"
    headers = {"content-type": kind, "accept": accept}
    start = time.perf_counter()
    try:
        connection.request("POST", "/v1/segment", _form(pictures[pair[0]], pair[1]), headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException) as error:
        connection.close()
        with tally.lock:
            tally.lost.append(f"{type(error).__name__}: {error}")
        return 0
    taken = time.perf_counter() - start
    if response.status == 200 and not as_png:
        content = json.dumps([json.loads(content)[key] for key in ("size", "legend")]).encode()
    with tally.lock:
        if response.status == 200:
            tally.seconds.append(taken)
            tally.answers[pair, content] += 1
        else:
            tally.refused[response.status] += 1
    return float(response.headers["Retry-After"]) if response.status == _AGAIN else 0


def _form(picture: bytes, place: int) -> bytes:
    """A form with a picture, and with a list unless it is the model's own."""
    opening = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
    parts = [(opening % ("picture", '; filename="scene.png"')).encode() + picture]
    if LISTS[place]:
        parts.append((opening % ("classes", "") + LISTS[place]).encode())
    return b"\r\n".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])


def wrong(tally: Tally, expected: dict[Pair, np.ndarray]) -> int:
    """How many answers are not the library's label map."""
    return sum(
        count
        for (pair, content), count in tally.answers.items()
        if not np.array_equal(_ids(content), expected[pair])
    )


def _ids(content: bytes) -> np.ndarray:
    """The label map of an answer, (H, W) of file ids."""
    if content.startswith(b"\x89PNG"):
        return np.asarray(Image.open(io.BytesIO(content)))
    size, legend = json.loads(content)
    ids = np.full((size["height"], size["width"]), -1)
    for entry in legend:
        ids[rle.decode(entry["segmentation"])] = entry["id"]
    return ids


def resident(pid: int) -> int:
    """Memory that a process holds now, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    [line] = [line for line in status if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def declared(address: str) -> set[int]:
    """The statuses that the API says it answers a picture with."""
    with urlopen(f"{address.rstrip('/')}/openapi.json") as reply:
        told = json.load(reply)
    return {int(status) for status in told["paths"]["/v1/segment"]["post"]["responses"]}


def report_of(
    tally: Tally,
    expected: dict[Pair, np.ndarray],
    known: set[int],
    memory: dict[str, int],
    rates: tuple[float, float],
) -> dict[str, Any]:
    """All figures; rates are pictures a second of the server and of the library."""
    undeclared = {status: count for status, count in tally.refused.items() if status not in known}
    answered = len(tally.seconds)
    return {
        "answered": answered,
        "wrong": wrong(tally, expected),
        "refused": dict(tally.refused),
        "lost": len(tally.lost) + sum(undeclared.values()),
        "lost_because": sorted({*tally.lost, *map(str, undeclared)})[:5],
        "seconds": _percentiles(tally.seconds),
        "seconds_with_refusals": _percentiles(tally.waited),
        "pictures_a_second": rates[0],
        "library_pictures_a_second": rates[1],
        "share_of_the_library": rates[0] / rates[1],
        "resident_bytes": memory,
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{p}": float(np.percentile(seconds, p)) for p in (50, 95)} if seconds else {}


def _say(found: dict[str, Any]) -> None:
    memory = ", ".join(f"{n} {own / MIB:.0f}" for n, own in found["resident_bytes"].items())
    refused = ", ".join(f"{n} with {status}" for status, n in found["refused"].items()) or "none"
    for name in ("seconds", "seconds_with_refusals"):
        shown = ", ".join(f"{p} {value:.2f} s" for p, value in found[name].items())
        print(f"{name.replace('_', ' ')}: {shown}")
    print(f"answered {found['answered']}, of which wrong {found['wrong']}")
    print(f"refused {refused}; lost {found['lost']} {found['lost_because'] or ''}")
    print(
        f"{found['pictures_a_second']:.1f} pictures a second, the library "
        f"{found['library_pictures_a_second']:.1f}: {found['share_of_the_library']:.0%}"
    )
    print(f"the server's memory in MiB: {memory}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="tiny", help="a preset or model (default: tiny)")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60, help="that users send pictures for")
    parser.add_argument("--requests", type=int, default=32, help="the server's --max-requests")
    parser.add_argument("--pictures", type=int, default=16, help="different ones")
    parser.add_argument("--side", type=int, default=128, help="of a picture, in pixels")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("memory is read from /proc, which only Linux has")
    pictures = scenes(args.pictures, args.side)
    segmenter = ZeroShotSegmenter.from_preset(args.model)
    half = args.seconds / 4
    direct(segmenter, pictures[:1], 0)  # what is done once
    with serving(args.model, f"--max-requests={args.requests}") as (address, pid):
        expected, before = direct(segmenter, pictures, half)
        tally, memory, taken = load(address, pid, pictures, args.users, args.seconds)
        _, after = direct(segmenter, pictures, half)
        rates = (len(tally.seconds) / taken, (before + after) / 2)
        found = report_of(tally, expected, declared(address), memory, rates)
    print(f"the library before and after: {before:.1f} and {after:.1f} pictures a second")
    _say(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 1 if found["lost"] or found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
