"""A server for pictures and words, and its page: one file an idea, everything in memory."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
