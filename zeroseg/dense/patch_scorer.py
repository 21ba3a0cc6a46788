"""Patches of an image-text encoder against the words of the classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPModel, SiglipModel, Tipsv2Model
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.dense.dense_scorer import DenseScorer, unasked
from zeroseg.dense.last_attention import Attention, last_tokens
from zeroseg.dense.partition import Partition
from zeroseg.dense.windows import Framing, Mosaic, Window
from zeroseg.encoders.image_text_encoder import ImageTextEncoder, WordVectors
from zeroseg.encoders.published import (
    SiglipEncoder,
    Tipsv2Encoder,
    encoder_of,
    load_encoder,
)
from zeroseg.encoders.templates import templates_of
from zeroseg.masking.mask_proposer import Proposals
from zeroseg.values import DenseScores, Geometry, Selection, check_images
from zeroseg.weights.needs import Checkpoint, Need


class _Recipe(NamedTuple):
    """How an encoder was run by those who published it for segmentation.

    Attributes:
        attention: See `PatchScorer`.
        scale: The picture's short side over the window's.
        stride: From one window to the next, over the window's side.
    """

    attention: Attention
    scale: float
    stride: float


_AS_CLIP = _Recipe("naclip", 1.5, 0.5)
_RECIPES: dict[type, _Recipe] = {
    SiglipEncoder: _AS_CLIP._replace(attention="maskclip"),
    Tipsv2Encoder: _Recipe("maskclip", 1.0, 0.75),
}
"""NACLIP for CLIP; TIPSv2 as its authors segment with it; of SigLIP nothing is published."""


class PatchOptions(TypedDict, total=False):
    """What `PatchScorer` takes beside its network; see there."""

    attention: Attention | None
    templates: str | Sequence[str]
    others: Sequence[str]
    logit_scale: float
    short_side: int | None
    window: int | None
    stride: int | None
    batch_size: int
    kept_words: int


class PatchScorer(DenseScorer):
    """Says how near every patch of a picture is to each word, in an image-text encoder's space.

    A word is the unit mean of the unit vectors of its sentences. A patch is what comes out of the
    encoder's last layer at its place, changed so that patches look at like patches (`attention`).
    The picture is brought to `short_side` and looked at through overlapping windows, whose
    logits are averaged where they overlap; a logit is a cosine times `logit_scale`, and scores are
    its softmax over all words (as SCLIP, NACLIP and CorrCLIP have it). A class is as likely as the
    likeliest of its words, which is for fusion to see to.

    Scores are shares among the words asked for: with few of them every place is one of these,
    whatever is there. `others`, and a vocabulary's distractors, take the share of all else.

    Memory: cosines are linear in the unit vectors of patches, so that these are averaged over the
    windows, D numbers a patch whatever the list of classes. Windows are looked at `batch_size` at a
    time; what stays is a number for each word and patch, 3 MB for 1,203 words at 336 x 448 with
    patches of 16.

    Args:
        model: The network: `CLIPModel`, `SiglipModel` (also SigLIP 2 of a fixed resolution), or
            `Tipsv2Model`.
        processor: What prepares images and text for it.
        attention: How the last layer attends; see `zeroseg.dense.last_attention`. By default
            "naclip" for CLIP, and "maskclip" for the others, as TIPSv2's authors do it.
        templates: A set of `zeroseg.encoders.TEMPLATES` or sentences of one's own, "{}" being the
            word.
        others: Words that take part and get no map; "background" by default.
        logit_scale: What cosines are multiplied by, the inverse of a temperature; 40 is the value
            of SCLIP, NACLIP and CorrCLIP.
        short_side: Short side of the resized picture, in pixels. By default that of the window
            times 1.5, as SCLIP and NACLIP have 336 for 224; for TIPSv2 that of the window.
        window: Side of a window in pixels; by default that of the pictures trained on.
        stride: From one window to the next, in pixels. By default half a window; for TIPSv2 three
            quarters.
        batch_size: Windows to a pass of the network.
        kept_words: Words whose vectors are kept for the images that follow; 0 for none.

    Raises:
        TypeError: The network is no image-text encoder that is known.
        ValueError: The attention or the templates are unknown, a number is too small, or windows
            and strides are no whole patches.
    """

    def __init__(
        self,
        model: CLIPModel | SiglipModel | Tipsv2Model,
        processor: Any,
        *,
        attention: Attention | None = None,
        templates: str | Sequence[str] = "imagenet7",
        others: Sequence[str] = ("background",),
        logit_scale: float = 40.0,
        short_side: int | None = None,
        window: int | None = None,
        stride: int | None = None,
        batch_size: int = 16,
        kept_words: int = 4096,
    ) -> None:
        super().__init__()
        self.model: Any = model.eval()
        self.encoder = encoder_of(model, processor)
        recipe = _RECIPES.get(type(self.encoder), _AS_CLIP)
        self.attention = recipe.attention if attention is None else attention
        if self.attention not in get_args(Attention):
            known = list(get_args(Attention))
            raise ValueError(f"attention is {attention!r}, expected one of {known}")
        self.framing = _framing(self.encoder, recipe, window, stride, short_side)
        for name, number, bound in (("batch_size", batch_size, 1), ("kept_words", kept_words, 0)):
            if number < bound:
                raise ValueError(f"{name} is {number}, expected at least {bound}")
        if not logit_scale > 0:
            raise ValueError(f"logit_scale is {logit_scale}, expected a positive number")
        self.others = tuple(others)
        self.logit_scale = logit_scale
        self.batch_size = batch_size
        self.templates = templates_of(templates)
        self._words = WordVectors(self.templates, kept_words)

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path = "google/tipsv2-b14", **options: Unpack[PatchOptions]
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder, of CLIP, SigLIP, SigLIP 2 of a fixed resolution, or
                TIPSv2.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        return cls(*load_encoder(checkpoint, cls.__name__), **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        """Score the prompts of each image; see `DenseScorer.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8, the numbers of images and selections
                differ, or a prompt is too long to be read.
        """
        return self._scores(images, selections, None)

    @torch.no_grad()
    def within(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        proposals: Sequence[Proposals],
    ) -> list[DenseScores]:
        """Score where regions are known: patches look at those of their own, see `last_attention`.

        Raises:
            ValueError: See `forward`.
        """
        return self._scores(images, selections, proposals)

    def _scores(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        proposals: Sequence[Proposals] | None,
    ) -> list[DenseScores]:
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        asked = [i for i, selection in enumerate(selections) if selection.prompts]
        words = [word for i in asked for word in (*selections[i].prompts, *self.others)]
        vectors = self._words.encode(self.encoder, words, self._words.at_once)
        found = [unasked(image, self.encoder.weight.device) for image in images]
        known = None if proposals is None else [proposals[i] for i in asked]
        features = self._look([images[i] for i in asked], known)
        for i, patches in zip(asked, features, strict=True):
            found[i] = self._score(images[i], selections[i], patches, vectors)
        return found

    def _score(
        self,
        image: Tensor,
        selection: Selection,
        patches: Tensor,
        vectors: Mapping[str, Tensor],
    ) -> DenseScores:
        """Scores of patches (D, h, w) for the words of a selection."""
        words = list(dict.fromkeys([*selection.prompts, *self.others]))
        texts = torch.stack([vectors[word] for word in words])
        logits = self.logit_scale * torch.einsum("pd,dhw->phw", texts, patches)
        maps = logits.softmax(0)[: len(selection.prompts)]
        rows, columns = (length * self.framing.patch for length in patches.shape[1:])
        resized, size = (rows, columns), (image.shape[1], image.shape[2])
        return DenseScores(maps, selection.labels, Geometry(size, resized, resized, at_once=True))

    def _look(
        self, images: Sequence[Tensor], proposals: Sequence[Proposals] | None
    ) -> list[Tensor]:
        """Unit vectors of patches, averaged over the windows that show them: (D, h, w) each."""
        patch = self.framing.patch
        grids = [self.framing.grid((image.shape[1], image.shape[2])) for image in images]
        resized = [
            self.encoder.pixels([image], (rows * patch, columns * patch))[0]
            for image, (rows, columns) in zip(images, grids, strict=True)
        ]
        regions = [] if proposals is None else list(map(Partition.of, proposals, grids))
        mosaics = [Mosaic(grid) for grid in grids]
        for batch in self._batches(grids):
            shown = [self.framing.cut(resized[i], window) for i, window in batch]
            own = [regions[i].index[window].flatten() for i, window in batch if regions]
            features = self._features(torch.stack(shown), torch.stack(own) if own else None)
            for (i, window), own in zip(batch, features, strict=True):
                mosaics[i].add(window, own)
        return [mosaic.mean() for mosaic in mosaics]

    def _batches(self, grids: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, Window]]]:
        """Windows of all images, by position, that go through the network together."""
        alike: dict[tuple[int, ...], list[tuple[int, Window]]] = defaultdict(list)
        for i, grid in enumerate(grids):
            for window in self.framing.windows(grid):
                alike[tuple(w.stop - w.start for w in window)].append((i, window))
        for group in alike.values():
            for start in range(0, len(group), self.batch_size):
                yield group[start : start + self.batch_size]

    def _features(self, pixels: Tensor, regions: Tensor | None = None) -> Tensor:
        """Unit vectors of the patches of windows, (B, D, rows, columns) float32."""
        encoder, patch = self.encoder, self.framing.patch
        grid = (pixels.shape[2] // patch, pixels.shape[3] // patch)
        hidden = encoder.tokens(pixels)
        known = None if regions is None else regions.to(hidden.device)
        tokens = last_tokens(encoder.last, hidden, self.attention, grid, known)
        patches = encoder.project(tokens[:, encoder.special :])
        return F.normalize(patches.float(), dim=-1).transpose(1, 2).unflatten(2, grid)


def _framing(
    encoder: ImageTextEncoder,
    recipe: _Recipe,
    window: int | None,
    stride: int | None,
    short_side: int | None,
) -> Framing:
    """What is given, and the recipe's for the rest."""
    patch, side = encoder.patch, encoder.side if window is None else window
    usual = max(patch, round(recipe.stride * side / patch) * patch)
    return Framing(
        patch,
        side,
        usual if stride is None else stride,
        round(recipe.scale * side) if short_side is None else short_side,
    )
