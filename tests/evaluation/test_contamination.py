"""What is said of checkpoints and data sets, and that nothing is said beyond what is known."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml

from zeroseg.data.catalog import NAMES
from zeroseg.evaluation.contamination import contamination

CONTENT = yaml.safe_load(
    resources.files("zeroseg.evaluation").joinpath("contamination.yaml").read_text("utf-8")
)


@pytest.mark.parametrize(
    ("checkpoint", "data", "verdict"),
    [
        ("groundingdino_swinb_cogcoor.pth", "coco81", "yes"),
        ("IDEA-Research/grounding-dino-base", "voc2012", "yes"),
        ("IDEA-Research/grounding-dino-tiny", "coco81", "unknown"),
        ("xinyu1205/recognize-anything-plus-model", "coco81", "partly"),
        ("Salesforce/blip2-opt-2.7b", "ade20k", "partly"),
        ("facebook/sam-vit-huge", "dram", "no"),
        ("sam_vit_b_01ec64.pth", "voc2012", "unknown"),
        ("groundingdino_swinb_cogcoor.pth", "coco-stuff", "yes"),
        ("groundingdino_swinb_cogcoor.pth", "lvis", "partly"),
        ("IDEA-Research/grounding-dino-base", "context59", "partly"),
        ("syscv-community/sam-hq-vit-large", "coco81", "no"),
        ("syscv-community/sam-hq-vit-large", "dram", "unknown"),
        ("openai/clip-vit-large-patch14", "drawn", "no"),
        ("nvidia/segformer-b5-finetuned-ade-640-640", "ade20k", "yes"),
        ("nvidia/segformer-b5-finetuned-ade-640-640", "cityscapes", "no"),
        ("gpt-4o-mini", "drawn", "unknown"),
    ],
)
def test_known_checkpoints(checkpoint: str, data: str, verdict: str) -> None:
    found = contamination(checkpoint, data)
    assert found["contamination"] == verdict
    assert found["trained_on"]
    assert "source: " in found["note"]


def test_a_file_is_known_by_its_name_wherever_it_lies() -> None:
    for place in ("/data/sets/", "C:\\weights\\", ""):
        name = f"{place}groundingdino_swint_ogc.pth"
        assert contamination(name, "coco81") == contamination(
            "IDEA-Research/grounding-dino-tiny", "coco81"
        )


@pytest.mark.parametrize("checkpoint", ["", "my/own-model", "grounding-dino-tiny", "/x/sam.pth"])
def test_what_is_not_listed_is_unknown(checkpoint: str) -> None:
    found = contamination(checkpoint, "coco81")
    assert (found["contamination"], found["trained_on"]) == ("unknown", [])
    assert "not on record" in found["note"]


def test_an_unlisted_data_set_is_unknown_for_every_checkpoint() -> None:
    names = [entry["names"][0] for entry in CONTENT["checkpoints"]]
    assert {contamination(name, "mine")["contamination"] for name in names} == {"unknown"}


def test_the_worst_training_set_decides_and_every_one_is_named() -> None:
    found = contamination("groundingdino_swinb_cogcoor.pth", "coco81")
    note = found["note"]
    assert note.index("yes: COCO train") < note.index("unknown: Objects365") < note.index("no: ")
    assert all(name in note for name in found["trained_on"])
    assert "not judged: what it starts from" in note


def test_the_tiny_family_knows_drawn_scenes_of_training_seeds() -> None:
    def verdict(data: str, seed: int | None = None) -> str:
        return contamination("tiny:sam", data, seed)["contamination"]

    assert verdict("drawn", 7) == verdict("drawn", 999_999) == "no"
    assert verdict("drawn", 1_000_003) == verdict("drawn", 1_000_000) == "yes"
    assert verdict("drawn") == "unknown"
    assert "seed" in contamination("tiny:sam", "drawn")["note"]
    assert verdict("voc2012") == verdict("dram", 1_000_003) == "no"
    assert verdict("mine") == "unknown"


def test_the_table_refers_to_nothing_it_does_not_hold() -> None:
    sets = set(CONTENT["training_sets"])
    names = [name for entry in CONTENT["checkpoints"] for name in entry["names"]]
    assert len(names) == len(set(names))
    assert {"names", "trained_on", "source"} <= set.intersection(*map(set, CONTENT["checkpoints"]))
    assert {used for entry in CONTENT["checkpoints"] for used in entry["trained_on"]} <= sets
    assert set(CONTENT["data"]) == {*NAMES, "drawn"} - {"folder"}
    for relations in CONTENT["data"].values():
        assert set(relations) <= {"yes", "partly", "unknown", "no"}
        listed = [name for group in relations.values() for name in group]
        assert len(listed) == len(set(listed))
        assert set(listed) <= sets
        assert all(isinstance(why, str) for group in relations.values() for why in group.values())
