from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.recognition.florence2_parts import florence2
from zeroseg.errors import CheckpointNotFound
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.florence2_captioner import Florence2Captioner
from zeroseg.testing import CaptionerContract, noise
from zeroseg.weights.needs import Checkpoint

TASKS = ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>")


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    """Without places, so that captions are words."""
    model, processor = florence2()
    places = [i for i in range(len(processor.tokenizer)) if i > 55]
    model.generation_config.suppress_tokens = places
    return model, processor


def make(parts: tuple[Any, Any], **options: Any) -> Florence2Captioner:
    return Florence2Captioner(*parts, **{"max_new_tokens": 8, **options})


class TestFlorence2Captioner(CaptionerContract):
    @pytest.fixture(autouse=True)
    def _parts(self, parts: tuple[Any, Any]) -> None:
        self.parts = parts

    def part(self) -> Captioner:
        return make(self.parts)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("size", [(40, 56), (131, 97)])
def test_captions_are_those_of_transformers_own_processing(
    parts: tuple[Any, Any], size: tuple[int, int], task: Any
) -> None:
    model, processor = parts
    image = noise(*size)
    inputs = processor(images=image, text=task, return_tensors="pt")
    tokens = model.generate(**inputs, max_new_tokens=8, num_beams=3, do_sample=False)
    [text] = processor.batch_decode(tokens, skip_special_tokens=False)
    stock = processor.post_process_generation(text, task=task, image_size=size[::-1])[task]
    assert make(parts, task=task)([image]) == [stock.strip()]
    assert stock


def test_captions_depend_on_picture_and_task(parts: tuple[Any, Any]) -> None:
    images = [noise(40, 56, seed) for seed in range(6)]
    assert len(set(make(parts)(images))) > 1
    assert make(parts)(images) != make(parts, task="<CAPTION>")(images)


def test_what_fills_up_a_shorter_answer_is_no_part_of_it(parts: tuple[Any, Any]) -> None:
    images = [noise(40, 56, seed) for seed in range(6)]
    captions = make(parts, max_new_tokens=24)(images)
    assert not any("<" in caption for caption in captions)
    assert captions == make(parts, max_new_tokens=24, batch_size=1)(images)


def test_half_precision_says_something(parts: tuple[Any, Any]) -> None:
    [caption] = make(florence2()).to(torch.bfloat16)([noise(40, 56)])
    assert isinstance(caption, str)


def test_saved_parts_load_as_a_checkpoint(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    for part in parts:
        part.save_pretrained(tmp_path)
    loaded = Florence2Captioner.from_pretrained(tmp_path, max_new_tokens=8)
    assert loaded([noise(40, 56)]) == make(parts)([noise(40, 56)])


def test_what_cannot_be_meant_is_refused(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    with pytest.raises(CheckpointNotFound, match="no such file or folder"):
        Florence2Captioner.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ValueError, match="task is '<OCR>'"):
        make(parts, task="<OCR>")
    for name in ("max_new_tokens", "num_beams", "batch_size"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            make(parts, **{name: 0})
    assert list(Florence2Captioner.needs({"checkpoint": "a/b"})) == [Checkpoint("a/b")]
