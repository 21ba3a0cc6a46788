"""The image-text encoders that are known: CLIP, SigLIP and SigLIP 2, TIPSv2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoProcessor, CLIPModel, SiglipModel, Tipsv2Model

from zeroseg.encoders.image_text_encoder import ImageTextEncoder, LastLayer
from zeroseg.encoders.kept_texts import read_texts
from zeroseg.errors import CheckpointError
from zeroseg.weights.checkpoint_files import OTHER
from zeroseg.weights.checkpoints import load_pretrained


class ClipEncoder(ImageTextEncoder):
    """CLIP (Radford et al., 2021), and what was trained anew in its form, such as MetaCLIP.

    Patches take the way that the class token takes: the last norm, and the projection.
    """

    special = 1

    def __init__(self, model: CLIPModel, processor: Any) -> None:
        super().__init__(model, processor)
        self.vision: Any = model.vision_model
        self.patch, self.side = _sizes(self.vision.config)
        self.last = _last(self.vision.encoder.layers[-1])

    def tokens(self, pixels: Tensor) -> Tensor:
        """See `ImageTextEncoder.tokens`."""
        hidden = self.vision.embeddings(pixels, interpolate_pos_encoding=True)
        return _through(self.vision.encoder.layers[:-1], self.vision.pre_layrnorm(hidden))

    def project(self, tokens: Tensor) -> Tensor:
        """See `ImageTextEncoder.project`."""
        projected: Tensor = self.model.visual_projection(self.vision.post_layernorm(tokens))
        return projected

    def read(self, sentences: Sequence[str]) -> Tensor:
        """See `ImageTextEncoder.read`."""
        ids, real = _read(self, sentences)
        vectors: Tensor = self.model.get_text_features(ids, real).pooler_output
        return vectors


class SiglipEncoder(ImageTextEncoder):
    """SigLIP (Zhai et al., 2023), and SigLIP 2 (Tschannen et al., 2025) of a fixed resolution.

    It has no class token: a picture is what its pooling head attends to. A patch is put into the
    space of words as if it were the only one to attend to.
    """

    special = 0

    def __init__(self, model: SiglipModel, processor: Any) -> None:
        super().__init__(model, processor)
        self.vision: Any = model.vision_model
        self.patch, self.side = _sizes(self.vision.config)
        self.last = _last(self.vision.encoder.layers[-1])

    def tokens(self, pixels: Tensor) -> Tensor:
        """See `ImageTextEncoder.tokens`."""
        hidden = self.vision.embeddings(pixels, interpolate_pos_encoding=True)
        return _through(self.vision.encoder.layers[:-1], hidden)

    def project(self, tokens: Tensor) -> Tensor:
        """See `ImageTextEncoder.project`."""
        alone = self.vision.post_layernorm(tokens).flatten(0, -2)[:, None]
        pooled: Tensor = self.vision.head(alone)
        return pooled.unflatten(0, tokens.shape[:-1])

    def read(self, sentences: Sequence[str]) -> Tensor:
        """See `ImageTextEncoder.read`. Padding is read along, as in training."""
        ids, _ = _read(self, sentences, padding="max_length")
        vectors: Tensor = self.model.get_text_features(ids).pooler_output
        return vectors


class Tipsv2Encoder(ImageTextEncoder):
    """TIPSv2 (Cao et al., 2026), whose patches were trained to agree with words."""

    def __init__(self, model: Tipsv2Model, processor: Any) -> None:
        super().__init__(model, processor)
        self.vision: Any = model.vision_model
        self.patch, self.side = _sizes(self.vision.config)
        self.special = 1 + self.vision.config.num_register_tokens
        layer: Any = self.vision.encoder.layer[-1]
        attention = layer.attention
        self.last = LastLayer(
            layer, layer.norm1, attention.q_proj, attention.k_proj, attention.v_proj,
            attention.o_proj, attention.num_attention_heads, layer.layer_scale1,
            layer.norm2, layer.mlp, layer.layer_scale2,
        )  # fmt: skip

    def tokens(self, pixels: Tensor) -> Tensor:
        """See `ImageTextEncoder.tokens`."""
        return _through(self.vision.encoder.layer[:-1], self.vision.embeddings(pixels))

    def project(self, tokens: Tensor) -> Tensor:
        """See `ImageTextEncoder.project`."""
        normed: Tensor = self.vision.layernorm(tokens)
        return normed

    def read(self, sentences: Sequence[str]) -> Tensor:
        """See `ImageTextEncoder.read`."""
        ids, real = _read(self, sentences)
        vectors: Tensor = self.model.get_text_features(ids, attention_mask=real).pooler_output
        return vectors


_KINDS: dict[str, tuple[type, type[ImageTextEncoder]]] = {
    "clip": (CLIPModel, ClipEncoder),
    "siglip": (SiglipModel, SiglipEncoder),
    "tipsv2": (Tipsv2Model, Tipsv2Encoder),
}
"""The network's class and the encoder's by what the configuration calls them."""


def encoder_of(model: Any, processor: Any) -> ImageTextEncoder:
    """The encoder around a network in hand.

    Args:
        model: A `CLIPModel`, `SiglipModel` (SigLIP 2 of a fixed resolution is one, too) or
            `Tipsv2Model`.
        processor: What prepares pictures and text for it.

    Raises:
        TypeError: The network is another one.
    """
    for network, encoder in _KINDS.values():
        if isinstance(model, network):
            return encoder(model, processor)
    names = ", ".join(network.__name__ for network, _ in _KINDS.values())
    raise TypeError(f"a {type(model).__name__} is no image-text encoder that is known: {names}")


def load_encoder(checkpoint: str | Path, component: str) -> tuple[Any, Any]:
    """A network and its processor.

    Args:
        checkpoint: Hub name or folder.
        component: Name of the class that asks, for messages.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: It is damaged, incomplete, or of another network.
    """
    kind = load_pretrained(AutoConfig, checkpoint, component).model_type
    if kind not in _KINDS:
        raise CheckpointError(
            f"{component} cannot use '{checkpoint}': it is a {kind}, expected a "
            f"{' or '.join(_KINDS)} (SigLIP 2 of a fixed resolution is a siglip): {OTHER}"
        )
    return (
        load_pretrained(_KINDS[kind][0], checkpoint, component, dtype=torch.float32),
        load_pretrained(AutoProcessor, checkpoint, component),
    )


def _sizes(config: Any) -> tuple[int, int]:
    """Side of a patch and of the picture; both are squares."""
    sides = (config.patch_size, config.image_size)
    patch, side = (own if isinstance(own, int) else own[0] for own in sides)
    return patch, side


def _last(layer: Any) -> LastLayer:
    """The parts of a layer of CLIP or SigLIP."""
    own = layer.self_attn
    return LastLayer(
        layer, layer.layer_norm1, own.q_proj, own.k_proj, own.v_proj, own.out_proj, own.num_heads,
        nn.Identity(), layer.layer_norm2, layer.mlp, nn.Identity(),
    )  # fmt: skip


def _through(layers: Any, hidden: Tensor) -> Tensor:
    for layer in layers:
        hidden = layer(hidden, None)
    return hidden


def _read(
    encoder: ImageTextEncoder, sentences: Sequence[str], padding: bool | str = True
) -> tuple[Tensor, Tensor]:
    limit = encoder.model.config.text_config.max_position_embeddings
    device = encoder.weight.device
    return read_texts(encoder.processor.tokenizer, sentences, limit, device, padding)
