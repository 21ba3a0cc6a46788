"""The words that the tiny detector can read, as a real BERT tokenizer.

Every word of the drawn world is a token. Any other word is spelled in letters, so nothing is
unknown: "dogs" reads as "dog ##s". Grounding DINO in transformers has the ids of the delimiters
built in ([CLS] 101, [SEP] 102, "." 1012, "?" 1029), so the table has 1030 rows, most of them
unused.
"""

from __future__ import annotations

import string
import tempfile
from collections.abc import Iterable
from pathlib import Path

from transformers import BertTokenizer

from zeroseg.drawn.world import CATEGORIES, FINE_NAMES, HYPERNYMS, NEVER_DRAWN, SYNONYMS

ROWS = 1030
_FIXED = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}


def phrases() -> list[str]:
    """Every phrase of the drawn world, each once, in a fixed order."""
    synonyms = [name for names in SYNONYMS.values() for name in names]
    return list(dict.fromkeys([*CATEGORIES, *FINE_NAMES, *synonyms, *HYPERNYMS, *NEVER_DRAWN]))


def vocabulary(more: Iterable[str] = ()) -> list[str]:
    """The token of each of the 1030 rows; words beside the world's come after all others."""
    letters = [*string.ascii_lowercase, *string.digits]
    words = [word for phrase in phrases() for word in phrase.split()]
    tokens = dict.fromkeys(
        [*words, *letters, *(f"##{letter}" for letter in letters), *",-'/&()", *more]
    )
    rows = [_FIXED.get(row, f"[unused{row}]") for row in range(ROWS)]
    free = [row for row in range(104, ROWS) if row not in _FIXED]
    for row, token in zip(free, tokens, strict=False):
        rows[row] = token
    if len(tokens) > len(free):
        raise ValueError(f"{len(tokens)} words do not fit into {len(free)} free rows")
    return rows


def build_tokenizer(more: Iterable[str] = ()) -> BertTokenizer:
    """The tokenizer of `vocabulary`, lower-casing like the published detector's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "vocab.txt").write_text("\n".join(vocabulary(more)) + "\n", encoding="utf-8")
        return BertTokenizer.from_pretrained(folder, do_lower_case=True)
