"""The tiny BLIP-2: its configuration, its initialisation, and the words that it speaks.

The network is transformers' `Blip2ForConditionalGeneration`, unchanged. What the defaults of that
class leave unset is set here: `Blip2VisionConfig.initializer_range` is 1e-10, with which the vision
model puts out nothing, and the query tokens are zeros, with which all queries stay the same.
"""

from __future__ import annotations

import re

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    BlipImageProcessor,
    OPTConfig,
    PreTrainedTokenizerFast,
)

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD
from benchmarks.recipes.vit_start import (
    image_patches,
    principal_components,
    sinusoids,
    start_projection,
)
from zeroseg.drawn.captions import BACKS, GROUNDS, NUMBERS, PLURALS, PREFIXES
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES, STUFF

SIDE = 160
"""Height and width of the vision model's input in pixels."""
PATCH = 16
PAD, BOS, EOS, UNKNOWN, IMAGE = "<pad>", "<s>", "</s>", "<unk>", "<image>"


def phrases() -> list[str]:
    """What a caption is put together from, each phrase one token, in a fixed order."""
    openings, places = PREFIXES.values(), (*GROUNDS.values(), *BACKS.values())
    names = (*FINE_NAMES, *PLURALS.values(), *STUFF)
    return list(
        dict.fromkeys([*openings, "a", "an", *NUMBERS.values(), *names, ",", "and", *places])
    )


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of whole phrases, so that the longest caption has less than 20 tokens."""
    words = phrases()
    vocabulary = {token: i for i, token in enumerate([PAD, BOS, EOS, UNKNOWN, IMAGE, *words])}
    longest_first = sorted(words, key=len, reverse=True)
    known = "|".join(rf"\b{re.escape(word)}\b" for word in longest_first if word != ",")
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Split(Regex(rf"{known}|,|[^\s,]+"), "removed", invert=True)
    core.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, vocabulary[BOS])]
    )
    core.decoder = decoders.WordPiece(cleanup=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNKNOWN,
        padding_side="left",
        extra_special_tokens=[IMAGE],
    )


def build_processor() -> Blip2Processor:
    """Tokenizer and image processor as the stock classes load them."""
    images = BlipImageProcessor(
        size={"height": SIDE, "width": SIDE},
        resample=2,
        image_mean=list(IMAGE_MEAN),
        image_std=list(IMAGE_STD),
    )
    return Blip2Processor(images, build_tokenizer(), num_query_tokens=len(CATEGORIES))


def blip2_config() -> Blip2Config:
    """2.6 million parameters; one query for every class of the drawn world."""
    tokenizer = build_tokenizer()
    vision = Blip2VisionConfig(
        hidden_size=192,
        intermediate_size=384,
        num_hidden_layers=6,
        num_attention_heads=6,
        image_size=SIDE,
        patch_size=PATCH,
        initializer_range=0.02,
    )
    qformer = Blip2QFormerConfig(
        vocab_size=8,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        cross_attention_frequency=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=16,
    )
    text = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        word_embed_proj_dim=128,
        ffn_dim=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        dropout=0.0,
        attention_dropout=0.0,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return Blip2Config(
        vision_config=vision.to_dict(),
        qformer_config=qformer.to_dict(),
        text_config=text.to_dict(),
        num_query_tokens=len(CATEGORIES),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
    )


@torch.no_grad()
def build_blip2(images: Tensor) -> Blip2ForConditionalGeneration:
    """A BLIP-2 ready to be trained; `images` (N, 3, S, S), normalised, show it patches."""
    model = Blip2ForConditionalGeneration._from_config(blip2_config(), attn_implementation="eager")
    model.apply(_scale_to_fan_in)
    vision = model.vision_model
    grid, width = SIDE // PATCH, vision.config.hidden_size
    _whiten(vision.embeddings.patch_embedding, images)
    vision.embeddings.position_embedding.zero_()
    vision.embeddings.position_embedding[:, 1:] = 0.3 * sinusoids(grid, width).flatten(1, 2)
    vision.embeddings.class_embedding.normal_(std=0.3)
    for layer in vision.encoder.layers:
        layer.self_attn.projection.weight.mul_(0.5)
        layer.mlp.fc2.weight.mul_(0.5)
    model.query_tokens.normal_()
    return model


def _scale_to_fan_in(module: nn.Module) -> None:
    if isinstance(module, nn.Linear) and module.out_features > 0:
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.1)


def _whiten(projection: nn.Conv2d, images: Tensor) -> None:
    """Project patches on their main components, brought to equal variance, then mix them."""
    patches, count = image_patches(projection, images), projection.out_channels
    mean = patches.mean(0)
    variances, directions = principal_components(patches - mean, count)
    mixing = nn.init.orthogonal_(torch.empty(count, count))
    weight = mixing @ (directions * (variances + 0.1).rsqrt()).T
    start_projection(projection, weight, mean)
