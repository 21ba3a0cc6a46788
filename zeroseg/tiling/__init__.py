"""Pictures larger than the networks' input: cut into overlapping windows, and merged again."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
