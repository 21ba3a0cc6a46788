"""What a verifier and a reviewer are worth: without them, with them, and with the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.concept_parts import build as concepts
from tests.evaluation.concept_parts import scenes as concept_scenes
from tests.evaluation.conftest import BOXES, QUIET, build, scenes
from zeroseg.chat.chat_model import Conversation
from zeroseg.evaluation.ablation import ablate
from zeroseg.evaluation.ablation_rows import rows
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.oracle import OracleSegmenter, oracle
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedChat, ScriptedDetector, ScriptedReviewer, ScriptedVerifier
from zeroseg.values import UNRESOLVED, Usage


def looking(conversation: Conversation) -> str:
    """Sees dogs and boats everywhere, and what is doubtful nowhere."""
    doubts = conversation.messages[1].content.count(". box ")
    return "\n".join(f"{n}: none" for n in range(1, doubts + 1)) or "dog, boat"


def full(chat: ScriptedChat | None = None, **changes: Any) -> ZeroShotSegmenter:
    chat = chat or ScriptedChat(looking)
    parts = {
        "pre_refiner": AllClasses(),
        "verifier": VisionVerifier(chat, retries=0),
        "reviewer": VisionReviewer(chat, band=(0.0, 0.6), retries=0),
        "detector": ScriptedDetector(BOXES),
        "tagger": None,
        "captioner": None,
        "post_refiner": None,
    }
    return build(**{**parts, **changes})


def names(system: ZeroShotSegmenter) -> list[str]:
    return [row.name for row in rows(system, "none")[0] if row.group == "table" and row.system]


def test_rows_follow_from_what_the_system_has() -> None:
    told = ["without verification", "without review", "ground-truth verification"]
    assert names(full()) == ["full", *told]
    assert names(full(verifier=None)) == ["full", "without review", "ground-truth labels"]
    chosen = names(build(verifier=ScriptedVerifier({"dog": 0.9})))
    assert chosen[-2:] == ["ground-truth verification", "ground-truth labels"]
    seen = names(concepts(verifier=ScriptedVerifier({"dog": 0.9})))
    assert seen[-2:] == ["ground-truth verification", "ground-truth presence"]
    assert not {*told} & {*names(build())}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int, ScriptedChat]:
    """The lines of an ablation by name, what chat models were asked, and the one asked."""
    usage = Usage(calls=1, prompt_tokens=7, completion_tokens=2, cost=0.5)
    chat = ScriptedChat(looking, usage)
    report = ablate(full(chat), scenes(4), tmp_path_factory.mktemp("rows"), "none", **QUIET)
    return {line["name"]: line for line in report.to_dict()}, report.asked, chat


def test_none_the_given_one_and_the_truth(table: Any, tmp_path: Path) -> None:
    line, _, _ = table
    systems = {
        "without verification": full(verifier=None),
        "without review": full(reviewer=None),
        "full": full(),
    }
    runs = evaluate(systems, scenes(4), {name: tmp_path / name for name in systems}, **QUIET)
    for name, run in runs.items():
        assert line[name]["iou"] == run.results["iou"], name
    assert line["without verification"]["miou"] != line["full"]["miou"]
    assert line["without review"]["miou"] != line["full"]["miou"]
    truth = OracleSegmenter(full(), ["verification"])
    results = evaluate({"it": truth}, scenes(4), {"it": tmp_path / "it"}, **QUIET)["it"].results
    assert line["ground-truth verification"]["miou"] == results["miou"]
    presence = results["presence"]
    assert presence["verified"]["f1"] == 1
    assert presence["selected"]["precision"] < 1 == presence["selected"]["recall"]


def test_each_row_is_charged_alone_and_asks_nothing_twice(table: Any) -> None:
    line, asked, chat = table
    assert asked == len(chat.asked) == len({own.messages for own in chat.asked})
    both = line["full"]["calls"]
    assert line["without review"]["calls"] == 4
    assert line["without verification"]["calls"] + 4 >= both > 4
    assert line["ground-truth verification"]["calls"] <= 4
    assert line["full"]["cost"] == both * 0.5


def test_the_truth_has_no_say_where_nothing_verifies() -> None:
    with pytest.raises(ValueError, match="without a verifier"):
        OracleSegmenter(build(), ["verification"])


@pytest.mark.parametrize("pixels", [False, True])
def test_the_waterfall_begins_with_verification_and_ends_in_the_truth(
    pixels: bool, tmp_path: Path
) -> None:
    blind = ScriptedReviewer({1: UNRESOLVED})  # takes away every dog, or all that is the sky
    if pixels:
        system, data = concepts(reviewer=blind), concept_scenes()
        system.verifier = ScriptedVerifier({"grass": 0.9, "dog": 0.9, "car": 0.5})
    else:
        system, data = full(reviewer=blind), scenes(4)
    report = oracle(system, data, tmp_path, **QUIET)
    steps = list(report.steps)
    assert steps[:2] == ["measured", "verification"]
    assert report.steps["verification"] != report.steps["measured"]
    assert report.to_dict()["steps"][1]["makes_good"] == "verification"
    assert report.steps[steps[-2]] == pytest.approx(report.steps["perfect"])
    with_boxes = OracleSegmenter(system, ["verification", "boxes"])
    assert "review" not in [stage.name for stage in with_boxes.stages]
    told = OracleSegmenter(system, ["verification"])
    assert "review" in [stage.name for stage in told.stages]
