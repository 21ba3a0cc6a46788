"""The reference, the code that came with the paper: for each stage, a sibling that behaves so."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
