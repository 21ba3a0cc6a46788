"""RAM++, the open-set image tagger of Huang et al. (2023), as one compact module.

A Swin transformer encodes the picture. Every tag owns several textual descriptions; the picture
decides how much each of them counts, and their weighted sum is the tag's query. A decoder without
self-attention compares the queries with the visual tokens, so each tag is scored on its own.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save
from torch import Tensor, nn
from transformers import SwinConfig, SwinModel
from transformers.initialization import no_init_weights

from zeroseg.errors import CheckpointError
from zeroseg.weights.damage import damage, remedy
from zeroseg.weights.fit import first, require_numbers, require_same
from zeroseg.weights.official.weights import naming, read_weights

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CONSTANTS = (".relative_position_index", ".attn_mask")
"""Ends of official keys that hold no weights."""


@dataclass(frozen=True)
class RamPlusConfig:
    """The sizes of a RAM++ network; the defaults are the published Swin-L model.

    Attributes:
        image_size: Height and width of the square input in pixels.
        patch_size: Side of the pixel patches that become the first tokens.
        embed_dim: Channels of the first Swin stage; each later stage has twice as many.
        depths: Blocks in each Swin stage.
        num_heads: Attention heads in each Swin stage.
        window_size: Side of an attention window in tokens; divides the grid of every stage.
        num_tags: How many tags are scored.
        descriptions_per_tag: Descriptions that each tag owns.
        text_dim: Width of a description and of the projected visual tokens.
        decoder_dim: Width of the tag queries.
        decoder_layers: Blocks of the tag decoder.
        decoder_heads: Attention heads in each of them.
        decoder_ffn_dim: Hidden width of their feed-forward layers.

    Raises:
        ValueError: A stage's grid does not split into windows.
    """

    image_size: int = 384
    patch_size: int = 4
    embed_dim: int = 192
    depths: tuple[int, ...] = (2, 2, 18, 2)
    num_heads: tuple[int, ...] = (6, 12, 24, 48)
    window_size: int = 12
    num_tags: int = 4585
    descriptions_per_tag: int = 51
    text_dim: int = 512
    decoder_dim: int = 768
    decoder_layers: int = 2
    decoder_heads: int = 4
    decoder_ffn_dim: int = 3072

    def __post_init__(self) -> None:
        object.__setattr__(self, "depths", tuple(self.depths))
        object.__setattr__(self, "num_heads", tuple(self.num_heads))
        if len(self.depths) != len(self.num_heads):
            raise ValueError(
                f"depths names {len(self.depths)} stages, num_heads {len(self.num_heads)}"
            )
        stride = self.patch_size * 2 ** (len(self.depths) - 1) * self.window_size
        if self.image_size % stride:
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of {stride} (patch_size "
                f"x 2^(stages-1) x window_size), so a stage would not split into windows"
            )

    @classmethod
    def swin_large(cls) -> RamPlusConfig:
        """The published `ram_plus_swin_large_14m.pth`."""
        return cls()

    @classmethod
    def swin_base(cls) -> RamPlusConfig:
        """The smaller Swin-B variant."""
        return cls(embed_dim=128, num_heads=(4, 8, 16, 32))

    @property
    def visual_dim(self) -> int:
        """Channels of the last Swin stage."""
        return self.embed_dim * 2 ** (len(self.depths) - 1)


class QueryBlock(nn.Module):
    """One block of the tag decoder: cross-attention to the picture, then a feed-forward layer.

    Post-norm residual branches as in BERT, and no self-attention between the tags.
    """

    def __init__(self, config: RamPlusConfig) -> None:
        super().__init__()
        dim, hidden = config.decoder_dim, config.decoder_ffn_dim
        self.heads = config.decoder_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(config.text_dim, dim)
        self.value = nn.Linear(config.text_dim, dim)
        self.attention_output = nn.Linear(dim, dim)
        self.attention_norm = nn.LayerNorm(dim, eps=1e-12)
        self.expand = nn.Linear(dim, hidden)
        self.contract = nn.Linear(hidden, dim)
        self.output_norm = nn.LayerNorm(dim, eps=1e-12)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Let every tag read the picture.

        Args:
            queries: (B, tags, decoder_dim).
            tokens: (B, N, text_dim), the projected visual tokens.

        Returns:
            (B, tags, decoder_dim).
        """

        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        read = F.scaled_dot_product_attention(
            split(self.query(queries)), split(self.key(tokens)), split(self.value(tokens))
        )
        read = self.attention_output(read.transpose(1, 2).flatten(2))
        queries = self.attention_norm(queries + read)
        return self.output_norm(queries + self.contract(F.gelu(self.expand(queries))))


