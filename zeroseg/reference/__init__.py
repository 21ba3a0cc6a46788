"""What the published code does differently: for each stage, a sibling of the main component."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
