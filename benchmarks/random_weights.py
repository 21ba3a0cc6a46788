"""Systems without weights: the real architectures at a stated size, filled at random.

`mid` runs on a CPU within minutes; `published` has the sizes of the published system: RAM++ Swin-L
at 384 pixels, BLIP-2 OPT-2.7B, Grounding DINO Swin-T at 800 pixels, SAM-HQ ViT-L at 1024 pixels.
What such a system says is nonsense, but it costs what the real one costs: it names a few tags and
keeps a few boxes, and its captions run to the longest that is allowed. The tokenizers are those of
the tiny family, the tables of words as long as the published ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import (
    BertConfig,
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoProcessor,
    OPTConfig,
    SamHQConfig,
    SamHQModel,
    SwinConfig,
)

from benchmarks.recipes.captioner_model import IMAGE
from zeroseg import Blip2, GroundingDino, RamPlus, Selection, ZeroShotSegmenter
from zeroseg.drawn.world import FINE_NAMES
from zeroseg.masking import SamHq
from zeroseg.refinement import LexicalPostRefiner, LexicalPreRefiner
from zeroseg.values import Detections
from zeroseg.vocabularies import DRAWN
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.official.grounding_dino_checkpoint import swin_t
from zeroseg.weights.official.ram_plus_model import RamPlusConfig, RamPlusModel
from zeroseg.weights.official.sam_checkpoint import SamSizes

TAGS, BOXES = 8, 12
"""How many tags every picture gets, always the same ones, and how many boxes at most."""
SPREAD = 0.05
"""Scale of the detector's last norm: larger, random scores are all the same, 0 or 1."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of the four networks.

    Attributes:
        ram_plus: The tagger's.
        vision, qformer, text: The captioner's, as arguments of their configurations.
        detector: The detector's.
        short_side, long_side: What pictures are resized to for the detector, in pixels.
        sam: The mask predictor's.
    """

    ram_plus: RamPlusConfig
    vision: dict[str, int]
    qformer: dict[str, int]
    text: dict[str, int]
    detector: GroundingDinoConfig
    short_side: int
    long_side: int
    sam: SamSizes


def published() -> Sizes:
    """What the published system consists of."""
    return Sizes(
        ram_plus=RamPlusConfig.swin_large(),
        vision={},  # the defaults of transformers are EVA-CLIP's ViT-g, and BERT-base
        qformer={},
        text={
            "vocab_size": 50304,
            "hidden_size": 2560,
            "word_embed_proj_dim": 2560,
            "ffn_dim": 10240,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
        },
        detector=swin_t(),
        short_side=800,
        long_side=1333,
        sam=SamSizes(
            width=1024,
            depth=24,
            heads=16,
            mlp_width=4096,
            patch=16,
            grid=64,
            window=14,
            global_blocks=(5, 11, 17, 23),
            channels=256,
            mask_channels=16,
            decoder_mlp_width=2048,
            iou_width=256,
        ),
    )


def mid() -> Sizes:
    """About a tenth of the published widths and half of the depths."""
    backbone = SwinConfig(
        embed_dim=48,
        depths=[2, 2, 2, 2],
        num_heads=[2, 4, 8, 16],
        window_size=7,
        out_features=["stage2", "stage3", "stage4"],
    )
    words = {"hidden_size": 192, "num_attention_heads": 6, "intermediate_size": 768}
    return Sizes(
        ram_plus=RamPlusConfig(
            image_size=224,
            embed_dim=48,
            depths=(2, 2, 6, 2),
            num_heads=(2, 4, 8, 16),
            window_size=7,
            num_tags=400,
            descriptions_per_tag=16,
            text_dim=256,
            decoder_dim=256,
            decoder_ffn_dim=1024,
        ),
        vision={
            "hidden_size": 384,
            "intermediate_size": 1536,
            "num_hidden_layers": 12,
            "num_attention_heads": 6,
        },
        qformer={**words, "num_hidden_layers": 4, "encoder_hidden_size": 384},
        text={
            "vocab_size": 4000,
            "hidden_size": 384,
            "word_embed_proj_dim": 384,
            "ffn_dim": 1536,
            "num_hidden_layers": 8,
            "num_attention_heads": 6,
        },
        detector=GroundingDinoConfig(
            backbone_config=backbone,
            text_config=BertConfig(**words, num_hidden_layers=4),
            num_queries=300,
            encoder_layers=3,
            decoder_layers=3,
            encoder_ffn_dim=1024,
            decoder_ffn_dim=1024,
        ),
        short_side=320,
        long_side=533,
        sam=SamSizes(
            width=256,
            depth=8,
            heads=4,
            mlp_width=1024,
            patch=16,
            grid=32,
            window=8,
            global_blocks=(1, 3, 5, 7),
            channels=128,
            mask_channels=16,
            decoder_mlp_width=512,
            iou_width=128,
        ),
    )


SIZES: dict[str, Callable[[], Sizes]] = {"mid": mid, "published": published}


def build(
    sizes: Sizes, device: torch.device | str, seed: int = 0, batch_size: int = 8
) -> ZeroShotSegmenter:
    """A system of these sizes, the same for the same seed.

    Args:
        sizes: Of the networks.
        device: Where they are; on "meta" they have shapes and no weights.
        seed: Of their weights.
        batch_size: Images to a batch, and to a forward pass of each network.
    """
    torch.manual_seed(seed)
    with torch.device(device):
        tagger, captioner = _tagger(sizes), _captioner(sizes)
        detector, masks = _detector(sizes), _masks(sizes)
    tagger.batch_size = captioner.batch_size = detector.batch_size = batch_size
    masks.chunk_size = 2 * batch_size
    segmenter = ZeroShotSegmenter(
        DRAWN,
        LexicalPreRefiner(),
        detector,
        masks,
        tagger=tagger,
        captioner=captioner,
        post_refiner=LexicalPostRefiner(),
        batch_size=batch_size,
    )
    return segmenter.to(device).requires_grad_(False)


class FewBoxes(GroundingDino):
    """A detector that keeps its `BOXES` best regions: random scores know no threshold."""

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate, and keep the first ones; see `Detector.forward`."""
        found = super().forward(images, selections)
        return [d.select(torch.arange(min(BOXES, len(d)), device=d.boxes.device)) for d in found]


