"""Results that a person goes through: regions are named anew, deleted or added, step by step."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
