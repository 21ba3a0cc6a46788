from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Blip2ForConditionalGeneration, Blip2Processor

from benchmarks.recipes.captioner_model import build_blip2, build_processor
from zeroseg.errors import CheckpointNotFound, ZerosegError
from zeroseg.recognition.blip2 import Blip2
from zeroseg.recognition.captioner import Captioner
from zeroseg.testing import CaptionerContract, blank, noise

IMAGES = [noise(40, 56, 1), noise(56, 40, 2), blank(33, 33), noise(32, 48, 5), noise(200, 30, 6)]


@pytest.fixture(scope="module")
def network() -> tuple[Blip2ForConditionalGeneration, Blip2Processor]:
    """A random BLIP-2 whose captions depend on the picture."""
    torch.manual_seed(0)
    model = build_blip2(torch.randn(2, 3, 160, 160))
    decoder = model.language_model.model.decoder
    with torch.no_grad():
        decoder.final_layer_norm.weight.normal_()
        for layer in decoder.layers:
            layer.self_attn.v_proj.weight.mul_(3)
            layer.self_attn.out_proj.weight.mul_(3)
        model.language_projection.weight.mul_(3)
    return model, build_processor()


@pytest.fixture
def captioner(network: tuple[Blip2ForConditionalGeneration, Blip2Processor]) -> Blip2:
    return Blip2(model=network[0], processor=network[1], max_new_tokens=6)


class TestBlip2(CaptionerContract):
    @pytest.fixture(autouse=True)
    def _part(self, captioner: Blip2) -> None:
        self.captioner = captioner

    def part(self) -> Captioner:
        return self.captioner


def test_captions_depend_on_the_picture_and_on_nothing_else(captioner: Blip2) -> None:
    captions = captioner(IMAGES)
    assert len(set(captions)) > 1
    assert all(captions)
    assert captioner(IMAGES) == captions


def test_a_batch_is_worked_off_in_parts(captioner: Blip2) -> None:
    captions = captioner(IMAGES)
    captioner.batch_size = 2
    assert captioner(IMAGES) == captions


def test_captions_are_no_longer_than_asked(captioner: Blip2) -> None:
    captioner.max_new_tokens = 3
    tokens = captioner.processor.tokenizer(captioner(IMAGES), add_special_tokens=False)
    assert max(map(len, tokens["input_ids"])) == 3


def test_white_space_around_captions_goes(
    captioner: Blip2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captioner.processor, "batch_decode", lambda *_, **__: [" a dog\n"])
    assert captioner([blank()]) == ["a dog"]


def test_a_prompt_steers_but_is_not_part_of_the_caption(captioner: Blip2) -> None:
    plain = captioner(IMAGES)
    captioner.prompt = "two dogs and three kittens near a tree"
    prompted = captioner(IMAGES)
    tokens = captioner.processor.tokenizer(prompted, add_special_tokens=False)
    assert prompted != plain
    assert max(map(len, tokens["input_ids"])) <= 6


def test_greedy_whatever_the_checkpoint_says(captioner: Blip2) -> None:
    config = captioner.model.language_model.generation_config
    config.do_sample, config.temperature = True, 5.0
    try:
        assert captioner(IMAGES) == captioner(IMAGES)
    finally:
        config.do_sample, config.temperature = False, None


def test_a_cache_of_fixed_size_changes_no_caption() -> None:
    captioner = Blip2.from_pretrained("tiny:blip2")
    expected = captioner(IMAGES)
    settings = captioner.model.language_model.generation_config
    settings.cache_implementation = "static"
    caches: list[str] = []

    def watch(_: Any, arguments: Any, named: dict[str, Any]) -> None:
        caches.append(type(named["past_key_values"]).__name__)

    decoder = captioner.model.language_model.model.decoder
    decoder.register_forward_pre_hook(watch, with_kwargs=True)
    assert captioner(IMAGES) == expected
    assert set(caches) == {"StaticCache"}


def test_loads_what_was_saved_at_any_precision(captioner: Blip2, tmp_path: Path) -> None:
    captioner.model.save_pretrained(tmp_path)
    captioner.processor.save_pretrained(tmp_path)
    loaded = Blip2.from_pretrained(tmp_path, max_new_tokens=6, dtype="float32")
    assert loaded(IMAGES) == captioner(IMAGES)
    half = Blip2.from_pretrained(str(tmp_path), max_new_tokens=6, dtype="bfloat16")
    assert half.model.vision_model.dtype == torch.bfloat16
    assert len(half(IMAGES)) == len(IMAGES)
    assert {p.dtype for p in half.half().parameters()} == {torch.float16}
    assert len(half(IMAGES[:1])) == 1


def test_a_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"Blip2 needs .* no such file or folder"):
        Blip2.from_pretrained(tmp_path / "nowhere")


def test_eight_bits_without_the_packages_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zeroseg.weights.eight_bit.find_spec", lambda name: None)
    with pytest.raises(ZerosegError, match="pip install bitsandbytes accelerate"):
        Blip2.from_pretrained("tiny:blip2", dtype="int8")


def test_eight_bits_are_asked_for_the_language_model_alone(
    captioner: Blip2, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def load(kind: type, checkpoint: str, component: str, **options: Any) -> Any:
        asked.append(options)
        return captioner.model if kind is Blip2ForConditionalGeneration else captioner.processor

    monkeypatch.setattr("zeroseg.weights.eight_bit.find_spec", lambda name: object())
    monkeypatch.setattr("zeroseg.recognition.blip2.load_pretrained", load)
    Blip2.from_pretrained("anything", dtype="int8")
    quantised = asked[0]["quantization_config"]
    assert quantised.load_in_8bit
    kept = set(quantised.llm_int8_skip_modules)
    assert {name for name, _ in captioner.model.named_children()} - kept == {"language_model"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_refuses_what_makes_no_sense(
    network: tuple[Blip2ForConditionalGeneration, Blip2Processor],
    options: dict[str, int],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        Blip2(*network, **options)


def test_an_unknown_precision_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ValueError, match="expected one of"):
        Blip2.from_pretrained("nowhere", dtype="int3")  # type: ignore[arg-type]
