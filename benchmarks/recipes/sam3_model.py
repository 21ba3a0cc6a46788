"""The tiny SAM 3: its configuration, its initialisation, and what it has only while training.

The network is transformers' `Sam3Model`, unchanged. Its defaults start an order of magnitude too
small for layers this narrow: feature maps, boxes and scores would all be nearly equal. `Trainee`
computes what `Sam3Model.forward` computes, but each image once for all its prompts, and the answers
of every decoder layer, which its losses need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextConfig, Sam3Config, Sam3Model, SamModel
from transformers.models.sam3.modeling_sam3 import inverse_sigmoid

from benchmarks.recipes.masks_model import stretched
from benchmarks.recipes.words import ROWS
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES
from zeroseg.weights.checkpoints import locate

SIDE = 160
"""Height and width of SAM 3's input in pixels."""
PATCH = 8
MASK_STRIDE = 4
"""Pixels of the input to a pixel of the masks and of the dense map."""
WIDTH = 64
"""Width of the neck and of everything after it; SAM 3 has no projections between them."""


def sam3_config() -> Sam3Config:
    """2.3 million parameters: a vision transformer of six layers, 24 queries, masks at stride 4.

    The geometry encoder cannot be left out; no text prompt reaches it, so it is as small as it can
    be. The neck's last level is made and thrown away by `Sam3Model`.
    """
    grid, scales = SIDE // PATCH, [2.0, 1.0, 0.5]
    common = {"hidden_size": WIDTH, "dropout": 0.0}
    layers = {**common, "num_attention_heads": 2, "intermediate_size": 4 * WIDTH}
    text = CLIPTextConfig(
        vocab_size=ROWS,
        hidden_size=96,
        intermediate_size=192,
        projection_dim=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        hidden_act="gelu",
        bos_token_id=101,
        eos_token_id=102,
        pad_token_id=0,
    )
    return Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 128,
                "intermediate_size": 512,
                "num_hidden_layers": 6,
                "num_attention_heads": 2,
                "image_size": SIDE,
                "patch_size": PATCH,
                "window_size": grid // 2,
                "global_attn_indexes": [2, 5],
                "pretrain_image_size": SIDE,
                "rope_parameters": {"rope_type": "axial", "rope_theta": 1e6},
            },
            "fpn_hidden_size": WIDTH,
            "scale_factors": scales,
            "backbone_feature_sizes": [[int(grid * scale)] * 2 for scale in scales],
        },
        text_config=text.to_dict(),
        geometry_encoder_config={
            **common,
            "num_layers": 0,
            "num_attention_heads": 4,
            "intermediate_size": 2 * WIDTH,
            "roi_size": 1,
        },
        detr_encoder_config={**layers, "num_layers": 2},
        detr_decoder_config={**layers, "num_layers": 3, "num_queries": 24},
        mask_decoder_config={**common, "num_upsampling_stages": 1, "num_attention_heads": 4},
    )


def build_sam3(images: Tensor, attention: str = "sdpa") -> Sam3Model:
    """A SAM 3 ready to be trained; `images` (N, 3, S, S), normalised, tell of tokens."""
    model = Sam3Model._from_config(sam3_config(), attn_implementation=attention)
    with torch.no_grad():
        model.apply(scale_to_fan_in)
        _start_vision(model.vision_encoder.backbone, images)
        _start_neck(model.vision_encoder, images)
        for layer in model.detr_encoder.layers:
            for projection in (layer.self_attn.o_proj, layer.cross_attn.o_proj, layer.mlp.fc2):
                projection.weight.mul_(0.5)
        _start_queries(model.detr_decoder)
        text = model.text_encoder
        embeddings = getattr(text, "text_model", text).embeddings
        embeddings.token_embedding.weight.normal_(std=0.3)
        embeddings.position_embedding.weight.normal_(std=0.05)
    return model


def scale_to_fan_in(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(module.weight.flatten(1))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=module.weight.shape[0] ** -0.5)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


