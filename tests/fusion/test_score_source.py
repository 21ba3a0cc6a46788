"""Components in plain values: what decides scores is told, and nothing else."""

from __future__ import annotations

import yaml

from tests.encoders import encoder_parts
from zeroseg.dense.patch_scorer import PatchScorer
from zeroseg.dense.region_scorer import RegionScorer
from zeroseg.fusion.score_source import difference, source_of, sources
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.mask_proposer import MaskProposer
from zeroseg.testing import ScriptedConcepts, ScriptedScorer
from zeroseg.weights.offload import offload


class Secretive(ScriptedScorer):
    """Somebody's own, with something that is nobody's business."""

    def __init__(self) -> None:
        super().__init__({})
        self.key = "sk-123"


Secretive.__module__ = "theirs"


class Everything(MaskProposer):
    def forward(self, images):  # type: ignore[no-untyped-def]
        raise AssertionError("it is only described")


Everything.__module__ = "theirs"


def test_settings_and_checkpoints_are_told() -> None:
    network, processor = encoder_parts.clip()
    network.config._name_or_path = "/home/me/models/clip-small"
    network.name_or_path = "/home/me/models/clip-small"
    scorer = PatchScorer(network, processor, logit_scale=7.0, templates="none")
    found = source_of(scorer)
    assert found["class"] == "PatchScorer"
    assert found["model"] == "clip-small"
    assert found["logit_scale"] == 7.0
    assert found["templates"] == ["{}"]
    assert set(found["framing"]) == {"patch", "window", "stride", "short_side"}
    assert not {"batch_size", "training"} & set(found)
    assert yaml.safe_load(yaml.safe_dump(found)) == found
    pooled = source_of(RegionScorer(scorer, Everything(), pooling="vote"))
    assert pooled["scorer"] == found
    assert pooled["proposer"] == {"class": "Everything"}
    assert pooled["pooling"] == "vote"
    assert source_of(offload(scorer)) == found


def test_nothing_of_what_others_wrote_is_told_but_its_name() -> None:
    assert source_of(Secretive()) == {"class": "Secretive"}


def test_of_a_fusion_what_it_weighs_is_told() -> None:
    detector = ScriptedConcepts({})
    one, other = (sources(detector, None, ThingsAndStuff(threshold=own)) for own in (0.1, 0.9))
    assert one == other
    assert difference(one, other, "") == ""
    never = sources(detector, None, ThingsAndStuff(presence="never"))
    assert difference(one, never, "") == "fusion.presence was 'twice' and is 'never'"
