"""Other systems, scored by the same loop: Semantic-Segment-Anything."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
