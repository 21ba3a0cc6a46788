"""How pictures ended, and what that is beside an undisturbed run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.faults.row import Row
from zeroseg.result_details import DETAILS, detail_file
from zeroseg.segmentation import Segmentation
from zeroseg.values import Exchange, Failure

TIMES = ("seconds", "time", "speed", "commit", "date")
"""Entries of results that tell of the moment, and not of the result."""


@dataclass(frozen=True)
class Ending:
    """How a picture ended.

    Attributes:
        name: Of the picture.
        state: "ok", "degraded" or "failed".
        reason: Why it is not ok.
        result: A digest of all that came of it, times left out.
    """

    name: str
    state: str
    reason: str = ""
    result: str = ""


def of_result(name: str, result: Segmentation | Failure) -> Ending:
    """The ending of a picture that was streamed."""
    if isinstance(result, Failure):
        return Ending(name, "failed", result.message)
    reason = next(filter(None, map(_trouble, _final(result.trace.exchanges))), "")
    told = (result.label_map.numpy().tobytes(), result.selection.prompts, result.detections.phrases)
    return Ending(name, "degraded" if reason else "ok", reason, _digest(*told))


def _final(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """What was said in the end: without what was asked once more, or in other words."""
    return [
        said
        for place, said in enumerate(exchanges)
        if not any(later.prompt.startswith(said.prompt) for later in exchanges[place + 1 :])
    ]


def _trouble(said: Exchange) -> str:
    return said.refused or "; ".join(said.dropped)


def of_run(folder: Path, before: str = "", total: bool = True) -> list[Ending]:
    """The endings of a scored run, from its records and predictions, and what it comes to.

    Args:
        folder: Of the run.
        before: What their names begin with.
        total: Whether the figures over all pictures have to be the same, too.
    """
    found, figures = [], _json(folder / "results.json") if total else ""
    for file in sorted(folder.glob("images/**/*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        prediction = folder / "predictions" / f"{record['name']}.png"
        map_of_ids = prediction.read_bytes() if record["pixels"] is not None else b""
        told = (json.dumps(without_times(record)), map_of_ids, figures)
        failure, refused = record["failure"], record["usage"]["refused"]
        state = "failed" if failure else "degraded" if refused else "ok"
        reason = failure["message"] if failure else f"{refused} refused" if refused else ""
        found.append(Ending(before + record["name"], state, reason, _digest(*told)))
    return found


def of_ablation(folder: Path) -> list[Ending]:
    """The endings of an ablation: those of every row's run, and its table."""
    table = _json(folder / "ablation.json")
    rows = [e for row in sorted(folder.glob("rows/*")) for e in of_run(row, f"{row.name}/")]
    return [replace(ending, result=_digest(ending.result, table)) for ending in rows]


def of_archive(folder: Path) -> list[Ending]:
    """The endings of a run over an archive, from its manifest, masks and what else it keeps."""
    found = []
    parts = sorted(folder.glob("manifest/*.parquet"))
    for row in [row for part in parts for row in pq.read_table(part).to_pylist()]:
        told = {key: value for key, value in row.items() if key != "seconds"}
        files = [folder / "masks" / f"{row['name']}.png"]
        files += [folder / detail_file(d, row["name"]) for d in DETAILS if (folder / d).exists()]
        if row["status"] == "ok":
            contents = (file.read_bytes() for file in files)
            found.append(Ending(row["name"], "ok", "", _digest(told, *contents)))
        else:
            found.append(Ending(row["name"], "failed", row["error"] or ""))
    return found


def of_video(folder: Path) -> list[Ending]:
    """The endings of a video's frames, each byte for byte, and with what the whole comes to."""
    whole = [(folder / name).read_bytes() for name in ("tracks.json", "overlay.mp4")]
    found = []
    for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines():
        name = f"{json.loads(line)['frame']:06d}"
        mask = (folder / "masks" / f"{name}.png").read_bytes()
        found.append(Ending(name, "ok", "", _digest(line, mask, *whole)))
    return found


def _json(file: Path) -> str:
    """A file's content without times; what was never written differs from any."""
    if not file.is_file():
        return "none"
    return json.dumps(without_times(json.loads(file.read_text(encoding="utf-8"))))


def without_times(content: Any) -> Any:
    """JSON without what tells of the moment."""
    if isinstance(content, dict):
        return {k: without_times(v) for k, v in content.items() if k not in (*TIMES, "checksum")}
    return [without_times(entry) for entry in content] if isinstance(content, list) else content


def compare(
    kind: str,
    injected: int,
    names: Iterable[str],
    endings: Sequence[Ending],
    undisturbed: Sequence[Ending],
    seconds: float,
    lasting: bool = False,
) -> Row:
    """A row of the table.

    Args:
        kind: Of the faults.
        injected: How many took place.
        names: Of all pictures there are.
        endings: How they ended.
        undisturbed: How they end where nothing is injected.
        seconds: How long it took.
        lasting: Whether a picture may be degraded or fail by them. Otherwise they pass, and it has
            to end as it does undisturbed.
    """
    expected = {ending.name: ending for ending in undisturbed}
    counts = Counter(ending.name for ending in endings)
    silent = [end for end in endings if end.state != "ok" and not end.reason.strip()]
    states = Counter(ending.state for ending in endings)
    wanted = set(names)
    strange = sum(name not in wanted for name in counts)
    return Row(
        kind,
        injected,
        ok=states["ok"],
        degraded=states["degraded"],
        failed=states["failed"],
        lost=sum(name not in counts for name in wanted) + len(silent),
        repeated=sum(count - 1 for count in counts.values()) + strange,
        differing=sum(
            end != expected.get(end.name) and (end.state == "ok" or not lasting) for end in endings
        ),
        seconds=seconds,
    )


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
    return digest.hexdigest()
