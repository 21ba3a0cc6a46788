"""The ablation: every row, what rows share, and what the table says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.conftest import BOXES, CLASSES, QUIET, build, scenes
from zeroseg.chat.chat_model import Conversation
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.evaluation.ablation import ablate, finding_of
from zeroseg.evaluation.ablation_rows import SAMPLERS, rows
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.published import paper_results
from zeroseg.evaluation.variants import Variants
from zeroseg.masking.sam import Sam
from zeroseg.presets import load_preset
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedChat, ScriptedDetector
from zeroseg.values import Tag, Usage

PAPER_ROWS = [
    "full",
    "without captions",
    "without pre-refinement",
    "without post-refinement",
    "without points",
    "without all",
    "other chat model",
    "ground-truth labels",
]


def tiny(**changes: Any) -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", vocabulary="dram", **changes)


class Counting(Tagger):
    """Names a puppy and counts the images."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        self.seen += len(images)
        return [(Tag("puppy", 0.9),) for _ in images]


def answer(conversation: Conversation) -> str:
    """Finds a dog in everything, and takes every phrase for a dog."""
    asked = conversation.messages[-1].content
    return "1: dog" if asked.rstrip().endswith("puppy") or "1." in asked else "dog"


def test_every_row_of_the_paper_and_the_sweep(tmp_path: Path) -> None:
    data = DrawnScenes("dram", count=2, size=(64, 64), seed=5, batch_size=2)
    report = ablate(tiny(), data, tmp_path, "no other", counts=(1, 3), **QUIET)
    lines = report.to_dict()
    names = [line["name"] for line in lines]
    assert names[:8] == PAPER_ROWS
    assert "all classes prompted" in names
    sweep = {f"{n}, {s}" for n in ("1 point", "3 points") for s in SAMPLERS}
    assert sweep <= set(names)
    assert len(set(names)) == len(names)
    [other] = [line for line in lines if line["name"] == "other chat model"]
    assert other["miou"] is None
    assert other["not_run"] == "no other"
    for line in lines:
        if line is other:
            continue
        assert 0 < line["miou"] <= 1
        assert set(line["iou"]) == set(data.vocabulary.names)
        assert {"presence_f1", "calls", "cost", "time"} <= set(line)
        assert line["time"] > 0
    assert (tmp_path / "rows" / "without-points" / "report.html").is_file()


def test_a_row_scores_as_its_system_alone(tmp_path: Path) -> None:
    data = DrawnScenes("dram", count=2, size=(96, 96), seed=5, batch_size=2)
    report = ablate(tiny(), data, tmp_path / "all", "no other", counts=(2,), **QUIET)
    line = {line["name"]: line for line in report.to_dict()}
    predictor = Sam.from_pretrained("tiny:sam", point_sampler=None)
    for name, system in {
        "without captions": tiny(captioner=None),
        "without points": tiny(mask_predictor=predictor),
        "2 points, query centres": tiny(
            mask_predictor=Sam.from_pretrained(
                "tiny:sam", point_sampler=SAMPLERS["query centres"](2)
            )
        ),
    }.items():
        alone = evaluate({"it": system}, data, {"it": tmp_path / name}, **QUIET)["it"]
        assert line[name]["iou"] == alone.results["iou"], name


def test_rows_share_what_they_have_in_common(tmp_path: Path) -> None:
    tagger = Counting()
    chat = ScriptedChat(answer, Usage(calls=1, prompt_tokens=7, completion_tokens=2, cost=0.5))
    full = build(
        tagger=tagger,
        pre_refiner=LLMPreRefiner(chat, retries=0),
        post_refiner=LLMPostRefiner(chat, retries=0),
    )
    report = ablate(full, scenes(4), tmp_path, "no other", **QUIET)
    line = {line["name"]: line for line in report.to_dict()}
    assert tagger.seen == 4
    # All pictures are described alike: with the caption, without it, and a phrase to resolve.
    assert report.asked == len(chat.asked) == 3
    # A row is charged what it would have cost alone.
    assert line["full"]["calls"] == 4
    assert line["full"]["cost"] == 2.0
    assert line["without post-refinement"]["calls"] == 4
    assert line["without pre-refinement"]["calls"] == 1
    assert line["ground-truth labels"]["calls"] == 0
    assert line["without points"]["miou"] is None  # boxes as masks take no points


def test_another_chat_model_answers_in_its_own_row(tmp_path: Path) -> None:
    def refiners(label: str) -> tuple[LLMPreRefiner, LLMPostRefiner]:
        chat = ScriptedChat([label])
        return LLMPreRefiner(chat, retries=0), LLMPostRefiner(chat, retries=0)

    pre, post = refiners("dog")
    full = build(pre_refiner=pre, post_refiner=post)
    report = ablate(full, scenes(3), tmp_path, (*refiners("boat"), {}), **QUIET)
    line = {line["name"]: line for line in report.to_dict()}
    boats = evaluate(
        {"it": build(pre_refiner=refiners("boat")[0])}, scenes(3), {"it": tmp_path / "x"}, **QUIET
    )["it"]
    assert line["other chat model"]["iou"] == boats.results["iou"]
    assert line["other chat model"]["iou"] != line["full"]["iou"]


