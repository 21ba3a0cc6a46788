"""Classes by CLIP: what a crop shows, and the stock network's own answers."""

from __future__ import annotations

import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
)

from tests.baselines.conftest import masks_of
from zeroseg.baselines.clip_vote import ClipVote
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import blank, noise
from zeroseg.vocabulary import Vocabulary

COLOURS = Vocabulary.from_names(["background", "red", "blue"])
VECTORS = {"red": (1.0, 0, 0), "green": (0, 1.0, 0), "blue": (0, 0, 1.0), "grey": (0.5, 0.5, 0.5)}


class ColourNetwork(nn.Module):
    """Embeds a crop as its mean colour and a sentence as the colour of its last word."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.visual_projection = self.text_projection = nn.Identity()
        self.crops: list[Tensor] = []

    def vision_model(self, pixel_values: Tensor) -> Any:
        return SimpleNamespace(pooler_output=pixel_values.mean((2, 3)))

    def text_model(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return SimpleNamespace(pooler_output=input_ids)


class ColourProcessor:
    """Keeps the crops that it is shown; black is their mean colour."""

    def __init__(self) -> None:
        self.shown: list[Tensor] = []
        self.image_processor = self
        self.image_mean = [0.0, 0.0, 0.0]
        self.sentences: list[str] = []

    def __call__(self, images: list[Tensor], **_: Any) -> dict[str, Tensor]:
        self.shown += images
        sized = [nn.functional.interpolate(i[None].float(), (8, 8), mode="area") for i in images]
        return {"pixel_values": torch.cat(sized) / 255}

    def tokenizer(self, sentences: list[str], **_: Any) -> Any:
        self.sentences = sentences
        vectors = torch.tensor([VECTORS[sentence.split()[-1]] for sentence in sentences])
        inputs = {"input_ids": vectors, "attention_mask": vectors}

        class Inputs(dict[str, Tensor]):
            def to(self, device: torch.device) -> Inputs:
                return self

        return Inputs(inputs)


def painted() -> Tensor:
    """Red on the left third, blue on the right one, green between."""
    image = torch.zeros(3, 32, 48, dtype=torch.uint8)
    image[0, :, :16], image[1, :, 16:32], image[2, :, 32:] = 200, 200, 200
    return image


def colours(**options: Any) -> ClipVote:
    return ClipVote(model=ColourNetwork(), processor=ColourProcessor(), **options)  # type: ignore[arg-type]


def test_a_mask_is_what_it_shows() -> None:
    part = colours(others=("green",))
    masks = masks_of([(32, 0, 48, 32), (2, 3, 9, 30), (18, 2, 30, 30), (0, 0, 20, 32)])
    [votes] = part([painted()], [masks], COLOURS)
    assert votes.labels.tolist() == [2, 1, 0, 1]
    assert votes.rest.shape == (32, 48)
    assert not votes.rest.any()


def test_without_other_words_every_mask_gets_a_class() -> None:
    part = colours(others=(), template="the colour {}")
    image = painted()
    image[2, :, 16:32] = 20
    [votes] = part([image], [masks_of([(18, 2, 30, 30)])], COLOURS)
    assert votes.labels.tolist() == [2]
    assert part.processor.sentences == ["the colour red", "the colour blue"]


def test_what_is_off_the_mask_is_not_seen() -> None:
    part = colours(others=())
    masks = masks_of([(0, 0, 48, 32)])
    masks.logits[0, :, 16:40] = -1  # red on the left and a narrower strip of blue on the right
    [votes] = part([painted()], [masks], COLOURS)
    assert votes.labels.tolist() == [1]
    [crop] = part.processor.shown
    assert crop.shape == (3, 48, 48)
    assert not crop[1].any()
    assert int((crop[0] == 200).sum()) == 16 * 32
    assert int((crop[2] == 200).sum()) == 8 * 32
    assert not crop[:, :8].any()
    assert not crop[:, 40:].any()


def test_an_empty_mask_is_background_and_no_mask_asks_nothing() -> None:
    part = colours()
    part.processor.tokenizer = None
    assert part([painted()], [masks_of([])], COLOURS)[0].labels.shape == (0,)
    assert part([], [], COLOURS) == []
    part = colours(others=("grey",), chunk_size=1)
    masks = masks_of([(1, 1, 9, 9), (5, 5, 5, 5), (40, 1, 47, 9)])
    assert part([painted()], [masks], COLOURS)[0].labels.tolist() == [1, 0, 2]


@pytest.fixture(scope="module")
def processor() -> CLIPProcessor:
    letters = [*string.ascii_lowercase, *(f"{c}</w>" for c in string.ascii_lowercase)]
    words = {word: i for i, word in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = CLIPTokenizer(vocab=words, merges=[], model_max_length=32)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    return CLIPProcessor(CLIPImageProcessor(**size), tokenizer)


@pytest.fixture(scope="module")
def model(processor: CLIPProcessor) -> CLIPModel:
    torch.manual_seed(1)
    narrow = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 16,
        "initializer_range": 0.5,
        "initializer_factor": 20.0,
    }
    last = len(processor.tokenizer) - 1
    text = CLIPTextConfig(
        vocab_size=last + 1, max_position_embeddings=32, eos_token_id=last, **narrow
    )
    vision = CLIPVisionConfig(image_size=16, patch_size=4, **narrow)
    both = {"text_config": text.to_dict(), "vision_config": vision.to_dict()}
    return CLIPModel(CLIPConfig(**both, projection_dim=16)).eval()


ANIMALS = Vocabulary.from_names(["background", "dog", "cat", "potted-plant", "horse"])
BOXES = [(2, 3, 18, 19), (0, 0, 40, 30), (10, 5, 30, 25), (20, 20, 36, 36), (30, 1, 38, 9)]


def test_labels_are_the_stock_networks(model: CLIPModel, processor: CLIPProcessor) -> None:
    image = noise(40, 40, 5)
    squares = [(2, 3, 18, 19), (0, 0, 40, 40), (10, 5, 30, 25), (20, 20, 36, 36), (30, 1, 38, 9)]
    [votes] = ClipVote(model=model, processor=processor)(
        [image], [masks_of(squares, 40, 40)], ANIMALS
    )
    words = ["dog", "cat", "potted plant", "horse", "background"]
    inputs = processor(
        text=[f"a photo of a {word}" for word in words],
        images=[image[:, y1:y2, x1:x2].permute(1, 2, 0).numpy() for x1, y1, x2, y2 in squares],
        return_tensors="pt",
        padding=True,
    )
    with torch.no_grad():
        nearest = model(**inputs).logits_per_image.argmax(1)
    expected = [[1, 2, 3, 4, 0][index] for index in nearest.tolist()]
    assert votes.labels.tolist() == expected
    assert len(set(expected)) > 1


def test_batch_equals_singles_whatever_the_chunks(
    model: CLIPModel, processor: CLIPProcessor
) -> None:
    images = [noise(40, 56, 1), noise(56, 40, 2), blank(33, 33)]
    masks = [masks_of(BOXES[: 5 - i], *image.shape[1:]) for i, image in enumerate(images)]
    whole = ClipVote(model=model, processor=processor)
    chunked = ClipVote(model=model, processor=processor, chunk_size=2)
    together = whole(images, masks, ANIMALS)
    for votes, image, mask in zip(together, images, masks, strict=True):
        for part in (whole, chunked):
            [alone] = part([image], [mask], ANIMALS)
            assert alone.labels.tolist() == votes.labels.tolist()


def test_saved_weights_load_by_path(
    model: CLIPModel, processor: CLIPProcessor, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    masks = [masks_of(BOXES, 40, 56)]
    [before] = ClipVote(model=model, processor=processor)([noise(40, 56)], masks, ANIMALS)
    [after] = ClipVote.from_pretrained(tmp_path)([noise(40, 56)], masks, ANIMALS)
    assert after.labels.tolist() == before.labels.tolist()


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="where the class goes"):
        colours(template="a photo")
    with pytest.raises(ValueError, match="chunk_size is 0"):
        colours(chunk_size=0)
    with pytest.raises(CheckpointNotFound, match="ClipVote needs the checkpoint"):
        ClipVote.from_pretrained(tmp_path / "nowhere")
