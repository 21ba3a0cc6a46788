"""What is missing is found before anything is built or fetched, and all of it is said."""

from __future__ import annotations

import warnings
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.chat.server import offering, refusal, serving
from tests.hub.server import Hub, Repository
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.errors import PresetError
from zeroseg.preflight import Examination, examine, machine, require
from zeroseg.preflight.bundle import Bundle
from zeroseg.preflight.components import places
from zeroseg.preflight.known import known
from zeroseg.preflight.language import with_language_model
from zeroseg.presets import load_preset, load_yaml

Usage = namedtuple("Usage", "total used free")
SAM = "somebody/sam"
CHAT = {"class_path": "zeroseg.chat.openai_chat.OpenAIChat"}
NETWORK = {"config.json": b"{}", "preprocessor_config.json": b"{}", "model.safetensors": b"w" * 99}


def sam(checkpoint: str | Path = SAM) -> dict[str, Any]:
    init_args = {"checkpoint": str(checkpoint)}
    return {"class_path": "zeroseg.masking.sam.Sam", "init_args": init_args}


def refiners(**init_args: Any) -> dict[str, Any]:
    chat = {**CHAT, "init_args": init_args}
    paths = {
        part: f"zeroseg.refinement.llm_{part}_refiner.LLM{part.title()}Refiner"
        for part in ("pre", "post")
    }
    return {
        f"{part}_refiner": {"class_path": path, "init_args": {"chat": chat}}
        for part, path in paths.items()
    }


@contextmanager
def server(*names: str, **dates: str) -> Iterator[str]:
    """A server that offers some models, with the days of their shutdown; yields its address."""
    unknown = refusal(404, "The model does not exist", code="model_not_found")
    with serving([unknown]) as running:
        running.models = offering(*names, **dates)
        yield running.address


def states(examination: Examination, topic: str) -> list[str]:
    return [finding.state for finding in examination.findings if finding.topic == topic]


