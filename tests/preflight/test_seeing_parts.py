"""Models that see in a configuration: found before any work, named, built and written back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chat.server import Response, answer, offering, serving
from tests.small_checkpoints import write
from zeroseg.errors import PresetError
from zeroseg.preflight import examine, hub
from zeroseg.preflight.components import places
from zeroseg.preflight.hub import Remote
from zeroseg.preflight.language import with_language_model
from zeroseg.preflight.wanted import wanted_here
from zeroseg.presets import load_preset
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import blank

LOCAL = {
    "class_path": "zeroseg.chat.TransformersChat",
    "init_args": {"checkpoint": "somebody/sees"},
}


def seeing(chat: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The tiny system between a verifier and a reviewer that ask `chat`."""
    verifier = {"class_path": "zeroseg.refinement.VisionVerifier", "init_args": {"chat": chat}}
    reviewer = {
        "class_path": "zeroseg.refinement.VisionReviewer",
        "init_args": {"chat": chat, "band": [0.1, 0.9], "longest_side": 512},
    }
    words = {"tagger": None, "captioner": None}
    looks = {"verifier": verifier, "reviewer": reviewer}
    return {**load_preset("tiny"), **words, **looks, **changes}


def test_a_server_that_is_asked_is_looked_for_and_named() -> None:
    with serving([answer("none")]) as server:
        server.models = offering("sees")
        arguments = {"base_url": server.address}
        config = seeing({"class_path": "zeroseg.chat.OpenAIChat", "init_args": arguments})
        told = examine(config)
        assert told.problems == []
        assert told.asked == [f"sees at {server.address}"]
        segmenter = ZeroShotSegmenter.from_config(config)
        assert segmenter.segment(blank(64, 64)).trace.usage.calls <= 2
    named = with_language_model(config, "other", None)
    for part in ("verifier", "reviewer"):
        assert named[part]["init_args"]["chat"]["init_args"]["model"] == "other"


@pytest.mark.parametrize("sees", [None, True, False])
def test_a_server_is_asked_whether_its_model_takes_pictures(sees: bool | None) -> None:
    told = {} if sees is None else {"capabilities": {"vision": sees}}
    other = {"id": "other", "capabilities": {"vision": True}}
    offers = json.dumps({"data": [{"id": "m", **told}, other]})
    with serving([answer("none")]) as server:
        server.models = Response(body=offers)
        chat = {"class_path": "zeroseg.chat.OpenAIChat"}
        chat["init_args"] = {"base_url": server.address, "model": "m"}
        examination = examine(seeing(chat))
        unseen = {"class_path": "zeroseg.refinement.LLMPreRefiner", "init_args": {"chat": chat}}
        blind = examine({**load_preset("tiny"), "pre_refiner": unseen})
    assert examination.problems == []
    said = [own for own in examination.warnings if "reads text only" in own]
    assert len(said) == (sees is False)
    assert all("such as other" in own for own in said)
    assert blind.warnings == []  # it is shown none


@pytest.mark.parametrize("kind", ["chat", "seeing_chat", "damaged"])
def test_a_checkpoint_that_reads_text_only_is_found_beforehand(kind: str, tmp_path: Path) -> None:
    folder = write("chat" if kind == "damaged" else kind, tmp_path / "here")
    if kind == "damaged":
        (folder / "config.json").write_text("{")
    chat = {**LOCAL, "init_args": {"checkpoint": str(folder)}}
    examination = examine(seeing(chat))
    found = [own for own in examination.findings if own.topic == "sight"]
    assert [own.state for own in found] == {
        "chat": ["problem"] * 2,
        "seeing_chat": ["ok"] * 2,
        "damaged": [],
    }[kind]
    assert len(examination.problems) == (kind == "chat")
    assert all("take a checkpoint for images and text" in own for own in examination.problems)
    unseen = {"class_path": "zeroseg.refinement.LLMPreRefiner", "init_args": {"chat": chat}}
    asked = examine({**load_preset("tiny"), "pre_refiner": unseen})
    assert [own for own in asked.findings if own.topic == "sight"] == []


@pytest.mark.parametrize(
    ("config", "state"),
    [
        ({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, "problem"),
        ({"architectures": ["Qwen2_5_VLForConditionalGeneration"]}, "ok"),
        ({"model_type": "llava"}, "ok"),
        ({}, None),  # the hub tells nothing
    ],
)
def test_what_the_hub_tells_of_a_checkpoint_that_is_not_here(
    config: dict[str, Any], state: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Remote("somebody/sees", "model", "0" * 40, (), "mit", False, config)
    monkeypatch.setattr(hub, "ask", lambda checkpoint: told)
    found = [own.state for own in examine(seeing(LOCAL)).findings if own.topic == "sight"]
    assert found == ([] if state is None else [state] * 2)


def test_a_checkpoint_that_is_needed_is_wanted_once_and_offloaded_with_its_part() -> None:
    config = seeing(LOCAL)
    [wanted] = [own for own in wanted_here(list(places(config))) if "sees" in own.subject]
    assert wanted.subject == "verifier.chat and reviewer.chat: checkpoint 'somebody/sees'"
    assert not wanted.visits
    for part, kind in (("verifier", "verifier"), ("reviewer", "reviewer")):
        path = f"zeroseg.refinement.{kind}.offload_{kind}"
        config[part] = {"class_path": path, "init_args": {"part": config[part]}}
    [wanted] = [own for own in wanted_here(list(places(config))) if "sees" in own.subject]
    assert wanted.visits


def test_a_file_says_what_was_built(tmp_path: Path) -> None:
    config = seeing({"class_path": "zeroseg.chat.OpenAIChat", "init_args": {"model": "m"}})
    with serving([answer("none")]) as server:
        server.models = offering("m")
        for part in ("verifier", "reviewer"):
            config[part]["init_args"]["chat"]["init_args"]["base_url"] = server.address
        segmenter = ZeroShotSegmenter.from_config(config)
        segmenter.to_yaml(tmp_path / "mine.yaml")
        again = ZeroShotSegmenter.from_yaml(tmp_path / "mine.yaml")
    assert isinstance(again.verifier, VisionVerifier)
    assert isinstance(again.reviewer, VisionReviewer)
    assert (again.reviewer.band, again.reviewer.longest_side) == ((0.1, 0.9), 512)
    again.reviewer.most = 3
    assert again.config is not None
    assert again.config["reviewer"]["init_args"]["most"] == 3


def test_what_stands_in_the_wrong_place_is_refused_before_anything_is_built() -> None:
    config = seeing(LOCAL)
    for part, other in (("verifier", "reviewer"), ("reviewer", "verifier")):
        with pytest.raises(PresetError, match=part.title()):
            ZeroShotSegmenter.from_config({**load_preset("tiny"), part: config[other]})
