"""What a language model costs on drawn scenes: cold, from a cache, behind the gate, as tie-breaker.

    python benchmarks/llm_cost.py --scenes 200 --seed 7 --vocabulary dram --json llm_cost.json

The tiny networks with the detector's own span decoding; two language models: `loopback` answers by
rules over HTTP (see loopback_llm.py), `tiny:chat` is part of the package. All rows see the same
scenes in the same order. "warm" repeats the row before it with the answers that it left on disk.
In the rows "phrases" the tagger's own words are looked for, and the model is asked only which
classes they are: about all that are none by name, about none that rules settle ("ties", a margin of
1), or never ("rules": those of `LexicalPostRefiner`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loopback_llm import NAME, serving
from rich.console import Console
from rich.table import Table

from zeroseg import LLMPostRefiner, LLMPreRefiner, OpenAIChat, TransformersChat, ZeroShotSegmenter
from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.chat_model import ChatModel
from zeroseg.data import DrawnScenes
from zeroseg.data.sample_data import SampleData
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.refinement import LexicalPostRefiner, PostRefiner, RawTags

RATE = 10_000.0
"""Requests a second; nothing is timed here."""
PHRASES = {"loopback": 32, "tiny:chat": 1}
"""Phrases to a call: the default, and what the tiny model answers well, which loses many of 12."""

MARGIN = 1
"""Steps of the thesaurus within which two classes are a tie."""
WAYS: Mapping[str, Mapping[str, Any]] = {
    "cold": {},
    "gate": {"gate": True},
    "gate with margin": {"gate": True, "margin": MARGIN},
}
"""How a pre-refiner asks."""


def asking(
    base: ZeroShotSegmenter, chat: ChatModel, name: str, cache: Path, way: str
) -> ZeroShotSegmenter:
    """The tiny networks of `base` with a language model in both places."""
    kept, tips = AnswerCache(cache), name != "tiny:chat"
    return ZeroShotSegmenter(
        base.vocabulary,
        LLMPreRefiner(chat, tips=tips, cache=kept, **WAYS[way]),
        base.detector,
        base.mask_predictor,
        base.tagger,
        base.captioner,
        LLMPostRefiner(chat, PHRASES[name], tips=tips, cache=kept),
        base.fusion,
        batch_size=base.batch_size,
    )


def naming(base: ZeroShotSegmenter, refiner: PostRefiner) -> ZeroShotSegmenter:
    """The tiny networks of `base`, asked for tags, whose classes a post-refiner finds."""
    return ZeroShotSegmenter(
        base.vocabulary,
        RawTags(),
        base.detector,
        base.mask_predictor,
        base.tagger,
        post_refiner=refiner,
        fusion=base.fusion,
        batch_size=base.batch_size,
    )


def measure(data: SampleData, chats: Mapping[str, ChatModel], folder: Path) -> list[dict[str, Any]]:
    """A row for each language model and way of asking, for the first one warm, and for rules."""
    base = ZeroShotSegmenter.from_preset("tiny", vocabulary=data.vocabulary)
    systems = {
        f"{name}, {way}": asking(base, chat, name, folder / f"{name} {way}", way)
        for name, chat in chats.items()
        for way in WAYS
    }
    first = next(iter(chats))
    warm = asking(base, chats[first], first, folder / f"{first} cold", "cold")
    ways = (("phrases", None), ("ties", MARGIN))
    named = {
        f"{name}, {way}": naming(
            base, LLMPostRefiner(chat, PHRASES[name], tips=name != "tiny:chat", margin=margin)
        )
        for name, chat in chats.items()
        for way, margin in ways
    }
    runs = [
        (systems, "once"),
        ({f"{first}, warm": warm}, "again"),
        ({**named, "rules": naming(base, LexicalPostRefiner())}, "named"),
    ]
    return [row for part, name in runs for row in _score(part, data, folder / name)]


def _score(
    systems: Mapping[str, ZeroShotSegmenter], data: SampleData, folder: Path
) -> list[dict[str, Any]]:
    runs = evaluate(systems, data, {name: folder / name for name in systems}, accelerator="cpu")
    rows = []
    for name, run in runs.items():
        system = systems[name]
        skipped = sum(getattr(p, "skipped", 0) for p in (system.pre_refiner, system.post_refiner))
        usage, images = run.results["usage"], len(run.records)
        tokens = usage["prompt_tokens"] + usage["completion_tokens"]
        rows.append(
            {
                "name": name,
                "calls_per_image": usage["calls"] / images,
                "cached_per_image": usage["cached"] / images,
                "skipped_per_image": skipped / images,
                "tokens_per_image": tokens / images,
                "unresolved_phrases": run.results["phrases"]["unresolved_before"],
                "miou": run.results["miou"],
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print the table, return its rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=int, default=256, help="sides in pixels")
    parser.add_argument("--vocabulary", default="dram")
    parser.add_argument("--no-tiny-chat", action="store_true", help="loopback alone")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(arguments)
    data = DrawnScenes(args.vocabulary, args.scenes, (args.size, args.size), args.seed)
    with serving(0.0, RATE) as address, tempfile.TemporaryDirectory() as folder:
        chats: dict[str, ChatModel] = {"loopback": OpenAIChat(NAME, base_url=address)}
        if not args.no_tiny_chat:
            chats["tiny:chat"] = TransformersChat.from_pretrained("tiny:chat")
        rows = measure(data, chats, Path(folder))
    _print(rows)
    if args.json is not None:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return rows


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table("an image", title="language model", title_justify="left")
    for title in ("calls", "cached", "settled", "tokens"):
        table.add_column(title, justify="right")
    table.add_column("mIoU %", justify="right")
    for row in rows:
        figures = (row[f"{name}_per_image"] for name in ("calls", "cached", "skipped"))
        table.add_row(
            row["name"],
            *(f"{value:.3f}" for value in figures),
            f"{row['tokens_per_image']:.0f}",
            f"{100 * row['miou']:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