def test_everything_that_is_missing_is_one_message(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zeroseg.preflight.installed", lambda module: False)
    hub.repositories["meta/gated"] = Repository(NETWORK, gated=True)
    official = {
        "class_path": "zeroseg.masking.official_sam.OfficialSam",
        "init_args": {"checkpoint": "gone.pth"},
    }
    config = {
        **refiners(),
        "mask_predictor": official,
        "detector": {
            "class_path": "zeroseg.detection.grounding_dino.GroundingDino",
            "init_args": {"checkpoint": "meta/gated"},
        },
        "captioner": {
            "class_path": "zeroseg.recognition.blip2.Blip2",
            "init_args": {"checkpoint": "nobody/blip", "dtype": "int8"},
        },
    }
    with pytest.raises(PresetError, match="missing here") as caught:
        require(examine(config))
    for said in (
        "pre_refiner.chat and post_refiner.chat",
        "OPENAI_API_KEY",
        "package segment_anything",
        'pip install "zeroseg[official]"',
        "package bitsandbytes",
        'pip install "zeroseg[int8]"',
        "'gone.pth': there is no such file or folder",
        f"accept the licence at {hub.address}/meta/gated",
        f"there is no {hub.address}/nobody/blip",
    ):
        assert said in str(caught.value)
    assert not hub.downloads()


@pytest.mark.parametrize(
    "path",
    ["detector/zeroseg.detection.Sam3", "mask_predictor/zeroseg.masking.Sam3Tracker"],
)
def test_the_step_that_sam_3_takes_is_explained(path: str, hub: Hub) -> None:
    hub.repositories["facebook/sam3"] = Repository(NETWORK, gated=True)
    slot, class_path = path.split("/")
    [problem] = examine({slot: {"class_path": class_path}}).problems
    assert f"accept the licence at {hub.address}/facebook/sam3 and set HF_TOKEN" in problem
    assert known("facebook/sam3").gated and known("facebook/sam3").licence == "SAM License"
    assert not hub.downloads()


def test_what_the_hub_has_is_no_problem_and_is_not_fetched(hub: Hub) -> None:
    hub.repositories[SAM] = Repository(NETWORK)
    found = examine({"mask_predictor": sam()})
    assert found.problems == []
    [checkpoint] = [f for f in found.findings if f.topic == "checkpoint"]
    assert "103 bytes to fetch" in checkpoint.says
    assert not hub.downloads()


def test_what_is_whole_on_this_machine_needs_no_hub(hub: Hub, tmp_path: Path) -> None:
    for name, content in NETWORK.items():
        (tmp_path / name).write_bytes(content)
    found = examine({"mask_predictor": sam(tmp_path), "tagger": load_preset("tiny")["tagger"]})
    assert states(found, "checkpoint") == ["ok", "ok"]
    (tmp_path / "model.safetensors").unlink()
    [problem] = examine({"mask_predictor": sam(tmp_path)}).problems
    assert f"the folder {tmp_path} lacks model.safetensors" in problem
    assert not hub.requests


def test_a_disk_without_room(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories[SAM] = Repository(NETWORK)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(100, 50, 50))
    [problem] = examine({"mask_predictor": sam()}).problems
    assert "50 bytes free, 103 bytes to fetch: free some" in problem


def test_memory_is_a_warning(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"mask_predictor": sam("tiny:sam")}
    cpu = torch.device("cpu")
    assert states(examine(config, cpu), "memory") == ["ok"]
    monkeypatch.setattr(machine, "available_memory", lambda: 1000)
    examination = examine(config, cpu)
    assert states(examination, "memory") == ["warning"]
    assert require(examination) == config
    assert states(examine(config), "memory") == []


def test_weights_that_only_visit_a_device_take_the_room_of_the_largest(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda device: 6_000_000_000)
    monkeypatch.setattr(machine, "available_memory", lambda: 16_000_000_000)
    device = torch.device("cuda")

    def said(name: str) -> list[str]:
        content = {k: v for k, v in load_preset(name).items() if "refiner" not in k}
        return [f.says for f in examine(content, device).findings if f.topic == "memory"]

    [large] = said("large")
    assert large.startswith("the weights take about 6.7 GB, 6.0 GB are free: close other")
    on_device, on_host = said("large-low-memory")
    assert on_device == "the weights take about 3.1 GB, 6.0 GB are free"
    assert on_host == "the weights take about 6.7 GB, 16.0 GB are free"


def test_the_model_that_a_server_offers_is_named_in_what_is_recorded() -> None:
    with server("one") as address:
        examination = examine(refiners(base_url=address))
        config = require(examination)
    for part in ("pre_refiner", "post_refiner"):
        assert config[part]["init_args"]["chat"]["init_args"]["model"] == "one"
    assert examination.asked == [f"one at {address}"]


def test_an_unknown_model_lists_what_there_is_and_a_shutdown_is_a_warning() -> None:
    with server("two", one="2099-01-01") as address:
        [problem] = examine(refiners(base_url=address, model="three")).problems
        assert "three" in problem and "one" in problem and "two" in problem
        examination = examine(refiners(base_url=address, model="one"))
    assert examination.problems == []
    [warning] = examination.warnings
    assert "2099-01-01" in warning and "two" in warning


def test_a_server_out_of_reach_may_not_be_needed_where_answers_are_kept() -> None:
    config = refiners(base_url="http://127.0.0.1:1/v1", model="one", backoff=0.0)
    [problem] = examine(config).problems
    assert "http://127.0.0.1:1/v1" in problem
    kept = examine(config, answers_kept=True)
    assert kept.problems == [] and problem in kept.warnings
    unnamed = refiners(base_url="http://127.0.0.1:1/v1", backoff=0.0)
    assert examine(unnamed, answers_kept=True).problems  # what its answers are kept under is open


def test_one_name_replaces_every_language_model() -> None:
    with server("one", "mine") as address:
        changed = with_language_model(refiners(model="other"), "mine", address)
        examination = examine(changed)
    assert examination.asked == [f"mine at {address}"]
    with pytest.raises(PresetError, match="--llm"):
        with_language_model(load_preset("tiny-llm"), "mine", None)
    assert with_language_model(load_preset("tiny"), None, None) == load_preset("tiny")


def test_the_environment_names_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with server("one", "mine") as address:
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        monkeypatch.setenv("ZEROSEG_LLM", "mine")
        assert examine(refiners()).asked == [f"mine at {address}"]


def test_building_looks_first_and_warns(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    content = load_preset("tiny")
    content["mask_predictor"] = sam()
    with pytest.raises(PresetError, match=f"there is no {hub.address}/{SAM}"):
        BaseSegmenter.from_config(content)
    with server(one="2099-01-01") as address, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        chats = with_language_model({**content, **refiners()}, None, address)
        chats["mask_predictor"] = load_preset("tiny")["mask_predictor"]
        config = BaseSegmenter.from_config(chats).config
    assert any("2099-01-01" in str(warning.message) for warning in said)
    assert config is not None
    chat = config["pre_refiner"]["init_args"]["chat"]["init_args"]
    assert chat == {"base_url": address, "model": "one"}


class Own:
    """A component that does not say what it needs."""

    def __init__(self, weights: str = "somewhere") -> None:
        self.weights = weights


def test_a_component_that_says_nothing_is_not_looked_into() -> None:
    config = {"fusion": {"class_path": f"{__name__}.Own"}, "tagger": {"class_path": "no.where"}}
    assert [(place.name, place.known) for place in places(config)] == [("fusion", False)]
    assert examine(config).findings == ()


def test_paths_of_a_file_are_meant_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "sam").mkdir()
    file = tmp_path / "mine.yaml"
    file.write_text("a: {checkpoint: ./sam}\nb: [./gone, sam, ../x]\n")
    content = load_yaml(file)
    assert content == {"a": {"checkpoint": str(tmp_path / "sam")}, "b": ["./gone", "sam", "../x"]}


def verifier(thresholds: Path) -> dict[str, Any]:
    return {
        "class_path": "zeroseg.refinement.EncoderVerifier",
        "init_args": {"checkpoint": "tiny:sam3", "thresholds": str(thresholds)},
    }


def test_a_file_of_the_users_own_is_looked_for_and_carried(tmp_path: Path) -> None:
    file = tmp_path / "own" / "presence.yaml"
    [problem] = examine({"verifier": verifier(file)}).problems
    assert f"verifier: file {file}: not here: make one by zeroseg calibrate" in problem
    file.parent.mkdir()
    file.write_text("presence: {}\n")
    assert examine({"verifier": verifier(file)}).problems == []
    target = tmp_path / "stick"
    target.mkdir()
    config: dict[str, Any] = {"verifier": verifier(file)}
    for _ in range(2):  # also from there to there
        config = load_yaml(Bundle.of(config, target).write("mine"))
        assert config["verifier"]["init_args"]["thresholds"] == str(target / "presence.yaml")
        assert (target / "presence.yaml").read_text() == "presence: {}\n"
