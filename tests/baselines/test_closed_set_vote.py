"""Votes of a supervised network: by hand, and against the stock networks of transformers."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPTokenizer,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessor,
    OneFormerConfig,
    OneFormerForUniversalSegmentation,
    OneFormerImageProcessor,
    OneFormerProcessor,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessor,
    SwinConfig,
)

from tests.baselines.conftest import counted, masks_of
from zeroseg.baselines.closed_set_vote import ClosedSetVote
from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.testing import noise
from zeroseg.values import Geometry, Masks
from zeroseg.vocabulary import Vocabulary

PETS = Vocabulary.from_names(["background", "dog", "cat", "potted-plant"])
NAMES = ("wall", "puppy", "hound", "cat", "potted plant", "floor")


class Scripted(nn.Module):
    """A network that sees a given map of its classes, (H, W), in every image."""

    def __init__(self, seen: Tensor, names: Sequence[str] = NAMES) -> None:
        super().__init__()
        self.seen = seen
        self.weight = nn.Parameter(torch.zeros(1))
        self.config = SimpleNamespace(id2label=dict(enumerate(names)), model_type="scripted")

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.seen.expand(len(pixel_values), *self.seen.shape)


class Reader:
    """Passes images on, and the network's map back in the size it is asked for."""

    sizes: Sequence[tuple[int, int]] = ()

    def __call__(self, images: Sequence[Tensor], **_: Any) -> dict[str, Tensor]:
        return {"pixel_values": torch.stack([image.float() for image in images])}

    def post_process_semantic_segmentation(
        self, outputs: Tensor, target_sizes: Sequence[tuple[int, int]]
    ) -> list[Tensor]:
        self.sizes = target_sizes
        resized = nn.functional.interpolate(outputs[:, None].float(), target_sizes[0])
        return list(resized[:, 0].long())


def scripted(seen: Tensor, names: Sequence[str] = NAMES, **options: Any) -> ClosedSetVote:
    return ClosedSetVote(model=Scripted(seen, names), processor=Reader(), **options)


def halves(left: int, right: int) -> Tensor:
    """A map (32, 48), the left third of one class and the rest of another."""
    seen = torch.full((32, 48), right)
    seen[:, :16] = left
    return seen


def test_the_majority_of_a_masks_pixels_decides() -> None:
    part = scripted(halves(3, 1))
    masks = masks_of([(0, 0, 24, 32), (0, 0, 36, 32), (8, 0, 40, 8)])
    [votes] = part([noise()], [masks], PETS)
    assert votes.labels.tolist() == [2, 1, 1]
    assert counted(votes.rest) == {1: 32 * 32, 2: 16 * 32}


def test_classes_of_one_meaning_vote_together_and_others_for_themselves() -> None:
    seen = torch.full((32, 48), 3)  # cat, 12 columns
    seen[:, 12:20], seen[:, 20:28] = 1, 2  # puppy and hound, 8 columns each
    seen[:, 28:38], seen[:, 38:] = 0, 5  # wall and floor, 10 columns each
    [votes] = scripted(seen)(
        [noise()],
        [masks_of([(0, 0, 28, 32), (0, 0, 48, 32), (10, 0, 48, 32), (20, 0, 38, 32)])],
        PETS,
    )
    assert votes.labels.tolist() == [1, 1, 1, 0]
    assert counted(votes.rest) == {0: 20 * 32, 1: 16 * 32, 2: 12 * 32}


def test_class_names_are_mapped_by_their_meaning() -> None:
    assert scripted(halves(0, 0)).matches(PETS) == (-1, 1, 1, 2, 3, -1)


def test_a_network_of_other_classes_is_refused() -> None:
    part = scripted(halves(0, 0), ["LABEL_0", "LABEL_1"])
    with pytest.raises(CheckpointError, match="none of the network's 2 classes"):
        part([noise()], [masks_of([])], PETS)


