"""Presets and files: the same segmenter again, and mistakes refused before anything is built."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.chat.server import answer, serving
from tests.small_checkpoints import leaves, small_preset
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.detection.detector import Detector
from zeroseg.errors import PresetError, VocabularyError
from zeroseg.preflight.known import known
from zeroseg.preflight.language import with_language_model
from zeroseg.presets import STANDS_IN, load_model, load_preset, preset_names
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector, ScriptedTagger, blank, noise
from zeroseg.values import Detections
from zeroseg.vocabularies import DRAM

BUILT: list[str] = []
"""What was constructed."""


class Counts(ScriptedDetector):
    """A detector that tells when it is built."""

    def __init__(self, boxes: dict[str, list[float]], threshold: float = 0.5) -> None:
        super().__init__(boxes)  # type: ignore[arg-type]
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold {threshold} is not in [0, 1]")
        BUILT.append("detector")


def make_detector(scale: float = 0.5) -> Detector:
    """A builder function serves as well as a class."""
    return ScriptedDetector({"dog": [0, 0, scale, scale]})


class Breaks(ScriptedDetector):
    """A detector that cannot be built."""

    def __init__(self, error: str) -> None:
        raise {"OSError": OSError, "KeyError": KeyError, "RuntimeError": RuntimeError}[error]("no")


@pytest.mark.parametrize("error", ["OSError", "KeyError", "RuntimeError"])
def test_whatever_a_constructor_raises_is_told(error: str) -> None:
    broken = {"class_path": f"{__name__}.Breaks", "init_args": {"error": error}}
    with pytest.raises(PresetError, match=f"detector: {error}: '?no"):
        ZeroShotSegmenter.from_config(config(detector=broken))


def config(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "vocabulary": ["background", "dog", "boat"],
        "pre_refiner": {"class_path": "zeroseg.refinement.all_classes.AllClasses"},
        "detector": {
            "class_path": f"{__name__}.Counts",
            "init_args": {"boxes": {"dog": [0, 0, 0.5, 0.5]}},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
    }
    return {**content, **changes}


def test_yaml_gives_the_same_segmenter_again(tmp_path: Path) -> None:
    first = ZeroShotSegmenter.from_config(config(), vocabulary=DRAM, batch_size=3)
    first.to_yaml(tmp_path / "a.yaml")
    second = ZeroShotSegmenter.from_yaml(tmp_path / "a.yaml")
    assert second.vocabulary == DRAM
    assert second.batch_size == 3
    assert torch.equal(first.segment(blank()).label_map, second.segment(blank()).label_map)
    second.to_yaml(tmp_path / "b.yaml")
    assert (tmp_path / "a.yaml").read_text() == (tmp_path / "b.yaml").read_text()


def test_keys_are_neither_written_down_nor_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    options = {"model": "m", "api_key": "sk-1"}
    chat = {"class_path": "zeroseg.chat.openai_chat.OpenAIChat", "init_args": options}

    def refiner(stage: str) -> dict[str, Any]:
        path = f"zeroseg.refinement.llm_{stage}_refiner.LLM{stage.title()}Refiner"
        return {"class_path": path, "init_args": {"chat": chat}}

    with serving([answer("dog")]) as server:
        options["base_url"] = server.address.replace("://", "://me:secret@")
        segmenter = ZeroShotSegmenter.from_config(config(pre_refiner=refiner("pre")))
    segmenter.to_yaml(tmp_path / "a.yaml")
    written = (tmp_path / "a.yaml").read_text()
    assert "sk-1" not in written and "secret" not in written
    assert server.address in written
    options["modell"] = "x"
    with pytest.raises(PresetError, match="modell") as caught:
        ZeroShotSegmenter.from_config(config(post_refiner=refiner("post")))
    assert "sk-1" not in str(caught.value)


def test_there_is_a_list_of_presets() -> None:
    names = preset_names()
    assert {"large", "open", "paper", "ram-grounded-sam", "sam3", "tiny"} <= set(names)
    with pytest.raises(PresetError, match=", ".join(names)):
        load_preset("tny")


def test_a_model_is_a_preset_by_its_name_or_a_file_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("mine.yaml", "MINE.YML", "plain", "tiny"):
        Path(file).write_text(f"batch_size: {len(file)}\n")
        assert load_model(f"./{file}") == {"batch_size": len(file)}
    assert load_model("plain") == {"batch_size": 5}
    assert load_model("MINE.YML") == load_model(str(tmp_path / "MINE.YML")) == {"batch_size": 8}
    assert load_model("tiny") == load_preset("tiny")  # whatever lies here
    Path("large").mkdir()
    assert load_model("large") == load_preset("large")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("tyni", r"no preset 'tyni'; did you mean tiny\? Presets are large, .*YAML file"),
        ("LARGE", "did you mean large?"),
        ("gpt", r"no preset 'gpt'; presets are large, .*path of a YAML file"),
        ("tiny.yaml", r"no file 'tiny\.yaml'; did you mean tiny\?"),
        ("models/away", "no file 'models/away'; presets are"),
        ("models", r"'models' is a folder; name a YAML file in it, such as models/mine\.yaml"),
        ("./empty", "is a folder.* of which it has none"),
        ("models/a-picture.png", "cannot read the configuration"),
    ],
)
def test_a_model_that_is_none_is_said(
    model: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("models").mkdir()
    Path("models/mine.yaml").write_text("batch_size: 1\n")
    Path("models/a-picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    with pytest.raises(PresetError, match=says):
        load_model(model)


@pytest.mark.parametrize("name", preset_names())
def test_every_option_of_a_preset_exists_and_what_is_missing_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    content = load_preset(name)
    absent: list[str] = []
    for holder, checkpoint in list(leaves(content, "checkpoint")):
        if not checkpoint.startswith("tiny:"):
            holder["checkpoint"] = f"nobody/{checkpoint.split('/')[1]}"  # nor in anybody's cache
            absent.append(f"checkpoint '{holder['checkpoint']}'")
    chats = [chat["class_path"].rpartition(".")[2] for _, chat in leaves(content, "chat")]
    absent += ["environment variable OPENAI_API_KEY"] * ("OpenAIChat" in chats)
    if absent:
        with pytest.raises(PresetError, match="missing here") as caught:
            BaseSegmenter.from_config(content)
        for missing in absent:
            assert str(caught.value).count(missing) == 1
    else:
        assert BaseSegmenter.from_config(content).config is not None


def with_small_parts(name: str, folder: Path, address: str) -> ZeroShotSegmenter:
    """A preset with small checkpoints and a chat server of the test's own."""
    content = small_preset(name, folder)
    if "OpenAIChat" in str(content):
        content = with_language_model(content, "m", address)
    return ZeroShotSegmenter.from_config(content, vocabulary=["dog", "potted-plant", "boat"])


