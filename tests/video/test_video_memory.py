"""SAM 2's and EdgeTAM's memory, by very small networks of the real classes with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    EdgeTamVideoConfig,
    EdgeTamVideoModel,
    Sam2ImageProcessor,
    Sam2VideoConfig,
    Sam2VideoModel,
    Sam2VideoProcessor,
    Sam2VideoVideoProcessor,
)
from transformers.models.edgetam_video.modeling_edgetam_video import EdgeTamVideoInferenceSession
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from tests.masking.conftest import (
    DECODER,
    PROMPT2,
    SMALL_VIDEO,
    SQUARE,
    edgetam_vision,
    lively,
    normed,
    sam2_vision,
)
from zeroseg.errors import ZerosegError
from zeroseg.masking.sam2 import Sam2
from zeroseg.refinement import AllClasses
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, PropagationContract, ScriptedDetector, noise
from zeroseg.video.propagation import Propagation
from zeroseg.video.redetection import Redetection
from zeroseg.video.video_memory import VideoMemory

POINTERS = 4
"""Frames that are remembered, in place of 16."""
WIDE, REMEMBERED = 128, 64
"""Channels of everything, and of memories, of which transformers' attention reads 64."""
CONFIG: dict[str, Any] = {
    **SMALL_VIDEO,
    "prompt_encoder_config": {**PROMPT2, "hidden_size": WIDE},
    "mask_decoder_config": {**DECODER, "hidden_size": WIDE},
    **{name: WIDE for name in SMALL_VIDEO if name.endswith(("hidden_size", "embed_dim"))},
    "memory_encoder_output_channels": REMEMBERED,
    "num_maskmem": 3,
    "max_object_pointers_in_encoder": POINTERS,
}
LATENTS = {
    "perceiver_resampler_num_latents": 16,
    "perceiver_resampler_num_latents_2d": 16,
    "memory_attention_rope_k_sizes": [4, 4],
}
"""What EdgeTAM compresses a memory to."""
PROCESSOR = Sam2ImageProcessor(size=SQUARE, mask_size={"height": 16, "width": 16})


def wide(vision: Any) -> Any:
    vision.fpn_hidden_size = WIDE
    return vision


def sure(model: Any) -> Any:
    """A network that takes no object to be hidden."""
    model.mask_decoder.pred_obj_score_head.proj_out.bias.data.fill_(100.0)
    return model


@pytest.fixture(scope="module")
def sam2_video() -> Any:
    torch.manual_seed(0)
    config = Sam2VideoConfig(vision_config=wide(sam2_vision()), **CONFIG)
    return sure(lively(Sam2VideoModel(config)))


@pytest.fixture(scope="module")
def edgetam_video() -> Any:
    torch.manual_seed(0)
    config = EdgeTamVideoConfig(vision_config=wide(edgetam_vision()), **CONFIG, **LATENTS)
    return sure(normed(lively(EdgeTamVideoModel(config))))


def drifting(count: int) -> list[Tensor]:
    """Noise that moves by a pixel a frame."""
    return [noise(48, 64).roll(i, 2) for i in range(count)]


class TestSam2Memory(PropagationContract):
    @pytest.fixture(autouse=True)
    def _network(self, sam2_video: Any) -> None:
        self.model = sam2_video

    def part(self) -> Propagation:
        return VideoMemory(self.model, PROCESSOR)

    session: type = Sam2VideoInferenceSession

    def test_masks_are_those_of_transformers_own_session_and_memory_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image, seen = self.keyframe()
        frames = drifting(9)[1:]  # more than are remembered
        processor = Sam2VideoProcessor(PROCESSOR, Sam2VideoVideoProcessor(size=SQUARE))
        stock = self.session(dtype=torch.float32)
        shapes = [mask.numpy() for mask in seen.masks.full() > 0]
        processor.add_inputs_to_inference_session(stock, 0, [0, 1], input_masks=shapes)
        pixels = processor(images=[image, *frames], return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            expected = [
                self.model(stock, frame_idx=number, frame=frame[None]).pred_masks[:, 0]
                for number, frame in enumerate(pixels)
            ][1:]
        part, sessions = self.part(), []
        monkeypatch.setattr(
            part, "_session", lambda **o: sessions.append(self.session(**o)) or sessions[0]
        )
        found = part(image, seen, self.vocabulary)(frames)
        assert any(len(own) for own in found)
        for own, theirs in zip(found, expected, strict=True):
            assert own.origin is not None
            torch.testing.assert_close(own.masks.logits, theirs[own.origin], atol=1e-4, rtol=1e-4)
        [session] = sessions
        assert len(session.processed_frames) == 0 and len(stock.processed_frames) == 9
        for outputs in session.output_dict_per_obj.values():
            remembered = outputs["non_cond_frame_outputs"]
            assert list(outputs["cond_frame_outputs"]) == [0] and len(remembered) == POINTERS
            assert not any("high_res_masks" in own for own in remembered.values())


class TestEdgeTamMemory(TestSam2Memory):
    session = EdgeTamVideoInferenceSession

    @pytest.fixture(autouse=True)
    def _network(self, edgetam_video: Any) -> None:
        self.model = edgetam_video


def test_a_system_takes_its_predictors_memory_where_it_can(
    sam2_video: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam2_video.save_pretrained(tmp_path)
    PROCESSOR.save_pretrained(tmp_path)
    detector = ScriptedDetector({"dog": (0.1, 0.1, 0.6, 0.6), "cat": (0.5, 0.3, 0.9, 0.9)})
    segmenter = ZeroShotSegmenter(
        ["dog", "cat"], AllClasses(), detector, Sam2.from_pretrained(tmp_path)
    )
    memory = segmenter.propagation()
    assert isinstance(memory, VideoMemory)
    assert memory.model.vision_encoder is segmenter.mask_predictor.model.vision_encoder
    assert isinstance(segmenter.propagation(memory=False), Redetection)
    results = list(segmenter.segment_video(drifting(5), every=3, propagation=memory))
    assert [own.key for own in results] == [True, False, False, True, False]
    assert {track for own in results[:3] for track in own.tracks} == {0, 1}
    monkeypatch.setattr(ScriptedDetector, "gives_dense", True)
    assert isinstance(segmenter.propagation(), Redetection)
    other = ZeroShotSegmenter(["dog"], AllClasses(), detector, BoxMasks())
    with pytest.raises(ZerosegError, match="BoxMasks has no memory"):
        other.propagation(memory=True)
