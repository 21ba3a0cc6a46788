"""A small checkpoint for every component that loads one, in the layout that the hub has."""

from __future__ import annotations

import shutil
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    EdgeTamConfig,
    EdgeTamModel,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessor,
    MMGroundingDinoForObjectDetection,
    Sam2Config,
    Sam2ImageProcessor,
    Sam2Model,
    Sam3ImageProcessor,
    SamHQConfig,
    SamHQModel,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessor,
    SwinConfig,
)

from tests.chat import tiny_vision
from tests.dense.clipseg_parts import clipseg
from tests.detection import prompt_parts, sam3_parts
from tests.detection.test_grounding_dino import build_model, build_tokenizer
from tests.encoders.encoder_parts import siglip, tipsv2
from tests.masking.conftest import DECODER, PROMPT2, SQUARE, edgetam_vision, sam2_vision, tracker_of
from tests.recognition.florence2_parts import florence2
from zeroseg.baselines.clip_vote import ClipVote
from zeroseg.baselines.closed_set_vote import ClosedSetVote
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.dense.clipseg import ClipSeg
from zeroseg.dense.patch_scorer import PatchScorer
from zeroseg.detection.florence2_detector import Florence2Detector
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.omdet_turbo import OmDetTurbo
from zeroseg.detection.owlv2 import Owlv2
from zeroseg.detection.sam3 import Sam3
from zeroseg.masking.edgetam import EdgeTam
from zeroseg.masking.sam import Sam
from zeroseg.masking.sam2 import Sam2
from zeroseg.masking.sam3_tracker import Sam3Tracker
from zeroseg.masking.sam_hq import SamHq
from zeroseg.presets import load_preset
from zeroseg.recognition.blip2 import Blip2
from zeroseg.recognition.ram_plus import RamPlus
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.official.sam_checkpoint import SamSizes

COMPONENTS: dict[str, Callable[[Path], Any]] = {
    "ram_plus": RamPlus.from_pretrained,
    "blip2": Blip2.from_pretrained,
    "grounding_dino": GroundingDino.from_pretrained,
    "sam3": Sam3.from_pretrained,
    "mm_grounding_dino": GroundingDino.from_pretrained,
    "owlv2": Owlv2.from_pretrained,
    "omdet_turbo": OmDetTurbo.from_pretrained,
    "florence2": Florence2Detector.from_pretrained,
    "sam": Sam.from_pretrained,
    "sam_hq": SamHq.from_pretrained,
    "sam2": Sam2.from_pretrained,
    "edgetam": EdgeTam.from_pretrained,
    "sam3_tracker": Sam3Tracker.from_pretrained,
    "chat": TransformersChat.from_pretrained,
    "seeing_chat": TransformersChat.from_pretrained,
    "clip": ClipVote.from_pretrained,
    "siglip": PatchScorer.from_pretrained,
    "tipsv2": PatchScorer.from_pretrained,
    "clipseg": ClipSeg.from_pretrained,
    "segformer": ClosedSetVote.from_pretrained,
    "mask2former": ClosedSetVote.from_pretrained,
}
"""What loads each kind."""
PUBLISHED = {
    "xinyu1205/recognize-anything-plus-model": "ram_plus",
    "Salesforce/blip2-opt-2.7b": "blip2",
    "florence-community/Florence-2-large": "florence2",
    "IDEA-Research/grounding-dino-tiny": "grounding_dino",
    "iSEE-Laboratory/llmdet_large": "mm_grounding_dino",
    "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_v3det": "mm_grounding_dino",
    "syscv-community/sam-hq-vit-large": "sam_hq",
    "facebook/sam2.1-hiera-large": "sam2",
    "facebook/sam2.1-hiera-base-plus": "sam2",
    "facebook/sam3": "sam3",
}
"""A kind of small checkpoint, of the same classes, for each published one that presets name."""
KINDS = tuple(COMPONENTS)
PACKAGED = ("ram_plus", "blip2", "grounding_dino", "sam", "chat")
"""Kinds of which the tiny family has a member."""
SIZES = SamSizes(
    patch=16, grid=8, channels=32, mask_channels=4, decoder_mlp_width=32, iou_width=16,
    width=32, depth=2, heads=2, mlp_width=32, window=4, global_blocks=(1,),
)  # fmt: skip
_NAMES = {0: "wall", 1: "dog", 2: "cat"}
_PROMPTED = {"prompt_encoder_config": PROMPT2, "mask_decoder_config": DECODER}
_LAYERS = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def write(kind: str, folder: Path) -> Path:
    """Write a checkpoint of a kind to a new folder."""
    torch.manual_seed(0)
    if kind in PACKAGED:
        shutil.copytree(locate(f"tiny:{kind}"), folder)
    elif kind == "seeing_chat":
        tiny_vision.save("llava", folder)
    else:
        for part in _MAKERS[kind]():
            part.save_pretrained(folder)
    return folder


