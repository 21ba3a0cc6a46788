"""The size that the authors of Grounding DINO bring an image to."""

from __future__ import annotations


def reference_size(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """(height, width) of the network's input for an image.

    The shorter side becomes `shortest`, or less where the longer one would exceed `longest`; then
    it is rounded, and the longer side is cut off to whole pixels: 2000 x 1000 becomes 1332 x 666
    under 800 and 1333, where the library's processor makes 1333 x 666.
    """
    short, long = sorted((height, width))
    ratio = long / short
    side = round(longest * short / long) if ratio * shortest > longest else shortest
    other = int(side * ratio)
    return (other, side) if height > width else (side, other)