@pytest.mark.parametrize(
    "name", ["large", "large-low-memory", "open", "paper", "ram-grounded-sam", "sam3"]
)
def test_the_parts_of_a_preset_work_together(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving([answer("Dog, dog, boat")]) as server:
        segmenter = with_small_parts(name, tmp_path, server.address)
        result = segmenter.segment(noise(64, 96))
    assert result.label_map.shape == (64, 96)
    assert bool(server.requests) == (name in ("large", "large-low-memory", "paper"))


def test_the_paper_preset_has_the_papers_networks_and_options() -> None:
    paper = load_preset("paper")
    networks = {
        "tagger": "xinyu1205/recognize-anything-plus-model",
        "captioner": "Salesforce/blip2-opt-2.7b",
        "detector": "IDEA-Research/grounding-dino-tiny",
        "mask_predictor": "syscv-community/sam-hq-vit-large",
    }
    assert {stage: paper[stage]["init_args"]["checkpoint"] for stage in networks} == networks
    thresholds = {"box_threshold": 0.18, "text_threshold": 0.15, "nms_threshold": 0.8}
    assert thresholds.items() <= paper["detector"]["init_args"].items()
    assert "gpt-4-0125-preview" in STANDS_IN["paper"]
    for stage, name in (("pre_refiner", "PreRefiner"), ("post_refiner", "PostRefiner")):
        assert paper[stage]["class_path"] == f"zeroseg.reference.{stage}.Reference{name}"
        assert paper[stage]["init_args"].keys() == {"chat"}


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "sam3"])
def test_only_sam3_takes_weights_that_are_gated(name: str) -> None:
    named = [checkpoint for _, checkpoint in leaves(load_preset(name), "checkpoint")]
    assert named
    assert not any(known(checkpoint).gated for checkpoint in named)
    assert known("facebook/sam3").gated