def _start_vision(backbone: Any, images: Tensor) -> None:
    """Start as `tiny:sam`'s encoder: the same layers, which saw the same scenes, if larger.

    SAM 3 has a normalisation more, in front of the layers, which starts as what is nearest to
    nothing, and turns queries and keys by their position, at so low frequencies that most of what
    they knew of each other holds.
    """
    sam = SamModel.from_pretrained(locate("tiny:sam"), dtype=torch.float32).vision_encoder
    embeddings, patches = backbone.embeddings, sam.patch_embed.projection
    embeddings.patch_embeddings.projection.weight.copy_(patches.weight)
    positions = stretched(sam.pos_embed, SIDE // PATCH) + patches.bias
    embeddings.position_embeddings.copy_(positions.flatten(1, 2))
    _leave_as_it_is(backbone.layer_norm, embeddings(images))
    for new, old in zip(backbone.layers, sam.layers, strict=True):
        own = new.attention
        for name in ("weight", "bias"):
            thirds = getattr(old.attn.qkv, name).chunk(3)
            for part, third in zip((own.q_proj, own.k_proj, own.v_proj), thirds, strict=True):
                getattr(part, name).copy_(third)
        pairs = (
            (own.o_proj, old.attn.proj),
            (new.mlp.fc1, old.mlp.lin1),
            (new.mlp.fc2, old.mlp.lin2),
            (new.layer_norm1, old.layer_norm1),
            (new.layer_norm2, old.layer_norm2),
        )
        for ours, theirs in pairs:
            ours.load_state_dict(theirs.state_dict())


def _leave_as_it_is(norm: nn.LayerNorm, tokens: Tensor) -> None:
    """Let a normalisation give each channel of tokens (..., C) back as nearly as it can."""
    flat = tokens.flatten(0, -2)
    normed = F.layer_norm(flat, norm.normalized_shape)
    mean, spread = normed.mean(0), normed - normed.mean(0)
    gain = (spread * (flat - flat.mean(0))).mean(0) / spread.square().mean(0)
    norm.weight.copy_(gain)
    norm.bias.copy_(flat.mean(0) - gain * mean)


def _start_neck(encoder: Any, images: Tensor) -> None:
    """Let the neck see every channel of the features with mean 0 and variance 1."""
    features = encoder.backbone(images).last_hidden_state.flatten(0, 1)
    mean, spread = features.mean(0), features.std(0)
    for level in encoder.neck.fpn_layers:
        first = level.scale_layers[0] if level.scale_factor > 1 else level.proj1
        inputs = 0 if isinstance(first, nn.ConvTranspose2d) else 1
        shape = [-1 if axis == inputs else 1 for axis in range(4)]
        first.weight.div_(spread.view(shape))
        offsets = (first.weight * mean.view(shape)).sum(inputs)
        first.bias.sub_(offsets.mean((1, 2)))


def _start_queries(decoder: Any) -> None:
    """Queries that differ, each with a box of its own in a grid over the picture."""
    nn.init.normal_(decoder.query_embed.weight, std=0.5)
    nn.init.normal_(decoder.presence_token.weight, std=0.5)
    count = decoder.query_embed.num_embeddings
    side = math.ceil(count**0.5)
    line = torch.arange(side)
    cells = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).flatten(0, 1)[:count]
    boxes = torch.cat([(cells + 0.5) / side, torch.full((count, 2), 0.3)], 1)
    decoder.reference_points.weight.copy_(torch.logit(boxes))
    decoder.box_head.layer3.weight.mul_(0.1)