def _tagger(sizes: Sizes) -> RamPlus:
    model = RamPlusModel(sizes.ram_plus)
    rest = sizes.ram_plus.num_tags - TAGS
    names = [*FINE_NAMES[::4][:TAGS], *(f"nothing {i}" for i in range(rest))]
    with torch.device("cpu"):
        return RamPlus(model=model, tag_list=names, thresholds=[0.0] * TAGS + [1.0] * rest)


def _captioner(sizes: Sizes) -> Blip2:
    processor = Blip2Processor.from_pretrained(locate("tiny:blip2"))
    tokenizer = processor.tokenizer
    vision = Blip2VisionConfig(initializer_range=0.02, **sizes.vision)
    side = vision.image_size
    processor.image_processor.size = {"height": side, "width": side}
    config = Blip2Config(
        vision_config=vision.to_dict(),
        qformer_config=Blip2QFormerConfig(**sizes.qformer).to_dict(),
        text_config=OPTConfig(
            **sizes.text,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=sizes.text["vocab_size"]
            - 1,  # hardly ever said: captions do not end early
        ).to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
    )
    processor.num_query_tokens = config.num_query_tokens
    return Blip2(model=Blip2ForConditionalGeneration(config), processor=processor)


def _detector(sizes: Sizes) -> GroundingDino:
    processor: Any = GroundingDinoProcessor.from_pretrained(locate("tiny:grounding_dino"))
    size = {"shortest_edge": sizes.short_side, "longest_edge": sizes.long_side}
    processor.image_processor.size = size
    model = GroundingDinoForObjectDetection(sizes.detector)
    norm = model.model.decoder.layer_norm.weight.data
    norm.copy_(torch.full_like(norm, SPREAD))
    return FewBoxes(model=model, processor=processor, box_threshold=0.0, nms_threshold=0.3)


def _masks(sizes: Sizes) -> SamHq:
    config = sizes.sam.config()
    config["mask_decoder_config"]["vit_dim"] = sizes.sam.width
    model = SamHQModel(SamHQConfig(**config))
    return SamHq(model=model, image_processor=sizes.sam.image_processor())
