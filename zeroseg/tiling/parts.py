"""Components as a system uses them that cuts large pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import nn

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.fusion.fusion import Fusion
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.verifier import Verifier
from zeroseg.tiling.tiled_detector import TiledDetector
from zeroseg.tiling.tiled_fusion import TiledFusion
from zeroseg.tiling.tiled_predictor import TiledPredictor
from zeroseg.tiling.tiled_recognition import TiledTagger, TiledVerifier
from zeroseg.tiling.tiled_scorer import TiledScorer
from zeroseg.tiling.windows import AUTO, Tiling

Cut = Tiling | int | Literal["auto"] | None
"""How large pictures are cut, as people say it: see `tiling_of`."""

_TILED: tuple[tuple[type[nn.Module], Callable[[Any, Tiling], nn.Module]], ...] = (
    (Tagger, TiledTagger),
    (Verifier, TiledVerifier),
    (Detector, TiledDetector),
    (DenseScorer, TiledScorer),
    (MaskPredictor, TiledPredictor),
    (Fusion, lambda fusion, _: TiledFusion(fusion)),
)


def tiling_of(cut: Cut, detector: Detector) -> Tiling | None:
    """How pictures are cut.

    Args:
        cut: A Tiling; the side of a window, for all pictures that are larger; "auto": windows of
            what the detector's network sees pixel by pixel, for pictures whose longer side is more
            than twice that; None: not at all.
        detector: The system's.

    Raises:
        ValueError: It is something else, or the detector does not say what its network sees.
    """
    if cut is None or isinstance(cut, Tiling):
        return cut
    if isinstance(cut, int) and not isinstance(cut, bool):
        return Tiling(cut)
    if cut != "auto":
        raise ValueError(f"tiling is {cut!r}, expected 'auto', a number of pixels, or None")
    if detector.side is None:
        raise ValueError(
            f"{type(detector).__name__} does not say how large a picture its network sees "
            f"(Detector.side): give tiling a number of pixels in place of 'auto'"
        )
    return Tiling(detector.side, above=AUTO * detector.side)


def tiled(part: nn.Module | None, tiling: Tiling) -> nn.Module | None:
    """A component that looks at large pictures through windows.

    Those stay as they are that see no picture, that take what a tiled detector found, that give
    one sentence of the whole picture, or that ask a server, once a picture.
    """
    if isinstance(part, DetectorMasks) or getattr(part, "waits", False):
        return part
    return next((made(part, tiling) for kind, made in _TILED if isinstance(part, kind)), part)
