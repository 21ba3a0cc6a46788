"""Masks by EdgeTAM (Zhou et al., 2025), SAM 2 for small machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import transformers
from transformers import EdgeTamModel
from typing_extensions import Self

from zeroseg.errors import PackageNotFound
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.sam2 import SquashedMasks
from zeroseg.masking.two_pass import TOP_20
from zeroseg.weights.needs import Need, Package

LEAST = (5, 20)
"""Before this version of transformers not even EdgeTAM's configuration was made offline."""


class EdgeTam(SquashedMasks):
    """EdgeTAM from transformers, prompted with boxes, then with boxes and points.

    It has SAM 2's prompts and decoder behind a small convolutional image encoder, which is timm's:
    `pip install "zeroseg[timm]"`.

    Args:
        model: The network.
        image_processor: What prepares images for it.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.

    Raises:
        CheckpointError: The processor does not make a square.
        ValueError: `chunk_size` is less than one.
    """

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "yonigozlan/EdgeTAM-hf",
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network and its image processor.

        Args:
            checkpoint: A hub name or a folder.
            point_sampler: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
            PackageNotFound: timm is not installed, or transformers is older than 5.20.
        """
        if find_spec("timm") is None:
            raise PackageNotFound("timm", cls.__name__, "it is not installed", "timm")
        if tuple(map(int, transformers.__version__.split(".")[:2])) < LEAST:
            reason = f"{transformers.__version__} is, which asks the hub for a part of its own"
            package = f"transformers {'.'.join(map(str, LEAST))}"
            raise PackageNotFound(package, cls.__name__, reason, "timm")
        return cls(*cls._read_from(EdgeTamModel, checkpoint), point_sampler, chunk_size)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Package("timm", "zeroseg[timm]")
        yield from SquashedMasks.needs(arguments)
