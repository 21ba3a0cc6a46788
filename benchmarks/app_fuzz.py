"""Requests to the app that schemathesis makes of the API's own description, right and wrong ones.

    python benchmarks/app_fuzz.py --examples 500

`zeroseg app` runs as a process of its own, with pictures and two folders of results. Every
operation of its /openapi.json is asked: the bounds of its parameters and methods that it does not
know (coverage), that many random requests (fuzzing), and chains of operations where one answers
what another asks for (stateful). Pictures that are sent are whole, cut short, or none.

What counts as a failure: a status of 500 or more, a status, content type or body that the
description does not have, a wrong request that is accepted, a method that is not refused. A request
that the description allows may still be refused with 404, 409, 413 or 422: a list of classes or a
picture may be none, or a review be another one by now, which no schema can say.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import schemathesis
import torch
from app_load import scenes, serving
from hypothesis import strategies as st
from PIL import Image
from schemathesis import Config
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from zeroseg import Segmentation, Vocabulary
from zeroseg.images import read_image

_ALLOWED = ["2xx", "404", "409", "413", "422"]


@dataclass
class Fuzzed:
    """What came of it.

    Attributes:
        requests: How many, by phase.
        statuses: How often each was answered, by operation.
        failures: What is wrong, each with a request that shows it.
    """

    requests: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, phase: str, told: ScenarioRecorder) -> None:
        """Count what one round of requests of an operation met."""
        self.requests[phase] += len(told.interactions)
        for key, met in told.interactions.items():
            operation = told.cases[key].value.operation.label
            status = met.response.status_code if met.response is not None else 0
            self.statuses.setdefault(operation, Counter())[status] += 1
        for check in (check for checks in told.checks.values() for check in checks):
            if check.failure_info is not None:
                said = f"{told.label}: {check.name}: {check.failure_info.failure}"
                self.failures.setdefault(said, check.failure_info.code_sample)


def pictures() -> list[bytes]:
    """Whole ones of several sizes and formats, ones that are cut short, and none."""
    whole = []
    for size, kind in (((40, 32), "PNG"), ((9, 64), "JPEG"), ((1, 1), "PNG"), ((33, 33), "WEBP")):
        file = io.BytesIO()
        Image.new("RGB", size, "teal").save(file, kind)
        whole.append(file.getvalue())
    return [*whole, whole[0][:50], whole[1][:-20], b"", b"GIF89a"]


def fuzz(address: str, examples: int, seed: int = 0, only: str = "") -> Fuzzed:
    """Ask a server whatever its description allows, and what it does not.

    Args:
        address: Of a server without a token.
        examples: Random requests of each operation, at most.
        seed: Of the requests.
        only: What the paths of the operations have to match, a regular expression; all do without.
    """
    schemathesis.openapi.media_type("image/png", st.sampled_from(pictures()))
    content = {
        "seed": seed,
        "checks": {"positive_data_acceptance": {"expected-statuses": _ALLOWED}},
        "generation": {"deterministic": True, "database": "none", "max-examples": examples},
        "phases": {"stateful": {"max-steps": 4}},
    }
    config = Config.from_dict(content)
    schema = schemathesis.openapi.from_url(f"{address}openapi.json", config=config)
    found = Fuzzed()
    for event in from_schema(schema.include(path_regex=only) if only else schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found.add(event.phase.value, event.recorder)
        elif isinstance(event, events.NonFatalError):
            found.failures.setdefault(f"{event.label}: {event.value}", "")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return found


def make_results(folder: Path, shift: int) -> None:
    """Results of three scenes, half dog and half boat, moved by some pixels."""
    vocabulary = Vocabulary.from_names(["background", "dog", "boat"])
    for number, content in enumerate(scenes(3, 48)):
        labels = torch.arange(48).roll(shift).div(24, rounding_mode="floor").expand(48, 48) + 1
        result = Segmentation(labels, vocabulary, read_image(content), f"{number}.png")
        result.save(folder / str(number))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=100, help="of each operation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="paths, as a regular expression")
    parser.add_argument("--model", default="tiny", help="a preset or model (default: tiny)")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        shown, folders = Path(place) / "pictures", [Path(place) / "a", Path(place) / "b"]
        shown.mkdir()
        for number, content in enumerate(scenes(3, 48)):
            (shown / f"{number}.png").write_bytes(content)
        for shift, folder in enumerate(folders):
            make_results(folder, 5 * shift)
        options = [f"--results={folder}" for folder in folders]
        with serving(args.model, f"--pictures={shown}", *options) as (address, _):
            start = time.perf_counter()
            found = fuzz(address, args.examples, args.seed, args.only)
    _say(found, time.perf_counter() - start)
    if args.json:
        args.json.write_text(json.dumps(vars(found), indent=2) + "\n", encoding="utf-8")
    return 1 if found.failures else 0


def _say(found: Fuzzed, seconds: float) -> None:
    for operation, statuses in sorted(found.statuses.items()):
        shown = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        print(f"{operation}: {shown}")
    for said, request in found.failures.items():
        print(f"FAILED {re.sub(chr(10) + '+', ' | ', said)}\n    {request}")
    phases = ", ".join(f"{phase} {count}" for phase, count in found.requests.items() if count)
    total = found.requests.total()
    print(f"{total} requests in {seconds:.0f} s ({phases}); {len(found.failures)} failures")


if __name__ == "__main__":
    sys.exit(main())
