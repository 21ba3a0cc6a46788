"""Stages 2 and 4, from open words to the classes of a vocabulary and back."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
