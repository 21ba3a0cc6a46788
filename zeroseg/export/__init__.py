"""Results in the formats of other tools: one file a format, one picture at a time."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