def test_the_baseline_without_all_has_the_parts_of_the_paper_preset() -> None:
    paper, without = load_preset("paper"), load_preset("ram-grounded-sam")
    paper["mask_predictor"]["init_args"]["point_sampler"] = None
    for stage in ("tagger", "detector", "mask_predictor", "fusion"):
        assert without[stage] == paper[stage]


MASKS = {"class_path": "zeroseg.testing.BoxMasks"}


def counts(**init_args: Any) -> dict[str, Any]:
    return {"class_path": f"{__name__}.Counts", "init_args": init_args}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"captoiner": None}, "captoiner"),
        ({"detector": counts(boxes={}, treshold=1)}, "treshold"),
        ({"detector": counts(boxes=3)}, "boxes"),
        ({"detector": MASKS}, "not correspond to a subclass of Detector"),
        ({"tagger": MASKS}, "not correspond to a subclass of Tagger"),
        ({"fusion": {"class_path": "zeroseg.fusion.Nothing"}}, "fusion"),
        ({"mask_predictor": {"class_path": "nowhere.Part"}}, "nowhere"),
        ({"batch_size": "many"}, "batch_size"),
        ({"mask_predictor": None}, "mask_predictor"),
        ({"vocabulary": None}, "vocabulary"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_built(changes: dict[str, Any], says: str) -> None:
    BUILT.clear()
    with pytest.raises(PresetError, match=says) as caught:
        ZeroShotSegmenter.from_config(config(), **changes)
    assert BUILT == []
    assert "\n" not in str(caught.value)


def test_a_value_that_a_part_refuses_is_told_with_its_part() -> None:
    changes = config()["detector"]
    changes["init_args"]["threshold"] = 3.0
    with pytest.raises(PresetError, match=r"detector: threshold 3.0 is not in \[0, 1\]"):
        ZeroShotSegmenter.from_config(config(), detector=changes)
    with pytest.raises(PresetError, match="batch_size"):
        ZeroShotSegmenter.from_config(config(), batch_size=0)


def test_a_vocabulary_that_is_none_is_refused() -> None:
    with pytest.raises(VocabularyError):
        ZeroShotSegmenter.from_config(config(), vocabulary=["dog", "Dog"])


def test_changes_may_be_objects_none_or_mappings(tmp_path: Path) -> None:
    tagger = ScriptedTagger("dog")
    fixed = {"class_path": "zeroseg.fusion.highest_score.HighestScore", "init_args": {"chunk": 2}}
    segmenter = ZeroShotSegmenter.from_config(
        config(), tagger=tagger, captioner=None, fusion=fixed, vocabulary=["dog"]
    )
    assert segmenter.tagger is tagger
    assert segmenter.captioner is None
    assert segmenter.fusion.chunk == 2
    assert segmenter.vocabulary.names == ("background", "dog")
    with pytest.raises(PresetError, match="as an object"):
        segmenter.to_yaml(tmp_path / "a.yaml")


def test_a_builder_function_is_a_part() -> None:
    built = {"class_path": f"{__name__}.make_detector", "init_args": {"scale": 1.0}}
    segmenter = ZeroShotSegmenter.from_config(config(), detector=built)
    found = segmenter.segment(blank()).detections
    assert isinstance(found, Detections)
    assert found.boxes.tolist() == [[0, 0, 48, 32]]
    assert isinstance(segmenter.mask_predictor, BoxMasks)


def test_a_class_whose_module_is_loaded_anew_is_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_masks.py").write_text("from zeroseg import Sam\n\nclass Mine(Sam):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = {"class_path": "my_masks.Mine", "init_args": {"checkpoint": "tiny:sam"}}
    config = {**load_preset("tiny"), "captioner": None, "mask_predictor": mine}
    first = type(ZeroShotSegmenter.from_config(config).mask_predictor)
    again = importlib.reload(sys.modules["my_masks"]).Mine
    assert again is not first
    assert type(ZeroShotSegmenter.from_config(config).mask_predictor) is again


def test_files_that_describe_nothing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(PresetError, match="cannot read"):
        ZeroShotSegmenter.from_yaml(path)
    path.write_text("- a list")
    with pytest.raises(PresetError, match="not a mapping"):
        ZeroShotSegmenter.from_yaml(path)
    path.write_text("{")
    with pytest.raises(PresetError, match="cannot read"):
        ZeroShotSegmenter.from_yaml(path)
    path.write_text(yaml.safe_dump({"vocabulary": "dram"}))
    with pytest.raises(PresetError, match="required"):
        ZeroShotSegmenter.from_yaml(path)