def test_differences_and_findings_say_what_was_measured(tmp_path: Path) -> None:
    report = ablate(build(), scenes(6), tmp_path, "no other", **QUIET)
    line = {line.row.name: line for line in report.lines}
    full, row = line["full"].run, line["without captions"]
    assert full is not None
    assert row.run is not None
    assert row.difference is not None
    assert row.agreement is not None
    gap = row.run.results["miou"] - full.results["miou"]
    assert row.difference.value == pytest.approx(gap, abs=1e-12)
    assert row.difference.low <= gap <= row.difference.high
    changed = gained = lost = pixels = 0
    for item in map(scenes(6).dataset.__getitem__, range(6)):
        one = build().segment(item.image).label_map
        other = build(captioner=None).segment(item.image).label_map
        assert item.target is not None
        differ = one != other
        changed += int(differ.sum())
        gained += int((differ & (other == item.target)).sum())
        lost += int((differ & (one == item.target)).sum())
        pixels += item.target.numel()
    assert changed > 0
    assert row.agreement.changed == pytest.approx(changed / pixels)
    assert row.agreement.gained == pytest.approx(gained / pixels)
    assert row.agreement.lost == pytest.approx(lost / pixels)
    runs = {name: entry.run for name, entry in line.items() if entry.run is not None}
    untouched = finding_of(line["without post-refinement"], runs)
    assert "no difference to be told" in untouched
    assert "it was never asked" in untouched
    worth = runs["without pre-refinement"].results["miou"]
    worth -= runs["without pre- and post-refinement"].results["miou"]
    assert worth != 0
    assert f"post-refinement is worth {100 * worth:+.2f} points" in untouched


def test_the_published_figures_are_those_of_the_paper() -> None:
    sets = ("dram", "voc2012", "cityscapes", "coco81")
    assert [paper_results(data)["full"] for data in sets] == [
        62.01, 63.57, 34.36, 37.45,
    ]  # fmt: skip
    assert set(PAPER_ROWS) <= set(paper_results("dram"))
    assert paper_results("drawn") == {}


def test_variants_do_not_touch_the_system_they_are_made_from() -> None:
    chat = ScriptedChat(["dog"])
    full = build(pre_refiner=LLMPreRefiner(chat), post_refiner=LLMPostRefiner(chat))
    before = {name: id(part) for name, part in full.named_children()}
    table, shared = rows(full, "none")
    assert {name: id(part) for name, part in full.named_children()} == before
    assert full.pre_refiner.chat is chat  # type: ignore[attr-defined]
    assert shared.asked == 0
    assert table[0].system is not full
    pointed = tiny()
    sampler = pointed.mask_predictor.point_sampler
    rows(pointed, "none")
    assert pointed.mask_predictor.point_sampler is sampler
    assert sampler is not None


def test_rows_of_detectors_of_ones_own_need_no_prompted_decoding() -> None:
    table, _ = rows(build(detector=ScriptedDetector(BOXES)), "none")
    assert not any(row.name.startswith("phrases") for row in table)
    made = Variants(build()).make(captioner=None)
    assert made.captioner is None
    assert made.vocabulary == CLASSES
    assert torch.equal(
        made.segment(scenes(1).dataset[0].image).label_map[:24, :32].unique(), torch.tensor([1])
    )


def test_offloaded_components_have_all_rows() -> None:
    config = load_preset("tiny")
    wrapped = dict(config)
    folders = {
        "tagger": "recognition",
        "captioner": "recognition",
        "detector": "detection",
        "mask_predictor": "masking",
    }
    for slot, folder in folders.items():
        path = f"zeroseg.{folder}.{slot}.offload_{slot}"
        wrapped[slot] = {"class_path": path, "init_args": {"part": config[slot]}}
    plain, _ = rows(ZeroShotSegmenter.from_config(config), "no other", (1,))
    other, _ = rows(ZeroShotSegmenter.from_config(wrapped), "no other", (1,))
    assert [row.name for row in other] == [row.name for row in plain]
    assert [row.reason for row in other] == [row.reason for row in plain]
    by_name = {row.name: row.system for row in other}
    unpointed, phrases = by_name["without points"], by_name["phrases"]
    assert isinstance(unpointed, ZeroShotSegmenter) and isinstance(phrases, ZeroShotSegmenter)
    assert isinstance(unpointed.mask_predictor, Sam)
    assert unpointed.mask_predictor.point_sampler is None
    assert all(hasattr(row.mask_predictor, "place") for row in (unpointed, phrases))
    assert unpointed.config is not None and phrases.config is not None
    inside = unpointed.config["mask_predictor"]["init_args"]["part"]["init_args"]
    assert inside["point_sampler"] is None
    told = phrases.config["detector"]["init_args"]["part"]["init_args"]["decoding"]
    assert told == phrases.detector.decoding == "phrases"
