"""Stage 1, images to text: taggers and captioners."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