def small_preset(name: str, folder: Path) -> dict[str, Any]:
    """A preset's content with small checkpoints, written to a folder, for the published ones."""
    content = load_preset(name)
    for number, (holder, checkpoint) in enumerate(list(leaves(content, "checkpoint"))):
        holder["checkpoint"] = str(write(PUBLISHED[checkpoint], folder / str(number)))
    return content


def leaves(value: Any, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every entry called `name` in a configuration, with the mapping that holds it."""
    if isinstance(value, dict):
        if name in value:
            yield value, value[name]
        for inner in value.values():
            yield from leaves(inner, name)


def _mm_grounding_dino() -> tuple[Any, ...]:
    images = GroundingDinoImageProcessor(size={"shortest_edge": 80, "longest_edge": 96})
    with TemporaryDirectory() as folder:
        tokenizer = build_tokenizer(Path(folder))
    model = build_model(kind=MMGroundingDinoForObjectDetection)
    return model, GroundingDinoProcessor(images, tokenizer)


def _sam_hq() -> tuple[Any, ...]:
    config = SIZES.config()
    config["mask_decoder_config"]["vit_dim"] = SIZES.width
    return SamHQModel(SamHQConfig(**config)), SIZES.image_processor()


def _sam3() -> tuple[Any, ...]:
    return sam3_parts.sam3_model(), sam3_parts.processor()


def _sam2() -> tuple[Any, ...]:
    config = Sam2Config(vision_config=sam2_vision(), **_PROMPTED)
    return Sam2Model(config), Sam2ImageProcessor(size=SQUARE)


def _edgetam() -> tuple[Any, ...]:
    config = EdgeTamConfig(vision_config=edgetam_vision(), **_PROMPTED)
    return EdgeTamModel(config), Sam2ImageProcessor(size=SQUARE)


def _sam3_tracker() -> tuple[Any, ...]:
    return tracker_of(4.0, 2.0, 1.0, 0.5), Sam3ImageProcessor(size=SQUARE)


def _clip() -> tuple[Any, ...]:
    letters = [*string.ascii_lowercase, *(f"{c}</w>" for c in string.ascii_lowercase)]
    words = {word: i for i, word in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    tokenizer = CLIPTokenizer(vocab=words, merges=[], model_max_length=32)
    text = {"vocab_size": len(words), "hidden_size": 16, "eos_token_id": len(words) - 1}
    vision = {"image_size": 16, "patch_size": 8, "hidden_size": 16}
    config = CLIPConfig(
        text_config={**text, **_LAYERS}, vision_config={**vision, **_LAYERS}, projection_dim=8
    )
    return CLIPModel(config), CLIPProcessor(CLIPImageProcessor(**size), tokenizer)


def _segformer() -> tuple[Any, ...]:
    config = SegformerConfig(
        hidden_sizes=[8, 8, 8, 8], decoder_hidden_size=8, depths=[1, 1, 1, 1], id2label=_NAMES
    )
    size = SegformerImageProcessor(size={"height": 64, "width": 64})
    return SegformerForSemanticSegmentation(config), size


def _mask2former() -> tuple[Any, ...]:
    swin = SwinConfig(
        image_size=32, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    widths = dict.fromkeys(
        ("feature_size", "mask_feature_size", "hidden_dim", "encoder_feedforward_dim",
         "dim_feedforward"), 32,
    )  # fmt: skip
    config = Mask2FormerConfig(
        backbone_config=swin, num_attention_heads=2, encoder_layers=1, decoder_layers=2,
        num_queries=4, id2label=_NAMES, **widths,
    )  # fmt: skip
    size = Mask2FormerImageProcessor(size={"shortest_edge": 32, "longest_edge": 96})
    return Mask2FormerForUniversalSegmentation(config), size


_MAKERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "sam3": _sam3,
    "mm_grounding_dino": _mm_grounding_dino,
    "owlv2": prompt_parts.owlv2,
    "omdet_turbo": prompt_parts.omdet_turbo,
    "florence2": florence2,
    "sam_hq": _sam_hq,
    "sam2": _sam2,
    "edgetam": _edgetam,
    "sam3_tracker": _sam3_tracker,
    "clip": _clip,
    "siglip": siglip,
    "tipsv2": tipsv2,
    "clipseg": clipseg,
    "segformer": _segformer,
    "mask2former": _mask2former,
}
