"""Dense scores: how likely each prompt is at every place of an image."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
