"""CLIPSeg: the contract, and transformers' own processor and network, a row a prompt."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.dense.clipseg_parts import clipseg
from tests.dense.dense_parts import PROMPTS, ask, assert_same, check_any_company
from tests.encoders.encoder_parts import SIDE
from zeroseg.dense.clipseg import ClipSeg
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import DenseScorerContract, noise
from zeroseg.weights.needs import Checkpoint
from zeroseg.weights.offload import offload


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return clipseg()


def make(parts: tuple[Any, Any], **options: Any) -> ClipSeg:
    return ClipSeg(*parts, **{"cell": 1, **options})


class TestContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return make(clipseg())


class TestOffloadedContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return offload(make(clipseg()))


@torch.no_grad()
def stock(parts: tuple[Any, Any], image: Tensor) -> Tensor:
    """Probabilities by transformers' own processor and network, the picture once a prompt."""
    model, processor = parts
    inputs = processor(
        text=list(PROMPTS), images=[image] * len(PROMPTS), padding=True, return_tensors="pt"
    )
    logits: Tensor = model(**inputs).logits
    return logits.sigmoid()


@pytest.mark.parametrize("condition", [0, 1])
@pytest.mark.parametrize("fine", [True, False])
def test_scores_are_the_networks_own(condition: int, fine: bool) -> None:
    parts = clipseg(condition, fine)
    image = noise(40, 56)
    [found] = make(parts, chunk_size=2)([image], [ask(*PROMPTS)])
    theirs = stock(parts, image)
    torch.testing.assert_close(found.maps, theirs, atol=1e-5, rtol=1e-4)
    assert float(theirs.std(0).max()) > 0.002  # prompts differ
    assert found.labels == ask(*PROMPTS).labels
    full = F.interpolate(theirs[None], (40, 56), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(found.full(), full, atol=1e-5, rtol=1e-4)


def test_cells_hold_the_mean_of_their_pixels(parts: tuple[Any, Any]) -> None:
    image, asked = [noise(40, 56)], [ask(*PROMPTS)]
    [fine], [coarse] = (make(parts, cell=cell)(image, asked) for cell in (1, 4))
    assert coarse.maps.shape == (len(PROMPTS), SIDE // 4, SIDE // 4)
    torch.testing.assert_close(coarse.maps[1, 2, 3], fine.maps[1, 8:12, 12:16].mean())


def test_company_sizes_and_chunks_change_nothing(parts: tuple[Any, Any]) -> None:
    check_any_company(make(parts, batch_size=2, chunk_size=3))


def test_the_image_is_encoded_once_and_texts_once_for_all_images(
    parts: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = make(parts, chunk_size=1)
    rows: dict[str, list[int]] = {"get_image_features": [], "get_text_features": []}
    for name, seen in rows.items():
        whole = getattr(part.model.clip, name)

        def counted(
            first: Tensor, *others: Any, whole: Any = whole, seen: Any = seen, **more: Any
        ) -> Any:
            seen.append(len(first))
            return whole(first, *others, **more)

        monkeypatch.setattr(part.model.clip, name, counted)
    images = [noise(40, 56, 1), noise(40, 56, 2)]
    for _ in range(2):
        part(images, [ask(*PROMPTS), ask("sky", "dog")])
    assert rows == {"get_image_features": [2, 2], "get_text_features": [len(PROMPTS)]}


def test_offloaded_weights_answer_the_same(parts: tuple[Any, Any]) -> None:
    images, asked = [noise(40, 56, 1), noise(56, 40, 2)], [ask(*PROMPTS), ask("dog")]
    away = offload(make(copy.deepcopy(parts)))
    for _ in range(2):  # with texts that are kept, too
        with torch.inference_mode():
            answers = away(images, asked)
        for one, other in zip(make(parts)(images, asked), answers, strict=True):
            assert_same(one, other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_full_precision_values(dtype: torch.dtype) -> None:
    image, asked = [noise(40, 56)], [ask("dog", "sky")]
    [exact] = make(clipseg())(image, asked)
    [found] = make(clipseg()).to(dtype)(image, asked)
    assert found.maps.dtype == torch.float32
    assert float((found.maps - exact.maps).abs().mean()) < 0.03


def test_saved_parts_load_as_a_checkpoint(parts: tuple[Any, Any], tmp_path: Path) -> None:
    for part in parts:
        part.save_pretrained(tmp_path)
    image, asked = [noise(40, 56)], [ask(*PROMPTS)]
    loaded = ClipSeg.from_pretrained(tmp_path, cell=1)
    assert_same(loaded(image, asked)[0], make(parts)(image, asked)[0])


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    assert list(ClipSeg.needs({"checkpoint": "a/b"})) == [Checkpoint("a/b")]
    with pytest.raises(CheckpointNotFound, match="ClipSeg needs the checkpoint"):
        ClipSeg.from_pretrained(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk_size": 0}, "chunk_size is 0, expected at least 1"),
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"kept_texts": -1}, "kept_texts is -1, expected at least 0"),
        ({"cell": 5}, "cell is 5, expected a divisor of the network's 32 pixels"),
    ],
)
def test_wrong_options_are_refused(
    parts: tuple[Any, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(parts, **options)


def test_bad_inputs_are_refused(parts: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="1 images but 2 selections"):
        make(parts)([noise()], [ask("dog"), ask("sky")])
    with pytest.raises(ValueError, match="reads at most 48"):
        make(parts)([noise()], [ask("z" * 70)])