class RamPlusModel(nn.Module):
    """Scores every tag for a picture.

    The weights are stored under the names and shapes of the authors' checkpoints, whatever the
    modules are called here, so one strict loader reads the published files and our own.
    """

    def __init__(self, config: RamPlusConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = SwinModel(
            SwinConfig(
                image_size=config.image_size,
                patch_size=config.patch_size,
                embed_dim=config.embed_dim,
                depths=list(config.depths),
                num_heads=list(config.num_heads),
                window_size=config.window_size,
                drop_path_rate=0.0,
            ),
            add_pooling_layer=False,
        )
        rows = config.num_tags * config.descriptions_per_tag
        self.image_proj = nn.Linear(config.visual_dim, config.text_dim)
        self.label_embed = nn.Parameter(torch.empty(rows, config.text_dim))
        nn.init.normal_(self.label_embed, std=0.02)
        self.reweight_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.wordvec_proj = nn.Linear(config.text_dim, config.decoder_dim)
        self.decoder = nn.ModuleList(QueryBlock(config) for _ in range(config.decoder_layers))
        self.fc = nn.Linear(config.decoder_dim, 1)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Score every tag.

        Args:
            pixel_values: (B, 3, S, S) with S = `config.image_size`, ImageNet-normalised.

        Returns:
            (B, tags) logits; their sigmoid is the score.
        """
        return self.decode(self.backbone(pixel_values).last_hidden_state)

    if TYPE_CHECKING:
        __call__ = forward

    def decode(self, features: Tensor) -> Tensor:
        """Score every tag from the final tokens of the backbone, (B, N, visual_dim)."""
        tokens = torch.cat([features.mean(1, keepdim=True), features], 1)
        tokens = self.image_proj(tokens)
        queries = F.relu(self.wordvec_proj(self.reweight(tokens[:, 0])))
        for block in self.decoder:
            queries = block(queries, tokens)
        return self.fc(queries).squeeze(-1)

    def reweight(self, summary: Tensor) -> Tensor:
        """Blend each tag's descriptions as the picture asks.

        The weights are a softmax over a tag's descriptions of exp(reweight_scale) times their dot
        product with the normalised summary. Contracting them tag by tag keeps the largest tensor
        at (B, tags, max(descriptions, text_dim)); the four-dimensional product is never made.

        Args:
            summary: (B, text_dim), the projected mean token.

        Returns:
            (B, tags, text_dim).
        """
        scale = self.reweight_scale.exp()
        affinity = (scale * F.normalize(summary, dim=-1)) @ self.label_embed.T
        descriptions = self.label_embed.view(self.config.num_tags, -1, self.config.text_dim)
        weights = affinity.view(len(summary), *descriptions.shape[:2]).softmax(-1)
        return torch.bmm(weights.transpose(0, 1), descriptions).transpose(0, 1)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json` and `model.safetensors`, in the authors' layout, to a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = json.dumps(dataclasses.asdict(self.config), indent=2)
        (folder / CONFIG_FILE).write_text(config + "\n", encoding="utf-8")
        (folder / WEIGHTS_FILE).write_bytes(save(self.official_state_dict()))

    @classmethod
    def from_pretrained(cls, folder: str | Path, component: str = "RamPlus") -> RamPlusModel:
        """Read a folder that `save_pretrained` wrote, in the precision that it has there.

        Args:
            folder: With a configuration and weights.
            component: Name of the class that asks, for the message.

        Raises:
            CheckpointError: A file is damaged or missing, or the weights do not fit the
                configuration beside them.
        """
        folder = Path(folder)
        with naming(folder, component):
            for file in (folder / CONFIG_FILE, folder / WEIGHTS_FILE):
                if problem := damage(file):
                    raise CheckpointError(f"{file.name} {problem}: {remedy(file)}")
            config = _read_config(folder / CONFIG_FILE)
            weights = load_file(folder / WEIGHTS_FILE)
            model = cls.from_official(config, weights)
            require_numbers(weights.items())
            return model

    @classmethod
    def from_official(cls, config: RamPlusConfig, weights: Mapping[str, Tensor]) -> RamPlusModel:
        """Build a network around weights in the authors' layout, without copying them.

        Raises:
            CheckpointError: Keys are missing or unexpected, or shapes differ.
        """
        with torch.device("meta"):  # before memory is taken for what does not fit
            _require_own(cls(config), weights)
        with no_init_weights():
            model = cls(config)
        model.load_official_state_dict(weights)
        return model.eval()

    def official_state_dict(self) -> dict[str, Tensor]:
        """All weights under the authors' names, in their shapes."""
        state = self.state_dict()
        return {
            key: state[parts[0]] if len(parts) == 1 else torch.cat([state[p] for p in parts])
            for key, parts in official_layout(self.config).items()
        }

    def load_official_state_dict(self, weights: Mapping[str, Tensor]) -> None:
        """Take over weights in the authors' layout, without copying them.

        Relative position indices and attention masks, which a file may or may not hold, are
        constants of the architecture and passed over.

        Raises:
            CheckpointError: Keys are missing or unexpected, or shapes differ.
        """
        _require_own(self, weights)
        layout = official_layout(self.config)
        state: dict[str, Tensor] = {}
        for key, parts in layout.items():
            pieces = weights[key].chunk(len(parts)) if len(parts) > 1 else (weights[key],)
            state.update(zip(parts, pieces, strict=True))
        self.load_state_dict(state, assign=True)


def official_layout(config: RamPlusConfig) -> dict[str, tuple[str, ...]]:
    """For each tensor of an official checkpoint, the parameters here that hold it.

    Several parameters are stacked along the first dimension: the authors' Swin keeps the
    projections to queries, keys and values in one matrix, transformers' Swin in three.
    """
    layout: dict[str, tuple[str, ...]] = {"label_embed": ("label_embed",)}
    layout["reweight_scale"] = ("reweight_scale",)

    def add(official: str, *ours: str, bias: bool = True) -> None:
        for kind in ("weight", "bias") if bias else ("weight",):
            layout[f"{official}.{kind}"] = tuple(f"{part}.{kind}" for part in ours)

    for name in ("image_proj", "wordvec_proj", "fc"):
        add(name, name)
    add("visual_encoder.patch_embed.proj", "backbone.embeddings.patch_embeddings.projection")
    add("visual_encoder.patch_embed.norm", "backbone.embeddings.norm")
    add("visual_encoder.norm", "backbone.layernorm")
    for stage, depth in enumerate(config.depths):
        theirs, ours = f"visual_encoder.layers.{stage}", f"backbone.encoder.layers.{stage}"
        for number in range(depth):
            block, mine = f"{theirs}.blocks.{number}", f"{ours}.blocks.{number}"
            add(f"{block}.norm1", f"{mine}.layernorm_before")
            add(f"{block}.norm2", f"{mine}.layernorm_after")
            add(f"{block}.attn.qkv", *(f"{mine}.attention.{part}_proj" for part in "qkv"))
            add(f"{block}.attn.proj", f"{mine}.attention.o_proj")
            add(f"{block}.mlp.fc1", f"{mine}.mlp.fc1")
            add(f"{block}.mlp.fc2", f"{mine}.mlp.fc2")
            layout[f"{block}.attn.relative_position_bias_table"] = (
                f"{mine}.attention.relative_position_bias.relative_position_bias_table",
            )
        if stage + 1 < len(config.depths):
            add(f"{theirs}.downsample.norm", f"{ours}.downsample.norm")
            add(f"{theirs}.downsample.reduction", f"{ours}.downsample.reduction", bias=False)
    for number in range(config.decoder_layers):
        theirs, ours = f"tagging_head.encoder.layer.{number}", f"decoder.{number}"
        for part in ("query", "key", "value"):
            add(f"{theirs}.crossattention.self.{part}", f"{ours}.{part}")
        add(f"{theirs}.crossattention.output.dense", f"{ours}.attention_output")
        add(f"{theirs}.crossattention.output.LayerNorm", f"{ours}.attention_norm")
        add(f"{theirs}.intermediate.dense", f"{ours}.expand")
        add(f"{theirs}.output.dense", f"{ours}.contract")
        add(f"{theirs}.output.LayerNorm", f"{ours}.output_norm")
    return layout


def read_official(file: str | Path, component: str = "RamPlus") -> RamPlusModel:
    """Read a checkpoint as the authors publish it, a `.pth` of Swin-L or Swin-B.

    The file is memory-mapped where its format allows.

    Args:
        file: Its name does not matter.
        component: Name of the class that asks, for the message.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It is damaged, no RAM++ checkpoint, or not of a size that was published.
    """
    weights = read_weights(file, component, mapped=True)
    patches = weights.get("visual_encoder.patch_embed.proj.weight")
    width = None if patches is None or not patches.ndim else len(patches)
    for config in (RamPlusConfig.swin_large(), RamPlusConfig.swin_base()):
        if width == config.embed_dim:
            with naming(file, component):
                return RamPlusModel.from_official(config, weights)
    raise CheckpointError(
        f"{component} cannot use '{file}': it is not a RAM++ checkpoint of Swin-L or Swin-B: "
        f"expected a patch embedding (visual_encoder.patch_embed.proj.weight) of 192 or 128 "
        f"channels, found {width}"
    )


def _require_own(model: RamPlusModel, weights: Mapping[str, Tensor]) -> None:
    """See that weights in the authors' layout are those of a network, constants aside."""
    own = {key: value for key, value in weights.items() if not key.endswith(CONSTANTS)}
    require_same(model.official_state_dict(), own)


def _read_config(file: Path) -> RamPlusConfig:
    """The configuration that `save_pretrained` wrote: every size is told, none is a default."""
    content = json.loads(file.read_text(encoding="utf-8"))
    names = {field.name for field in dataclasses.fields(RamPlusConfig)}
    if content.keys() != names:
        lacking, unknown = first(names - content.keys()), first(content.keys() - names)
        raise CheckpointError(
            f"{CONFIG_FILE} is not that of a RAM++ (missing: {lacking or 'nothing'}; unexpected: "
            f"{unknown or 'nothing'}): choose a checkpoint of this kind of network"
        )
    for name, value in content.items():
        sizes = value if name in ("depths", "num_heads") and isinstance(value, list) else [value]
        if not sizes or not all(type(size) is int and size > 0 for size in sizes):
            raise CheckpointError(f"{CONFIG_FILE} has {name}: {value!r:.60}, expected sizes")
    try:
        return RamPlusConfig(**content)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{CONFIG_FILE} cannot be used: {error}") from error
