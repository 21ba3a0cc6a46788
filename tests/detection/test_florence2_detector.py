from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.recognition.florence2_parts import florence2
from zeroseg.detection.detector import Detector
from zeroseg.detection.florence2_detector import Florence2Detector
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import UNRESOLVED, Detections, Selection
from zeroseg.weights.needs import Checkpoint

PROMPTS = ("dog", "potted plant", "person")


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return florence2()


def make(parts: tuple[Any, Any], **options: Any) -> Florence2Detector:
    return Florence2Detector(*parts, **{"max_new_tokens": 24, **options})


def ask(*prompts: str) -> Selection:
    return Selection(prompts, tuple(range(10, 10 + len(prompts))))


def assert_same(one: Detections, other: Detections) -> None:
    assert one.phrases == other.phrases
    assert torch.equal(one.labels, other.labels) and torch.equal(one.boxes, other.boxes)
    assert torch.equal(one.prompt_index, other.prompt_index)


class TestContract(DetectorContract):
    task: Any = "<OPEN_VOCABULARY_DETECTION>"

    @pytest.fixture(autouse=True)
    def _parts(self, parts: tuple[Any, Any]) -> None:
        self.parts = parts

    def part(self) -> Detector:
        return make(self.parts, task=self.task)


class TestGroundingContract(TestContract):
    task = "<CAPTION_TO_PHRASE_GROUNDING>"


class TestOwnPhrasesContract(TestContract):
    task = "<OD>"


@pytest.mark.parametrize("task", ["<OPEN_VOCABULARY_DETECTION>", "<CAPTION_TO_PHRASE_GROUNDING>"])
@pytest.mark.parametrize("size", [(40, 56), (131, 97)])
def test_boxes_are_those_of_transformers_own_processing(
    parts: tuple[Any, Any], size: tuple[int, int], task: Any
) -> None:
    model, processor = parts
    image = noise(*size)
    expected = []
    for i, prompt in enumerate(PROMPTS):
        inputs = processor(images=image, text=f"{task}{prompt}", return_tensors="pt")
        tokens = model.generate(**inputs, max_new_tokens=24, num_beams=3, do_sample=False)
        [text] = processor.batch_decode(tokens, skip_special_tokens=False)
        told = processor.post_process_generation(text, task=task, image_size=size[::-1])[task]
        rows = [(i, *box) for box in told["bboxes"] if box[2] > box[0] and box[3] > box[1]]
        expected += list(dict.fromkeys(rows))
    [found] = make(parts, task=task)([image], [ask(*PROMPTS)])
    rows = zip(found.prompt_index.tolist(), found.boxes.int().tolist(), strict=True)
    assert [(i, *box) for i, box in rows] == expected
    assert len({row[0] for row in expected}) > 1  # answers to several prompts
    assert found.phrases == tuple(PROMPTS[row[0]] for row in expected)
    assert found.labels.tolist() == [10 + row[0] for row in expected]
    assert found.scores.tolist() == [1.0] * len(expected)


def test_batch_equals_singles_whatever_sizes_and_prompts(parts: tuple[Any, Any]) -> None:
    images = [noise(40, 56, 1), noise(90, 30, 3), noise(40, 56, 2), noise(40, 56, 4)]
    asked = [ask("dog"), ask("person", "potted plant", "boat"), Selection(), ask("cat", "dog")]
    part = make(parts, batch_size=2)
    together = part(images, asked)
    assert sum(map(len, together)) > 0
    for image, selection, found in zip(images, asked, together, strict=True):
        assert_same(part([image], [selection])[0], found)


def written(part: Florence2Detector, *texts: str, ask_for: Selection) -> Detections:
    """What is made of given answers, about a picture of 1000 x 500."""
    part._answers = lambda seen, questions: list(texts)  # type: ignore[method-assign]
    [found] = part([noise(500, 1000)], [ask_for])
    return found


def test_what_is_written_twice_is_one_region(parts: tuple[Any, Any]) -> None:
    text = "</s>dog<loc_100><loc_200><loc_300><loc_400><loc_100><loc_200><loc_300><loc_400></s>"
    found = written(make(parts), text, text, ask_for=ask("dog", "cat"))
    assert found.phrases == ("dog", "cat")  # no score says which of them it is
    assert found.boxes.tolist() == [[100, 100, 300, 200]] * 2


def test_of_an_outline_the_box_is_taken(parts: tuple[Any, Any]) -> None:
    places = "".join(f"<loc_{i}>" for i in (100, 200, 300, 200, 200, 600))
    found = written(make(parts), f"</s>dog<poly>{places}</poly></s>", ask_for=ask("dog"))
    assert found.boxes.tolist() == [[100, 100, 300, 300]]


def test_own_phrases_are_prompts_or_left_to_post_refinement(parts: tuple[Any, Any]) -> None:
    part = make(parts).with_own_phrases()
    assert part is not None and part.with_own_phrases() is None
    place = "<loc_100><loc_200><loc_300><loc_400>"
    text = f"</s>Dog{place}wheel{place}caf{place}</s>"
    found = written(part, text, ask_for=ask("dog", "café"))
    assert found.phrases == ("dog", "wheel", "café")
    assert found.labels.tolist() == [10, UNRESOLVED, 11]
    assert found.prompt_index.tolist() == [0, UNRESOLVED, 1]


def test_a_picture_is_looked_at_once_for_all_prompts(parts: tuple[Any, Any]) -> None:
    seen: list[int] = []
    tower = parts[0].model.vision_tower
    hook = tower.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    make(parts)([noise(40, 56), noise(40, 56)], [ask(*PROMPTS), Selection()])
    hook.remove()
    assert seen == [1]


def test_saved_parts_load_as_a_checkpoint(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    for part in parts:
        part.save_pretrained(tmp_path)
    loaded = Florence2Detector.from_pretrained(tmp_path, max_new_tokens=24)
    image, asked = noise(40, 56), ask(*PROMPTS)
    assert_same(loaded([image], [asked])[0], make(parts)([image], [asked])[0])


def test_what_cannot_be_meant_is_refused(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    with pytest.raises(CheckpointNotFound, match="no such file or folder"):
        Florence2Detector.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ValueError, match="task is '<CAPTION>'"):
        make(parts, task="<CAPTION>")
    for name in ("max_new_tokens", "num_beams", "batch_size"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            make(parts, **{name: 0})
    assert list(Florence2Detector.needs({"checkpoint": "a/b"})) == [Checkpoint("a/b")]
