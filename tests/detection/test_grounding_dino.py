from __future__ import annotations

import string
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import box_iou
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    ResNetConfig,
)

from zeroseg.detection.detector import Detector
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.token_spans import write_prompts
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import Detections, Selection

WORDS = ["dog", "cat", "person", "potted", "plant", "boat", "bird", ",", "-"]


def build_tokenizer(folder: Path) -> BertTokenizer:
    """Rows as transformers' Grounding DINO expects them: its delimiters have fixed ids."""
    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    fixed |= {1012: ".", 1029: "?"}
    letters = [*string.ascii_lowercase, *(f"##{c}" for c in string.ascii_lowercase)]
    free = iter([*WORDS, *letters])
    rows = [
        fixed.get(i) or (next(free, f"[unused{i}]") if i > 103 else f"[unused{i}]")
        for i in range(1030)
    ]
    (folder / "vocab.txt").write_text("\n".join(rows) + "\n")
    return BertTokenizer.from_pretrained(folder)


def draw_weights(model: nn.Module) -> None:
    """Weights that depend on their names and shapes alone, not on a version's initialisation."""
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            dice = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            weight.normal_(0, weight[0].numel() ** -0.5, generator=dice)


KINDS: dict[Any, Any] = {
    GroundingDinoForObjectDetection: GroundingDinoConfig,
    MMGroundingDinoForObjectDetection: MMGroundingDinoConfig,
}
"""The networks, of which the second is also LLMDet's, and their configurations."""


@torch.no_grad()
def build_model(
    max_text_len: int = 64, kind: Any = GroundingDinoForObjectDetection
) -> GroundingDinoForObjectDetection:
    config = KINDS[kind](
        backbone_config=ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 8, 16, 16],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=BertConfig(
            vocab_size=1030,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        ),
        num_queries=12,
        num_feature_levels=4,
        d_model=32,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=4,
        max_text_len=max_text_len,
        disable_custom_kernels=True,
    )
    model: GroundingDinoForObjectDetection = kind(config)
    draw_weights(model)
    for name, weight in model.named_parameters():
        if "class_embed" in name:  # else only what was trained scores anything
            weight.zero_()
    for norm in (model.model.decoder.layer_norm, model.model.enc_output_norm):
        norm.weight.fill_(0.4)
    return model.eval()


@pytest.fixture(scope="module", params=KINDS)
def parts(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, Any]:
    images = GroundingDinoImageProcessor(size={"shortest_edge": 80, "longest_edge": 96})
    tokenizer = build_tokenizer(tmp_path_factory.mktemp("words"))
    model = build_model(kind=request.param)
    return {"model": model, "processor": GroundingDinoProcessor(images, tokenizer)}


def like(parts: dict[str, Any], max_text_len: int = 64) -> GroundingDinoForObjectDetection:
    """Another network of the same kind."""
    return build_model(max_text_len, type(parts["model"]))


def make(parts: dict[str, Any], **options: Any) -> GroundingDino:
    return GroundingDino(**{"box_threshold": 0.3, "nms_threshold": 1.0, **parts, **options})


def ask(*prompts: str) -> Selection:
    return Selection(prompts, tuple(range(10, 10 + len(prompts))))


def assert_same(one: Detections, other: Detections) -> None:
    assert one.phrases == other.phrases
    assert torch.equal(one.labels, other.labels)
    torch.testing.assert_close(one.boxes, other.boxes, atol=1e-2, rtol=1e-4)
    torch.testing.assert_close(one.scores, other.scores, atol=1e-4, rtol=1e-4)


class TestContract(DetectorContract):
    @pytest.fixture(autouse=True)
    def _parts(self, parts: dict[str, Any]) -> None:
        self.parts = parts

    def part(self) -> Detector:
        return make(self.parts)


class TestPhrasesContract(TestContract):
    def part(self) -> Detector:
        return make(self.parts, decoding="phrases", text_threshold=0.4)


def stock(parts: dict[str, Any], image: Tensor, text: str) -> tuple[Tensor, Tensor, list[str]]:
    """Token scores, corner boxes and tokens straight from transformers' own processor and model."""
    inputs = parts["processor"](images=image, text=text, return_tensors="pt")
    with torch.no_grad():
        output = parts["model"](**inputs)
    height, width = image.shape[1:]
    x, y, w, h = output.pred_boxes[0].unbind(-1)
    boxes = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1)
    boxes = boxes * torch.tensor([width, height, width, height])
    tokens = parts["processor"].tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist())
    return output.logits[0].sigmoid(), boxes, tokens


