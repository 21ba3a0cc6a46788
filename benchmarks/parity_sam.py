"""How far transformers' SAM and SAM-HQ are from the authors' code with the same weights.

    python benchmarks/parity_sam.py

The weights are random, drawn for each published key by its name, so that both sides are filled
through what loads the real ones. SAM is compared with the package segment-anything; SAM-HQ has no
package, so what its decoder adds is restated here on top of segment-anything's modules. Pixels are
prepared once, by the package.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from zeroseg.masking.official_sam import OfficialSam, official_sam, official_sam_of
from zeroseg.masking.sam import Sam
from zeroseg.masking.sam_hq import SamHq
from zeroseg.testing import noise
from zeroseg.values import Points
from zeroseg.weights.official.sam_checkpoint import SamSizes, sam_of
from zeroseg.weights.official.sam_hq_checkpoint import sam_hq_of

VIT_B = SamSizes(
    width=768,
    depth=12,
    heads=12,
    mlp_width=3072,
    patch=16,
    grid=64,
    window=14,
    global_blocks=(2, 5, 8, 11),
    channels=256,
    mask_channels=16,
    decoder_mlp_width=2048,
    iou_width=256,
)
HIGH_QUALITY = "mask_decoder.hf_", "mask_decoder.compress_", "mask_decoder.embedding_"
Row = tuple[str, float]


def rows(sizes: SamSizes = VIT_B, shapes: Iterable[tuple[int, int]] = ((480, 640),)) -> list[Row]:
    """Every quantity compared, for SAM and SAM-HQ, with the largest difference found."""
    return sam_rows(sizes, shapes) + sam_hq_rows(sizes, shapes)


def sam_rows(sizes: SamSizes, shapes: Iterable[tuple[int, int]]) -> list[Row]:
    weights = seeded_weights(sizes)
    official = OfficialSam(model=official_sam_of(weights))
    model, image_processor = sam_of(weights)
    ours = Sam(model=model, image_processor=image_processor)
    found = []
    for height, width in shapes:
        pixels = official._pixels([noise(height, width)], torch.device("cpu"))
        with torch.no_grad():
            theirs, mine = official._embed(pixels), ours._embed(pixels)
        found.append((f"SAM {height}x{width}: image embedding", largest(theirs[0], mine[0])))
        for prompt, boxes, points in prompts(sizes.frame):
            image = torch.zeros(len(boxes), dtype=torch.int64)
            with torch.no_grad():
                logits = official._decode(theirs, image, boxes, points)
                again = ours._decode(mine, image, boxes, points)
            found.append((f"SAM {height}x{width}, {prompt}: logits", largest(logits, again)))
    return found


def sam_hq_rows(sizes: SamSizes, shapes: Iterable[tuple[int, int]]) -> list[Row]:
    weights = seeded_weights(sizes, high_quality=True)
    restated = RestatedHq(sizes, weights)
    model, image_processor = sam_hq_of(weights)
    ours = SamHq(model=model, image_processor=image_processor)
    found = []
    for height, width in shapes:
        pixels = restated.sam._pixels([noise(height, width)], torch.device("cpu"))
        with torch.no_grad():
            theirs, mine = restated.embed(pixels), ours._embed(pixels)
        name = f"SAM-HQ {height}x{width}"
        found.append((f"{name}: image embedding", largest(theirs[0], mine[0])))
        found.append((f"{name}: high-quality features", largest(theirs[1], mine[1])))
        for prompt, boxes, points in prompts(sizes.frame):
            image = torch.zeros(len(boxes), dtype=torch.int64)
            with torch.no_grad():
                logits = restated.decode(theirs, boxes, points)
                again = ours._decode(mine, image, boxes, points)
            found.append((f"{name}, {prompt}: logits", largest(logits, again)))
    return found


def largest(one: Tensor, other: Tensor) -> float:
    """The largest difference of two tensors, which must be of one shape and say something."""
    if one.shape != other.shape or not one.std() > 0.1:
        raise ValueError(f"nothing to compare: {one.shape}, {other.shape}, spread {one.std()}")
    return float((one - other).abs().max())


def prompts(frame: int) -> list[tuple[str, Tensor, Points | None]]:
    """Boxes and points in pixels of a square frame."""
    boxes = torch.tensor([[0.1, 0.1, 0.6, 0.5], [0.3, 0.05, 0.95, 0.7], [0.0, 0.0, 0.2, 0.2]])
    shares = torch.rand(3, 20, 2, generator=torch.Generator().manual_seed(1))
    points = Points((shares * frame).floor(), torch.ones(3, 20, dtype=torch.int64))
    return [
        ("one box", boxes[:1] * frame, None),
        ("three boxes", boxes * frame, None),
        ("three boxes with 20 points each", boxes * frame, points),
    ]


def seeded_weights(sizes: SamSizes, high_quality: bool = False) -> dict[str, Tensor]:
    """Weights by published key, each drawn from a seed that is its name."""
    shapes = {key: tuple(value.shape) for key, value in official_sam(sizes).state_dict().items()}
    if high_quality:
        shapes |= high_quality_shapes(sizes)
    return {key: _drawn(key, shape) for key, shape in shapes.items()}


def high_quality_shapes(sizes: SamSizes) -> dict[str, tuple[int, ...]]:
    """The keys that SAM-HQ adds to SAM's, and their shapes."""
    c = sizes.channels
    bricks = {
        "hf_token": (1, c),
        "hf_mlp.layers.0": (c, c),
        "hf_mlp.layers.1": (c, c),
        "hf_mlp.layers.2": (c // 8, c),
        "compress_vit_feat.0": (sizes.width, c, 2, 2),
        "compress_vit_feat.1": (c,),
        "compress_vit_feat.3": (c, c // 8, 2, 2),
        "embedding_encoder.0": (c, c // 4, 2, 2),
        "embedding_encoder.1": (c // 4,),
        "embedding_encoder.3": (c // 4, c // 8, 2, 2),
        "embedding_maskfeature.0": (c // 4, c // 8, 3, 3),
        "embedding_maskfeature.1": (c // 4,),
        "embedding_maskfeature.3": (c // 8, c // 4, 3, 3),
    }
    shapes: dict[str, tuple[int, ...]] = {}
    for name, weight in bricks.items():
        shapes[f"mask_decoder.{name}.weight"] = weight
        upsamples = len(weight) == 4 and weight[2] == 2
        if name != "hf_token":
            shapes[f"mask_decoder.{name}.bias"] = (weight[1 if upsamples else 0],)
    return shapes


def _drawn(key: str, shape: tuple[int, ...]) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    if key.endswith("gaussian_matrix"):
        return values
    if len(shape) == 1:
        return values * 0.1 + (1.0 if key.endswith("weight") else 0.0)
    return values * (1.5 / (values[0].numel() ** 0.5))


class RestatedHq:
    """SAM-HQ's masks from its published weights, in plain functions over the authors' SAM.

    A fifth mask token (`hf_token`) reads the picture beside SAM's own. Its pixel features are SAM's
    upscaled ones, sharpened (`embedding_maskfeature`), plus the final image embedding
    (`embedding_encoder`) and the first global block (`compress_vit_feat`), both brought to their
    size. The mask is the sum of SAM's first and the one of that token.
    """

    def __init__(self, sizes: SamSizes, weights: Mapping[str, Tensor]) -> None:
        plain = {key: value for key, value in weights.items() if not key.startswith(HIGH_QUALITY)}
        self.sam = OfficialSam(model=official_sam_of(plain))
        self.first = sizes.global_blocks[0]
        self.extra = {
            key.removeprefix("mask_decoder."): value
            for key, value in weights.items()
            if key.startswith(HIGH_QUALITY)
        }

    def embed(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The image embedding (1, C, h, w) and the features beside it (1, C / 8, 4h, 4w)."""
        early = []
        encoder = self.sam.model.image_encoder
        hook = encoder.blocks[self.first].register_forward_hook(lambda *seen: early.append(seen[2]))
        embedding = encoder(pixels)
        hook.remove()
        details = self._upsample("compress_vit_feat", early[0].permute(0, 3, 1, 2))
        return embedding, details + self._upsample("embedding_encoder", embedding)

    def decode(
        self, features: tuple[Tensor, Tensor], boxes: Tensor, points: Points | None
    ) -> Tensor:
        """Mask logits (n, 4h, 4w) of boxes in pixels of the frame."""
        embedding, details = features
        network, n = self.sam.model, len(boxes)
        decoder = network.mask_decoder
        sparse, dense = self.sam._prompts(boxes, points)
        own = [decoder.iou_token.weight, decoder.mask_tokens.weight, self.extra["hf_token.weight"]]
        tokens = torch.cat([torch.cat(own).repeat(n, 1, 1), sparse], 1)
        positions = network.prompt_encoder.get_dense_pe().repeat(n, 1, 1, 1)
        read, cells = decoder.transformer(embedding + dense, positions, tokens)
        cells = cells.transpose(1, 2).unflatten(2, embedding.shape[2:])
        plain = decoder.output_upscaling(cells)
        sharp = self._convolve("embedding_maskfeature", plain) + details
        by_sam = decoder.output_hypernetworks_mlps[0](read[:, 1])
        by_hq = self._mlp("hf_mlp", read[:, 5])
        return torch.einsum("nc,nchw->nhw", by_sam, plain) + torch.einsum(
            "nc,nchw->nhw", by_hq, sharp
        )

    def _of(self, name: str) -> tuple[Tensor, Tensor]:
        return self.extra[f"{name}.weight"], self.extra[f"{name}.bias"]

    def _mlp(self, name: str, x: Tensor) -> Tensor:
        for layer in (0, 1):
            x = F.linear(x, *self._of(f"{name}.layers.{layer}")).relu()
        return F.linear(x, *self._of(f"{name}.layers.2"))

    def _normalise(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._of(name)
        return F.gelu(F.layer_norm(x.movedim(1, -1), weight.shape, weight, bias, 1e-6)).movedim(
            -1, 1
        )

    def _upsample(self, name: str, x: Tensor) -> Tensor:
        x = F.conv_transpose2d(x, *self._of(f"{name}.0"), stride=2)
        return F.conv_transpose2d(self._normalise(f"{name}.1", x), *self._of(f"{name}.3"), stride=2)

    def _convolve(self, name: str, x: Tensor) -> Tensor:
        x = F.conv2d(x, *self._of(f"{name}.0"), padding=1)
        return F.conv2d(self._normalise(f"{name}.1", x), *self._of(f"{name}.3"), padding=1)


def main() -> None:
    table = Table("ViT-B, random weights", "largest difference")
    for what, difference in rows():
        table.add_row(what, f"{difference:.1e}")
    Console().print(table)


if __name__ == "__main__":
    main()
