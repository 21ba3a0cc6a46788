"""Every vocabulary that comes along, by its name."""

from __future__ import annotations

from zeroseg.class_lists.built_in import NAMES
from zeroseg.vocabulary import Vocabulary

BUILT_IN = {name: Vocabulary.parse(name) for name in NAMES}