@pytest.mark.parametrize("size", [(40, 56), (131, 97)])
def test_scores_are_those_of_the_own_tokens(parts: dict[str, Any], size: tuple[int, int]) -> None:
    image = noise(*size)
    scores, boxes, tokens = stock(parts, image, "dog. potted plant. person.")
    assert tokens == ["[CLS]", "dog", ".", "potted", "plant", ".", "person", ".", "[SEP]"]
    [found] = make(parts)([image], [ask("dog", "potted plant", "person")])
    assert found.queries is not None
    expected = [[float(q[1]), float(max(q[3], q[4])), float(q[6])] for q in scores]
    torch.testing.assert_close(found.queries.scores, torch.tensor(expected), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.queries.boxes, boxes, atol=1e-2, rtol=1e-4)
    count = sum(max(row) > 0.3 for row in expected)
    assert 0 < count == len(found)
    for score, prompt in zip(found.scores.tolist(), found.prompt_index.tolist(), strict=True):
        row = min(expected, key=lambda r: abs(max(r) - score))
        assert row[prompt] == max(row) == pytest.approx(score, abs=1e-5)
    assert found.labels.tolist() == [10 + i for i in found.prompt_index.tolist()]
    names = ("dog", "potted plant", "person")
    assert found.phrases == tuple(names[i] for i in found.prompt_index.tolist())


def test_order_of_prompts_only_permutes(parts: dict[str, Any]) -> None:
    image, prompts = noise(40, 56), ("dog", "potted plant", "person")
    [one] = make(parts)([image], [ask(*prompts)])
    [two] = make(parts)([image], [ask(*prompts[::-1])])
    assert len(one) > 0
    assert one.phrases == two.phrases
    torch.testing.assert_close(one.scores, two.scores, atol=1e-4, rtol=1e-4)
    assert [2 - i for i in one.prompt_index.tolist()] == two.prompt_index.tolist()


def test_batch_equals_singles_whatever_sizes_and_prompts(parts: dict[str, Any]) -> None:
    images = [noise(40, 56, 1), noise(40, 56, 2), noise(90, 30, 3), noise(40, 56, 4)]
    asked = [ask("dog"), ask("person", "potted plant", "boat"), ask("cat"), Selection()]
    part = make(parts, batch_size=2)
    together = part(images, asked)
    assert sum(len(found) for found in together) > 0
    for image, selection, found in zip(images, asked, together, strict=True):
        assert_same(part([image], [selection])[0], found)
    for found, again in zip(together, part(images, asked), strict=True):
        assert torch.equal(found.boxes, again.boxes)


def test_long_lists_are_split_between_prompts(parts: dict[str, Any]) -> None:
    short = {**parts, "model": like(parts, max_text_len=8)}
    prompts = ("dog", "potted plant", "person", "boat", "bird", "cat")
    texts = write_prompts(prompts, parts["processor"].tokenizer, " . ", 8)
    assert all(len(text.ids) <= 8 for text in texts)
    assert [sorted({s for s in t.spans if s >= 0}) for t in texts] == [[0, 1], [2, 3, 4], [5]]
    [found] = make(short)([noise(40, 56)], [ask(*prompts)])
    assert found.queries is not None
    assert found.queries.scores.shape == (3 * 12, 6)
    for start, group in ((0, (0, 1)), (12, (2, 3, 4)), (24, (5,))):
        [alone] = make(short)([noise(40, 56)], [ask(*(prompts[i] for i in group))])
        assert alone.queries is not None
        part = found.queries.scores[start : start + 12]
        torch.testing.assert_close(part[:, list(group)], alone.queries.scores)
        others = [i for i in range(6) if i not in group]
        assert float(part[:, others].abs().sum()) == 0
    assert found.phrases == tuple(prompts[i] for i in found.prompt_index.tolist())


