"""Where components that ask a language model keep its answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier

Asking = LLMPreRefiner | LLMPostRefiner | VisionVerifier | VisionReviewer
"""Components that ask a language model."""


def keep_answers(parts: Iterable[nn.Module], folder: str | Path | None) -> None:
    """Have those components that ask a language model keep its answers in one folder.

    Args:
        parts: Components; those that ask no language model are left alone.
        folder: Made where there is none; None keeps nothing.
    """
    asking = [part for part in parts if isinstance(part, Asking)]
    if folder is not None and asking:
        cache = AnswerCache(folder)
        for part in asking:
            part.keep(cache)
