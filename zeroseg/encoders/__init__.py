"""Image-text encoders: words, and the patches of pictures, as vectors of one space."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