def test_large_images_are_seen_at_the_limit_and_enlarged() -> None:
    part = scripted(halves(3, 1), resolution=24)
    [votes] = part([noise()], [masks_of([(0, 0, 20, 32)])], PETS)
    assert part.processor.sizes == [(16, 24)]
    assert votes.rest.shape == (32, 48)
    assert counted(votes.rest) == {1: 32 * 32, 2: 16 * 32}


def test_no_mask_and_an_empty_mask_are_no_error() -> None:
    part = scripted(halves(3, 1))
    none, empty = masks_of([]), masks_of([(5, 5, 5, 5)])
    first, second = part([noise(), noise()], [none, empty], PETS)
    assert first.labels.shape == (0,)
    assert second.labels.shape == (1,)
    assert part([], [], PETS) == []


def test_chunks_of_masks_change_nothing() -> None:
    boxes = [(i, 0, 2 * i + 6, 20) for i in range(14)]
    few, many = (
        scripted(halves(3, 1), chunk_size=size)([noise()], [masks_of(boxes)], PETS)[0].labels
        for size in (3, 64)
    )
    assert few.tolist() == many.tolist()


def segformer(**options: Any) -> SegformerForSemanticSegmentation:
    torch.manual_seed(0)
    config = SegformerConfig(
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        id2label=dict(enumerate(NAMES)),
        initializer_range=0.5,
        **options,
    )
    return SegformerForSemanticSegmentation(config).eval()


SWIN = SwinConfig(
    embed_dim=8,
    depths=[1, 1, 1, 1],
    num_heads=[1, 1, 2, 2],
    window_size=2,
    out_features=["stage1", "stage2", "stage3", "stage4"],
)


def mask2former() -> Mask2FormerForUniversalSegmentation:
    torch.manual_seed(0)
    config = Mask2FormerConfig(
        backbone_config=SWIN,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        dim_feedforward=16,
        num_attention_heads=2,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=6,
        id2label=dict(enumerate(NAMES)),
        init_std=0.5,
        init_xavier_std=2.0,
    )
    model = Mask2FormerForUniversalSegmentation(config).eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and ("class_predictor" in name or "mask_embedder" in name):
            nn.init.normal_(parameter)  # else every query sees the same class
    return model


SEGFORMER_SIZE = SegformerImageProcessor(size={"height": 64, "width": 64})
MASK2FORMER_SIZE = Mask2FormerImageProcessor(
    size={"shortest_edge": 32, "longest_edge": 96}, size_divisor=32
)


@pytest.mark.parametrize(
    ("model", "processor"), [(segformer(), SEGFORMER_SIZE), (mask2former(), MASK2FORMER_SIZE)]
)
def test_votes_are_those_of_the_stock_network_alone_and_in_company(
    model: nn.Module, processor: Any
) -> None:
    part = ClosedSetVote(model=model, processor=processor)
    images = [noise(40, 56, 1), noise(56, 40, 2), noise(40, 56, 3), noise(30, 90, 4)]
    masks = [masks_of([(0, 0, 20, 30), (5, 9, 40, 40)], *image.shape[1:]) for image in images]
    label_of = dict(zip(NAMES, part.matches(PETS), strict=True))
    together = part(images, masks, PETS)
    for image, mask, votes in zip(images, masks, together, strict=True):
        inputs = processor(images=image.permute(1, 2, 0).numpy(), return_tensors="pt")
        with torch.no_grad():
            outputs = model(**inputs)
        [seen] = processor.post_process_semantic_segmentation(
            outputs, target_sizes=[tuple(image.shape[1:])]
        )
        named = [[NAMES[index] for index in row] for row in seen.tolist()]
        meant = [[label_of[n] if label_of[n] >= 0 else n for n in row] for row in named]
        rest = torch.tensor([[n if isinstance(n, int) else 0 for n in row] for row in meant])
        assert (votes.rest == rest).float().mean() > 0.995
        assert len(rest.unique()) > 1
        for label, inside in zip(votes.labels.tolist(), mask.full() > 0, strict=True):
            places = inside.nonzero().tolist()
            (winner, most), *others = Counter(meant[y][x] for y, x in places).most_common()
            clear = not others or most > 1.05 * others[0][1]
            assert label == (winner if isinstance(winner, int) else 0) or not clear


