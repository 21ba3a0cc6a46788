"""Weights in 8 bits, through bitsandbytes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from transformers import BitsAndBytesConfig

from zeroseg.errors import ZerosegError

PACKAGES = ("bitsandbytes", "accelerate")
"""What transformers needs to load weights in 8 bits."""


def eight_bit(component: str, keep: Sequence[str] = ()) -> BitsAndBytesConfig:
    """How transformers is told to load the linear layers of a network in 8 bits (LLM.int8).

    Args:
        component: Name of the class that asks, for the message.
        keep: Names of the modules that keep their precision.

    Raises:
        ZerosegError: A package that this takes is not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ZerosegError(
            f"{component} needs {' and '.join(missing)} for weights in 8 bits: "
            f"`pip install {' '.join(PACKAGES)}`, or choose another `dtype`"
        )
    return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(keep))
