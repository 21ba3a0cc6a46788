"""Grounding DINO as its authors wrote it (groundingdino-py), running under current transformers.

The package's constructor fetches BERT from the hub and wraps it in a class that transformers 5
breaks. Here the network is put together from the package's own parts around another BERT, whose
weights are part of the published file anyway. Deformable attention is the package's own in plain
PyTorch: there is no extension to compile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from torch import Tensor, nn
from transformers import GroundingDinoConfig

from zeroseg.weights.fit import require_same
from zeroseg.weights.official.grounding_dino_bert import GivenTokens, PairwiseBert
from zeroseg.weights.official.package import import_official

UNUSED = (r"label_enc\.weight", r"bert\.embeddings\.position_ids")
"""Published keys that the package's network does without: what only training needs, and 0, 1, 2,
..., which it counts itself."""


def build_official(config: GroundingDinoConfig, tokenizer: Any) -> nn.Module:
    """The package's network, with random weights.

    Its captions are given as tokens: a `BatchEncoding` with "input_ids" and "attention_mask".

    Args:
        config: Its sizes, as transformers states them; the backbone is a Swin Transformer.
        tokenizer: BERT's tokenizer, which knows the tokens that end a prompt.

    Raises:
        PackageNotFound: groundingdino-py is not installed.
    """
    module = _module("groundingdino")
    backbone = _backbone(config)
    # The constructor takes no BERT from outside: it looks these names up in its module.
    text_side = SimpleNamespace(
        get_tokenlizer=lambda name: GivenTokens(tokenizer),
        get_pretrained_language_model=lambda name: PairwiseBert(config.text_config),
    )
    with patch.multiple(
        module, get_tokenlizer=text_side, BertModelWarper=lambda bert_model: bert_model
    ):
        network: nn.Module = module.GroundingDINO(
            backbone,
            _transformer(config),
            num_queries=config.num_queries,
            iter_update=True,
            query_dim=config.query_dim,
            num_feature_levels=config.num_feature_levels,
            nheads=config.decoder_attention_heads,
            two_stage_type="standard",
            two_stage_bbox_embed_share=False,
            two_stage_class_embed_share=False,
        )
    return network.eval()


def load_official(
    config: GroundingDinoConfig, weights: Mapping[str, Tensor], tokenizer: Any
) -> nn.Module:
    """The package's network with published weights, in float32 on the CPU.

    Args:
        config: Of the network that the weights belong to.
        weights: By published key.
        tokenizer: See `build_official`.

    Raises:
        CheckpointError: A key is not used, a parameter gets no weight, or shapes differ.
        PackageNotFound: groundingdino-py is not installed.
    """
    network = build_official(config, tokenizer)
    # Integer buffers follow from the sizes, and published files may or may not carry them.
    derived = {k: v for k, v in network.state_dict().items() if not v.is_floating_point()}
    used = {k: v for k, v in weights.items() if not any(re.fullmatch(u, k) for u in UNUSED)}
    require_same(network.state_dict(), {**derived, **used})
    network.load_state_dict({**derived, **used})
    return network


def _module(name: str) -> Any:
    return import_official(
        f"groundingdino.models.GroundingDINO.{name}", "groundingdino-py", "OfficialGroundingDino"
    )


def _backbone(config: GroundingDinoConfig) -> nn.Module:
    sizes = config.backbone_config
    stages = [int(name.removeprefix("stage")) - 1 for name in sizes.out_features]
    swin = _module("backbone.swin_transformer").SwinTransformer(
        pretrain_img_size=sizes.image_size,
        embed_dim=sizes.embed_dim,
        depths=sizes.depths,
        num_heads=sizes.num_heads,
        window_size=sizes.window_size,
        mlp_ratio=sizes.mlp_ratio,
        out_indices=tuple(stages),
    )
    temperature = config.positional_embedding_temperature
    positions = _module("backbone.position_encoding").PositionEmbeddingSineHW(
        config.d_model // 2, temperatureH=temperature, temperatureW=temperature, normalize=True
    )
    joined: nn.Module = _module("backbone.backbone").Joiner(swin, positions)
    joined.num_channels = swin.num_features[stages[0] :]
    return joined


def _transformer(config: GroundingDinoConfig) -> nn.Module:
    network: nn.Module = _module("transformer").Transformer(
        d_model=config.d_model,
        nhead=config.decoder_attention_heads,
        num_queries=config.num_queries,
        num_encoder_layers=config.encoder_layers,
        num_decoder_layers=config.decoder_layers,
        dim_feedforward=config.decoder_ffn_dim,
        activation=config.activation_function,
        return_intermediate_dec=True,
        num_feature_levels=config.num_feature_levels,
        enc_n_points=config.encoder_n_points,
        dec_n_points=config.decoder_n_points,
        learnable_tgt_init=True,
        two_stage_type="standard",
        embed_init_tgt=config.embedding_init_target,
        use_text_enhancer=True,
        use_fusion_layer=True,
        use_text_cross_attention=True,
        text_dropout=0.0,
        fusion_dropout=0.0,
    )
    return network
