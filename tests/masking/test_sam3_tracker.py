"""The tracker of SAM 3, which has SAM 2's prompts and decoder: SAM 2's tests, and its own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    Sam3ImageProcessor,
    Sam3TrackerModel,
    Sam3VideoConfig,
    Sam3VideoModel,
)

from tests.detection import sam3_parts
from tests.masking import test_sam2
from tests.masking.conftest import CELLS, PROMPT, SMALL_VIDEO, sam3_vision, tracker_of
from tests.masking.test_sam2 import BOXES
from zeroseg.detection.sam3 import Sam3
from zeroseg.masking.sam3_tracker import Sam3Tracker
from zeroseg.testing import boxed, noise
from zeroseg.weights.needs import Checkpoint


class TestSam3Tracker(test_sam2.TestSam2):
    kind = Sam3Tracker

    @pytest.fixture(autouse=True)
    def _networks(self, tracker_model: Sam3TrackerModel, squares: Sam3ImageProcessor) -> None:
        self.model, self.processor = tracker_model, squares

    def video(self) -> Any:
        """A whole SAM 3, as the hub has it."""
        narrow = {"hidden_size": 32}
        detector = {name: {**own, **narrow} for name, own in sam3_parts.PARTS.items()}
        whole = sam3_vision((4.0, 2.0, 1.0, 0.5))
        text = {**sam3_parts.TEXT, **sam3_parts.CLIP_TEXT}
        own = {**SMALL_VIDEO, "prompt_encoder_config": PROMPT}
        own["memory_attention_rope_feat_sizes"] = [CELLS, CELLS]
        return Sam3VideoModel(
            Sam3VideoConfig(
                detector_config={
                    "model_type": "sam3", "vision_config": whole, "text_config": text, **detector
                },
                tracker_config={
                    "model_type": "sam3_tracker_video", "vision_config": whole, **own
                },
            )
        )  # fmt: skip

    def test_of_a_checkpoint_for_videos_the_part_for_pictures_is_read(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        torch.manual_seed(0)
        whole = self.video()
        whole.save_pretrained(tmp_path)
        stored = whole.state_dict()  # under the hub's names; transformers saves others
        save_file(
            {name: own.clone() for name, own in stored.items()},
            tmp_path / "model.safetensors",
            {"format": "pt"},
        )
        sam3_parts.processor().save_pretrained(tmp_path)
        own = Sam3Tracker.from_pretrained(tmp_path).model.state_dict()
        places = {
            "vision_encoder.backbone.": "detector_model.vision_encoder.backbone.",
            "vision_encoder.neck.": "tracker_neck.",
            "": "tracker_model.",
        }
        for name, value in own.items():
            start = next(start for start in places if name.startswith(start))
            assert torch.equal(value, stored[places[start] + name.removeprefix(start)])
        assert len(own) > 100
        assert "You are using a model of type" not in "".join(capfd.readouterr())
        detector = Sam3.from_pretrained(tmp_path).model.state_dict()  # from the same files
        assert all(torch.equal(v, stored[f"detector_model.{n}"]) for n, v in detector.items())

    def test_a_map_that_is_not_read_changes_nothing(self) -> None:
        self.model.no_memory_embedding.data.normal_(generator=torch.Generator().manual_seed(0))
        whole = tracker_of(4.0, 2.0, 1.0, 0.5)
        known = whole.load_state_dict(self.model.state_dict(), strict=False)
        assert known.unexpected_keys == []
        assert all(name.startswith("vision_encoder.neck.") for name in known.missing_keys)
        image, found = noise(90, 130), boxed(*BOXES)
        [one], [other] = (
            Sam3Tracker(network, self.processor)([image], [found])
            for network in (self.model, whole)
        )
        torch.testing.assert_close(one.logits, other.logits)
        changed = copy.deepcopy(whole)
        changed.no_memory_embedding.data.mul_(-1)
        [third] = Sam3Tracker(changed, self.processor)([image], [found])
        assert not torch.allclose(other.logits, third.logits, atol=1e-2)


def test_what_it_needs_is_known() -> None:
    weights = Checkpoint("a/b", ("network", "pictures"))
    assert list(Sam3Tracker.needs({"checkpoint": "a/b"})) == [weights]
