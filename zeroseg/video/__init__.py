"""Video: frames in, a label for every pixel of each out, with identities that last."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
