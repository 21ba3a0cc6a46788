"""Words of class lists, written once: by a language model, the thesaurus or WordNet."""

from zeroseg.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
