"""Two label maps of a picture, and two folders of them: which pixels differ, and how."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
