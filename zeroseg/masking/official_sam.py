"""Masks by the authors' own implementation of SAM, the package segment-anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import NO_POINT
from zeroseg.masking.two_pass import TOP_20, TwoPassMasks
from zeroseg.values import Points
from zeroseg.weights.fit import require_same
from zeroseg.weights.needs import Need, Package, authors_or_hub
from zeroseg.weights.official.package import import_official
from zeroseg.weights.official.sam_checkpoint import UNUSED, SamSizes, refuse_hq
from zeroseg.weights.official.weights import naming, read_weights


class OfficialSam(TwoPassMasks):
    """SAM as its authors wrote it, prompted like `Sam`: with boxes, then with boxes and points.

    Images are resized as the package does it, by PIL; `Sam` resizes tensors, which moves some
    values by one grey level of 255. The rest agrees to floating point noise.

    Args:
        model: A `segment_anything.modeling.Sam`.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time; those of one image share its embedding.

    Raises:
        PackageNotFound: The package is not installed.
        ValueError: `chunk_size` is less than one.
    """

    def __init__(
        self,
        model: nn.Module,
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> None:
        network: Any = model
        frame, cells = network.image_encoder.img_size, network.prompt_encoder.image_embedding_size
        super().__init__(network, frame, 4 * cells[0], point_sampler, chunk_size)
        transforms = _package("utils.transforms")
        self._resize = transforms.ResizeLongestSide(frame).apply_image

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network.

        Args:
            checkpoint: A `.pth` file of the authors: ViT-B, ViT-L or ViT-H, told apart by its
                shapes.
            point_sampler: See the class.
            chunk_size: See the class.

        Raises:
            PackageNotFound: The package is not installed.
            CheckpointNotFound: There is no such file.
            CheckpointError: It does not hold exactly one SAM; the keys are named.
        """
        weights = read_weights(checkpoint, cls.__name__)
        with naming(checkpoint, cls.__name__):
            return cls(official_sam_of(weights), point_sampler, chunk_size)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Package("segment_anything", "zeroseg[official]")
        yield from authors_or_hub(arguments, ("network",))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move and cast the parameters, but for the prompt encoder: it computes in float32."""
        super()._apply(fn, recurse)
        self.model.prompt_encoder.float()
        return self

    def _pixels(self, images: Sequence[Tensor], device: torch.device) -> Tensor:
        resized = [self._resize(image.permute(1, 2, 0).cpu().numpy()) for image in images]
        framed = [
            self.model.preprocess(torch.as_tensor(image, device=device).permute(2, 0, 1))
            for image in resized
        ]
        return torch.stack(framed).to(next(self.model.parameters()).dtype)

    def _embed(self, pixels: Tensor) -> Encodings:
        return (self.model.image_encoder(pixels),)

    def _decode(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> Tensor:
        [embeddings] = features
        positions = self.model.prompt_encoder.get_dense_pe().to(embeddings.dtype)
        sparse, dense = self._prompts(boxes, points)
        logits = []
        for i in image.unique_consecutive().tolist():
            mine = image == i
            masks, _ = self.model.mask_decoder(
                image_embeddings=embeddings[i : i + 1],
                image_pe=positions,
                sparse_prompt_embeddings=sparse[mine].to(embeddings.dtype),
                dense_prompt_embeddings=dense[mine].to(embeddings.dtype),
                multimask_output=False,
            )
            logits.append(masks[:, 0])
        return torch.cat(logits)

    def _prompts(self, boxes: Tensor | None, points: Points | None) -> tuple[Tensor, Tensor]:
        """Embedded prompts (n, K + 2, C) and what stands for a mask prompt, (n, C, h, w)."""
        shown = None if points is None else (points.xy, points.labels)
        sparse, dense = self.model.prompt_encoder(points=shown, boxes=boxes, masks=None)
        if points is not None:  # the package does not know of places without a point
            places = points.labels.shape[1]
            sparse[:, :places][points.labels == NO_POINT] = 0
        return sparse, dense


def official_sam_of(weights: Mapping[str, Tensor]) -> nn.Module:
    """The authors' network with weights in hand, by published key, as float32.

    Raises:
        PackageNotFound: The package is not installed.
        CheckpointError: The weights are not exactly those of one SAM; the keys are named.
    """
    refuse_hq(weights)
    model = official_sam(SamSizes.of(weights))
    used = {key: value.float() for key, value in weights.items() if key not in UNUSED}
    require_same(model.state_dict(), used)
    model.load_state_dict(used, assign=True)
    return model.eval()


def official_sam(sizes: SamSizes) -> nn.Module:
    """The authors' network without weights: on the meta device, waiting to be filled.

    Raises:
        PackageNotFound: The package is not installed.
    """
    parts = _package("modeling")
    channels, frame = sizes.channels, sizes.frame
    with torch.device("meta"):
        network: nn.Module = parts.Sam(
            parts.ImageEncoderViT(
                img_size=frame,
                patch_size=sizes.patch,
                embed_dim=sizes.width,
                depth=sizes.depth,
                num_heads=sizes.heads,
                mlp_ratio=sizes.mlp_width / sizes.width,
                out_chans=channels,
                norm_layer=partial(nn.LayerNorm, eps=1e-6),
                use_rel_pos=True,
                window_size=sizes.window,
                global_attn_indexes=sizes.global_blocks,
            ),
            parts.PromptEncoder(
                embed_dim=channels,
                image_embedding_size=(sizes.grid, sizes.grid),
                input_image_size=(frame, frame),
                mask_in_chans=sizes.mask_channels,
            ),
            parts.MaskDecoder(
                transformer_dim=channels,
                transformer=parts.TwoWayTransformer(
                    depth=2,
                    embedding_dim=channels,
                    num_heads=8,
                    mlp_dim=sizes.decoder_mlp_width,
                ),
                iou_head_hidden_dim=sizes.iou_width,
            ),
        )
    return network


def _package(part: str) -> Any:
    return import_official(f"segment_anything.{part}", "segment-anything", "OfficialSam")