def test_every_class_of_a_long_vocabulary_is_read(parts: dict[str, Any]) -> None:
    tokenizer = parts["processor"].tokenizer
    prompts = [a + b for a in "abcdefgh" for b in "klmnopqrst"]
    texts = write_prompts(prompts, tokenizer, " . ", 64)
    for position, prompt in enumerate(prompts):
        holders = [text for text in texts if text.ids_of(position)]
        assert len(holders) == 1
        assert tokenizer.decode(holders[0].ids_of(position)) == prompt
    stops = tokenizer.convert_tokens_to_ids(".")
    assert all(text.ids[-2] == stops for text in texts)


def test_a_prompt_that_cannot_be_read_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has 70 tokens"):
        make(parts)([noise()], [ask("dog", "z" * 70)])
    with pytest.raises(ValueError, match="no word"):
        make(parts)([noise()], [ask("?")])


def test_nms_thins_out_over_all_prompts(parts: dict[str, Any]) -> None:
    image, asked = noise(40, 56), ask("dog", "person")
    [every] = make(parts)([image], [asked])
    [thin] = make(parts, nms_threshold=0.05)([image], [asked])
    assert 0 < len(thin) < len(every)
    assert every.queries is not None
    order = every.queries.scores.max(1).values.argsort(descending=True)
    ious = box_iou(every.queries.boxes, every.queries.boxes)
    kept: list[int] = []
    for query in order.tolist():
        free = all(ious[query, k] <= 0.05 for k in kept)
        if free and every.queries.scores[query].max() > 0.3:
            kept.append(query)
    torch.testing.assert_close(thin.scores, every.queries.scores[kept].max(1).values)


def test_phrases_hold_all_tokens_over_the_threshold(parts: dict[str, Any]) -> None:
    image = noise(40, 56)
    scores, _, tokens = stock(parts, image, "dog, potted plant, person.")
    threshold = float(scores[:, [1, 3, 4, 6]].median())
    part = make(parts, decoding="phrases", text_threshold=threshold, separator=", ")
    [found] = part([image], [ask("dog", "potted plant", "person")])
    expected = {}
    for query in scores:
        own = {tokens[i]: float(query[i]) for i in (1, 3, 4, 6)}
        words = [token for token, value in own.items() if value > threshold]
        expected[round(max(own.values()), 3)] = " ".join(words) or max(own, key=own.__getitem__)
    names = {"dog": 10, "potted plant": 11, "person": 12}
    assert len(found) > 0
    assert len(set(found.phrases)) > 1
    for score, phrase, label in zip(
        found.scores.tolist(), found.phrases, found.labels.tolist(), strict=True
    ):
        assert phrase == expected[round(score, 3)]
        assert label == names.get(phrase, -1)
    assert -1 in found.labels.tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_full_precision_values(
    parts: dict[str, Any], dtype: torch.dtype
) -> None:
    model = like(parts)
    exact = make({**parts, "model": model})([noise(40, 56)], [ask("dog", "person")])[0]
    [found] = make({**parts, "model": model}).to(dtype)([noise(40, 56)], [ask("dog", "person")])
    assert found.boxes.dtype == found.scores.dtype == torch.float32
    assert bool(found.scores.isfinite().all())
    assert float(found.scores[0]) == pytest.approx(float(exact.scores[0]), abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (300, 3), (40, 3)])
def test_odd_shapes_are_read(parts: dict[str, Any], size: tuple[int, int]) -> None:
    [found] = make(parts)([noise(*size)], [ask("dog")])
    limit = torch.tensor([size[1], size[0], size[1], size[0]])
    assert bool((found.boxes >= 0).all() and (found.boxes <= limit).all())


def test_unknown_checkpoints_and_options_are_refused(tmp_path: Path, parts: dict[str, Any]) -> None:
    with pytest.raises(CheckpointNotFound, match="no such file or folder"):
        GroundingDino.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ValueError, match="box_threshold is 1"):
        make(parts, box_threshold=1.5)


def test_saved_parts_load_as_a_checkpoint(tmp_path: Path, parts: dict[str, Any]) -> None:
    parts["model"].save_pretrained(tmp_path)
    parts["processor"].save_pretrained(tmp_path)
    loaded = GroundingDino.from_pretrained(tmp_path, box_threshold=0.3, nms_threshold=1.0)
    assert type(loaded.model) is type(parts["model"])
    image, asked = noise(40, 56), ask("dog", "potted plant")
    assert_same(loaded([image], [asked])[0], make(parts)([image], [asked])[0])