class Heads(nn.Module):
    """Reads words, classes, extents and borders off SAM 3's feature maps, in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.scale, self.bias = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(-3.0))
        self.kinds = nn.Conv2d(WIDTH, (len(CATEGORIES) + len(FINE_NAMES)) * 4, 1)
        self.extents = nn.Conv2d(WIDTH, 4 * 4, 1)
        self.borders = nn.Conv2d(WIDTH, 4, 1)
        self.token = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1))
        self.apply(scale_to_fan_in)

    def align(self, features: Tensor, words: Tensor) -> Tensor:
        """Logits (B, P, h, w): whether a cell of (B, C, h, w) is what a phrase of (P, C) means."""
        cells = self.query(self.norm(features.permute(0, 2, 3, 1)))
        logits = torch.einsum("bhwc,pc->bphw", cells, self.key(words))
        return logits * (self.scale.exp() / WIDTH**0.5) + self.bias


@dataclass(frozen=True)
class Maps:
    """What SAM 3's image encoder hands on of B images.

    Attributes:
        features: (B, C, 2h, 2w) and (B, C, h, w), the neck's levels of use.
        positions: Their position encodings.
    """

    features: list[Tensor]
    positions: list[Tensor]

    def of(self, index: Tensor) -> Maps:
        """The maps of images `index` (N,), an image once for each of its prompts."""
        return Maps([x[index] for x in self.features], [x[index] for x in self.positions])


@dataclass(frozen=True)
class Answers:
    """What L decoder layers of Q queries say to N prompts.

    Attributes:
        boxes: (L, N, Q, 4), cx cy w h in [0, 1].
        logits: (L, N, Q), that a query is an instance of what is asked.
        presence: (L, N), logits that it is there at all.
        masks: (N, 2 Q, H, W), logits of the last layer's queries, then of those of the one before.
        dense: (N, H, W), logits of the dense map.
        cells: (N, h, w), logits of a head of training: whether a cell answers.
    """

    boxes: Tensor
    logits: Tensor
    presence: Tensor
    masks: Tensor
    dense: Tensor
    cells: Tensor


class Trainee(nn.Module):
    """SAM 3 and the heads that are dropped after training.

    Args:
        images: (N, 3, S, S), normalised, for its tokens.
        quick: Multiply in bfloat16 where there is most to multiply, in the image encoder, the
            prompts' encoder and the masks; weights and all else stay float32. On CPUs that know
            it this halves a step, but only if attention is written out.
    """

    def __init__(self, images: Tensor, quick: bool = False) -> None:
        super().__init__()
        self.sam = build_sam3(images, "eager" if quick else "sdpa")
        self.heads = Heads()
        self.quick = quick

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.sam.device.type, torch.bfloat16, enabled=self.quick)

    def see(self, images: Tensor) -> Maps:
        """Encode images (B, 3, S, S)."""
        with self._precision():
            output = self.sam.vision_encoder(images)
        return Maps(
            [x.float() for x in output.fpn_hidden_states[:-1]],
            [x.float() for x in output.fpn_position_encoding[:-1]],
        )

    def read(self, ids: Tensor) -> Tensor:
        """Text features (P, T, C) of phrases as token ids (P, T), 0 beyond a phrase."""
        encoder = self.sam.text_encoder
        output = encoder(input_ids=ids, attention_mask=(ids > 0).long(), return_dict=True)
        return self.sam.text_projection(output.last_hidden_state)

    def words(self, ids: Tensor) -> Tensor:
        """One vector (P, C) for each phrase: the text feature of its last token."""
        return self.read(ids)[torch.arange(len(ids)), (ids > 0).sum(1) - 1]

    def answer(self, maps: Maps, text: Tensor, real: Tensor) -> Answers:
        """Ask N prompts of N images' maps; text (N, T, C), real tokens (N, T) bool."""
        sam = self.sam
        with self._precision():
            encoded = sam.detr_encoder(
                vision_features=[maps.features[-1]],
                text_features=text,
                vision_pos_embeds=[maps.positions[-1]],
                text_mask=real,
            )
        cells = encoded.last_hidden_state.float()
        decoded = sam.detr_decoder(
            vision_features=cells,
            text_features=text,
            vision_pos_encoding=encoded.pos_embeds_flattened,
            text_mask=real,
            spatial_shapes=encoded.spatial_shapes,
        )
        hidden = decoded.intermediate_hidden_states
        moves = sam.detr_decoder.box_head(hidden)
        scores = sam.dot_product_scoring(
            decoder_hidden_states=hidden, text_features=text, text_mask=real
        )
        with self._precision():
            painted = sam.mask_decoder(
                decoder_queries=torch.cat([hidden[-1], hidden[-2]], 1),
                backbone_features=maps.features,
                encoder_hidden_states=cells,
                prompt_features=text,
                prompt_mask=real,
            )
        likely = self.heads.token(cells)[..., 0]
        return Answers(
            boxes=(inverse_sigmoid(decoded.reference_boxes) + moves).sigmoid(),
            logits=scores.squeeze(-1),
            presence=decoded.presence_logits.squeeze(-1),
            masks=painted.pred_masks.float(),
            dense=painted.semantic_seg[:, 0].float(),
            cells=likely.unflatten(1, maps.features[-1].shape[-2:]),
        )

    def dense(self, maps: Maps) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits of categories and fine names, extents (B, ., S/4, S/4), borders (B, S/2, S/2)."""
        kinds = F.pixel_shuffle(self.heads.kinds(maps.features[-1]), 2)
        extents = F.pixel_shuffle(self.heads.extents(maps.features[-1]), 2)
        borders = F.pixel_shuffle(self.heads.borders(maps.features[0]), 2)[:, 0]
        names = [len(CATEGORIES), len(FINE_NAMES)]
        categories, fine = kinds.split(names, 1)
        return categories, fine, extents, borders

    def learn_to_see(self) -> None:
        """Train the neck, the text encoder and the heads on them alone."""
        for name, parameter in self.named_parameters():
            inner = name.removeprefix("sam.").startswith(("vision_encoder.neck", "text_", "heads."))
            parameter.requires_grad_(inner and not _idle(name) and "heads.token" not in name)

    def learn_to_answer(self) -> None:
        """Train everything but the heads that are done."""
        done = ("heads.norm", "heads.query", "heads.key", "heads.scale", "heads.bias")
        for name, parameter in self.named_parameters():
            idle = _idle(name) or name.startswith((*done, "heads.borders"))
            parameter.requires_grad_(not idle)

    @torch.no_grad()
    def attend_as_aligned(self) -> None:
        """Start the encoder's attention to the words as the alignment of cells with words.

        It is scaled so that its two heads together give the same logits: that a cell looks at a
        word instead of at [CLS], which is the same for every phrase, then means from the first step
        that it is that.
        """
        heads = self.heads
        for layer in self.sam.detr_encoder.layers:
            attention = layer.cross_attn
            share = WIDTH / attention.num_attention_heads
            gain = 1.4 * (heads.scale.exp() / WIDTH**0.5 * share**0.5).sqrt()
            for ours, theirs in ((attention.q_proj, heads.query), (attention.k_proj, heads.key)):
                ours.weight.copy_(theirs.weight * gain)
                ours.bias.copy_(theirs.bias * gain)
            layer.layer_norm2.load_state_dict(heads.norm.state_dict())


def _idle(name: str) -> bool:
    """Whether no output that is trained depends on a parameter."""
    unused = ("geometry_encoder", "neck.fpn_layers.2", "text_encoder.text_projection")
    return any(part in name for part in unused)
