"""Where refiners keep a language model's answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner


def keep_answers(parts: Iterable[nn.Module], folder: str | Path | None) -> None:
    """Have the refiners among components keep a language model's answers in one folder.

    Args:
        parts: Components; those that ask no language model are left alone.
        folder: Made where there is none; None keeps nothing.
    """
    asking = [part for part in parts if isinstance(part, LLMPreRefiner | LLMPostRefiner)]
    if folder is not None and asking:
        cache = AnswerCache(folder)
        for part in asking:
            part.keep(cache)
