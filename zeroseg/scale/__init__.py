"""Whole archives of pictures: in one process, or on a cluster with Ray."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