def test_saved_networks_load_by_their_kind(tmp_path: Path) -> None:
    masks = [Masks(torch.ones(1, 8, 8), Geometry.itself((40, 56)))]
    for name, model, processor in (
        ("segformer", segformer(), SEGFORMER_SIZE),
        ("mask2former", mask2former(), MASK2FORMER_SIZE),
    ):
        model.save_pretrained(tmp_path / name)
        processor.save_pretrained(tmp_path / name)
        part = ClosedSetVote.from_pretrained(tmp_path / name)
        assert type(part.model) is type(model)
        before = ClosedSetVote(model=model, processor=processor)
        [expected], [votes] = (p([noise(40, 56)], masks, PETS) for p in (before, part))
        assert torch.equal(votes.rest, expected.rest)
        assert votes.labels.tolist() == expected.labels.tolist()


def test_one_former_is_told_its_task(tmp_path: Path) -> None:
    torch.manual_seed(0)
    classes = {str(index): {"name": name, "isthing": 1} for index, name in enumerate(NAMES)}
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    words = {word: i for i, word in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    processor = OneFormerProcessor(
        OneFormerImageProcessor(
            repo_path=str(tmp_path),
            class_info_file="classes.json",
            num_text=4,
            size={"shortest_edge": 32, "longest_edge": 96},
        ),
        CLIPTokenizer(vocab=words, merges=[]),
    )
    config = OneFormerConfig(
        backbone_config=SWIN,
        conv_dim=32,
        mask_dim=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        num_attention_heads=2,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=6,
        is_training=False,
        id2label=dict(enumerate(NAMES)),
    )
    model = OneFormerForUniversalSegmentation(config).eval()
    model.save_pretrained(tmp_path)
    processor.image_processor.class_info_file = "own_panoptic.json"
    processor.image_processor.repo_path = "somebody/at-the-hub"
    processor.save_pretrained(tmp_path)
    (tmp_path / "classes.json").rename(tmp_path / "own_panoptic.json")
    images = [noise(40, 56, 1), noise(30, 90, 2), noise(40, 56, 3)]
    part = ClosedSetVote.from_pretrained(
        tmp_path
    )  # its classes are those of the folder, not of the hub
    together = part(images, [masks_of([], *image.shape[1:]) for image in images], PETS)
    label_of = torch.tensor(part.matches(PETS)).clamp(min=0)
    for image, votes in zip(images, together, strict=True):
        pixels = image.permute(1, 2, 0).numpy()
        inputs = processor(images=pixels, task_inputs=["semantic"], return_tensors="pt")
        with torch.no_grad():
            outputs = model(**inputs)
        [seen] = processor.post_process_semantic_segmentation(outputs, [tuple(image.shape[1:])])
        assert (votes.rest == label_of[seen]).float().mean() > 0.99
    (tmp_path / "own_panoptic.json").unlink()
    with pytest.raises(CheckpointNotFound, match="it takes a file from elsewhere"):
        ClosedSetVote.from_pretrained(tmp_path)


def test_what_cannot_segment_is_refused(tmp_path: Path) -> None:
    CLIPConfig().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is a clip, not a semantic segmentation network"):
        ClosedSetVote.from_pretrained(tmp_path)
    with pytest.raises(CheckpointNotFound, match="ClosedSetVote needs the checkpoint"):
        ClosedSetVote.from_pretrained(tmp_path / "nowhere")


def test_empty_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="resolution is 0"):
        scripted(halves(0, 0), resolution=0)
    with pytest.raises(ValueError, match="chunk_size is 0"):
        scripted(halves(0, 0), chunk_size=0)
