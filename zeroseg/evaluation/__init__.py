"""Scored runs: records of images, result folders, reports, oracle, ablation, comparison."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
