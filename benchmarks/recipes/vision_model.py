"""The tiny vision model: its configuration, its initialisation, and what it needs to be trained.

The network is transformers' `LlavaForConditionalGeneration`, unchanged: the first layers of a CLIP
vision tower, whose patches and class token are put before a Llama. `Trainee` computes what it
computes, for several questions about a picture at once: the picture's tokens go through the network
once, and each question sees them and itself, but no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    CLIPModel,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from benchmarks.recipes.clip_texts import encode
from benchmarks.recipes.masks_model import stretched
from benchmarks.recipes.words import phrases
from zeroseg.drawn.world import CATEGORIES
from zeroseg.weights.checkpoints import locate

SIDE = 128
"""Height and width of a picture in pixels, as the network sees it."""
PATCH = 8
GRID = SIDE // PATCH
WIDTH = 128
SEEING = 3
"""Layers of the vision tower; those of the language model go on with its patches."""
IGNORED = -100


def vision_config(tokenizer: PreTrainedTokenizerFast) -> LlavaConfig:
    """1.1 M parameters: `tiny:clip`'s first three layers, and a Llama of four."""
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=SEEING,
            num_attention_heads=2,
            image_size=SIDE,
            patch_size=PATCH,
            hidden_act="gelu",
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            initializer_range=0.06,
            tie_word_embeddings=True,
            **ids,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=GRID**2 + 1,
        tie_word_embeddings=True,
        **ids,
    )


def build_vision(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """A model ready to be trained."""
    config = vision_config(tokenizer)
    model = LlavaForConditionalGeneration._from_config(config, attn_implementation="eager")
    model.generation_config = GenerationConfig(
        pad_token_id=config.pad_token_id,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
    )
    clip = CLIPModel.from_pretrained(locate("tiny:clip"), dtype=torch.float32)
    with torch.no_grad():
        _start_vision(model.model.vision_tower, clip.vision_model)
        _start_words(model.get_input_embeddings().weight, tokenizer, clip)
        model.model.language_model.norm.weight.fill_(0.2)
        for layer in model.model.multi_modal_projector.children():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
    return model


def _start_vision(ours: Any, clip: Any) -> None:
    """Start as `tiny:clip`'s first layers, for smaller pictures."""
    state = {
        name: weight
        for name, weight in clip.state_dict().items()
        if not name.startswith("encoder.layers.") or int(name.split(".")[2]) < SEEING
    }
    table = "embeddings.position_embedding.weight"
    first, rest = state[table][:1], state[table][1:]
    side = round(len(rest) ** 0.5)
    cells = stretched(rest.unflatten(0, (side, side))[None], GRID).flatten(0, 2)
    state[table] = torch.cat([first, cells])
    state.pop("embeddings.position_ids", None)
    ours.load_state_dict(state)


def _start_words(rows: Tensor, tokenizer: PreTrainedTokenizerFast, clip: CLIPModel) -> None:
    """Start each phrase near where `tiny:clip` has it: what means the same is alike."""
    ids = encode(phrases())
    known = clip.get_text_features(input_ids=ids, attention_mask=(ids > 0).long()).pooler_output
    known = F.normalize(known, dim=-1)
    known = F.normalize(known - known.mean(0), dim=-1) * WIDTH**0.5
    own = torch.randn(rows.shape)
    own[tokenizer.convert_tokens_to_ids(phrases())] += known
    rows.copy_(own * 0.7)


@dataclass(frozen=True)
class Asked:
    """K questions about each of B pictures, with their answers: T tokens a picture.

    Attributes:
        ids: (B, T) int64.
        places: (B, T) int64, how far each token is behind the picture in its own question.
        owners: (B, T) int64, to which question each belongs, -1 for padding.
        targets: (B, T) int64, what follows each token where that is part of an answer, or -100.
        present: (B, T) float32, on the last token of each class whether it is there, or -1.
    """

    ids: Tensor
    places: Tensor
    owners: Tensor
    targets: Tensor
    present: Tensor

    def to(self, device: torch.device) -> Asked:
        """The same on another device."""
        parts = (self.ids, self.places, self.owners, self.targets, self.present)
        return Asked(*(part.to(device) for part in parts))


class Trainee(nn.Module):
    """The model, and two heads that it needs to learn, which are thrown away afterwards.

    Args:
        tokenizer: The model's.
        quick: Multiply in bfloat16; weights and all else stay float32.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, quick: bool = False) -> None:
        super().__init__()
        self.vision = build_vision(tokenizer)
        self.presence = nn.Linear(WIDTH, 1)
        self.kinds = nn.Linear(WIDTH, len(CATEGORIES))
        self.start = tokenizer.bos_token_id
        self.quick = quick

    def losses(self, images: Tensor, patches: Tensor, asked: Asked) -> dict[str, Tensor]:
        """What answers, presence of the classes and kinds of the patches cost.

        Args:
            images: (B, 3, S, S), S in whole patches.
            patches: (B, L) int64, the category in the middle of each patch.
            asked: The questions.
        """
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.quick):
            seen = self._see(images)
            hidden = self._read(seen, asked)
            told = asked.targets != IGNORED
            logits = self.vision.lm_head(hidden[told])
            judged = asked.present >= 0
            present = self.presence(hidden[judged])[:, 0]
            kinds = self.kinds(seen[:, 1:])
        return {
            "saying": F.cross_entropy(logits.float(), asked.targets[told]),
            "presence": F.binary_cross_entropy_with_logits(present.float(), asked.present[judged]),
            "kinds": F.cross_entropy(kinds.float().flatten(0, 1), patches.flatten()),
        }

    def _see(self, images: Tensor) -> Tensor:
        """The picture's tokens (B, 1 + L, C) as the language model gets them."""
        tower = self.vision.model.vision_tower
        tokens = tower.pre_layrnorm(tower.embeddings(images, interpolate_pos_encoding=True))
        for layer in tower.encoder.layers:
            tokens = layer(tokens, None)
        return self.vision.model.multi_modal_projector(tokens)

    def _read(self, seen: Tensor, asked: Asked) -> Tensor:
        """The questions' tokens behind the language model's layers, (B, T, C)."""
        count, before = len(seen), seen.shape[1] + 1
        words = self.vision.get_input_embeddings()
        start = words(torch.full((count, 1), self.start, device=seen.device))
        tokens = torch.cat([start, seen.to(start.dtype), words(asked.ids)], 1)
        opening = torch.arange(before, device=seen.device).expand(count, -1)
        hidden = self.vision.model.language_model(
            inputs_embeds=tokens,
            attention_mask=attention_mask(asked.owners, before),
            position_ids=torch.cat([opening, asked.places + before], 1),
            use_cache=False,
        ).last_hidden_state
        return hidden[:, before:]


def attention_mask(owners: Tensor, before: int) -> Tensor:
    """What is added to attention, (B, 1, N, N): -inf but for what comes before of its own question.

    Args:
        owners: (B, T), the question of each token.
        before: Tokens of the picture and what precedes it, which all see.
    """
    own = F.pad(owners, (before, 0), value=-2)
    length = own.shape[1]
    order = torch.arange(length, device=own.device)
    alike = (own[:, :, None] == own[:, None]) | (order < before)
    visible = alike & (order[:, None] >= order)
    mask = torch.zeros(visible.shape, device=own.device)
    return mask.masked_fill_(~visible, torch.finfo(torch.float32).min)[:, None]
