"""The numbers that networks compute with, by Lightning's names, without Lightning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from zeroseg.errors import ZerosegError

FULL = "32-true"

_WEIGHTS = {"bf16-true": torch.bfloat16, "16-true": torch.float16}
_MIXED = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

PRECISIONS = (FULL, *_WEIGHTS, *_MIXED)
""""true" casts the weights; "mixed" leaves them, and casts where torch's autocast holds it safe."""


def checked(precision: str) -> str:
    """The precision itself, if there is one of that name.

    Raises:
        ZerosegError: There is none.
    """
    if precision not in PRECISIONS:
        raise ZerosegError(
            f"there is no precision '{precision}'; there are {', '.join(PRECISIONS)}"
        )
    return precision


def cast(module: nn.Module, precision: str) -> Any:
    """A module, its weights in the numbers of a precision."""
    dtype = _WEIGHTS.get(precision)
    return module if dtype is None else module.to(dtype)


def computing(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """What networks have to run within; on a CPU "16-mixed" is "bf16-mixed", as in Lightning."""
    dtype = _MIXED.get(precision)
    if dtype is None:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if device.type == "cpu" else dtype)


class Autocast:
    """The mixed precision that is on where this is made, to be put on again elsewhere.

    It is a matter of a thread and a place, and a batch in flight leaves both.
    """

    def __init__(self) -> None:
        self._types = {
            kind: torch.get_autocast_dtype(kind)
            for kind in ("cuda", "xpu", "mps", "cpu")
            if torch.is_autocast_enabled(kind)
        }

    @contextmanager
    def on(self) -> Iterator[None]:
        """The same mixed precision for the body."""
        with ExitStack() as stack:
            for kind, dtype in self._types.items():
                stack.enter_context(torch.autocast(kind, dtype))
            yield
