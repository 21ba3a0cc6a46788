"""Data sets as Lightning datamodules: images at their own size, batches as lists."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
