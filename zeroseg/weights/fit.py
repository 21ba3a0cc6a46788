"""Whether weights are those of a network: complete, of its shapes, and made of numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from zeroseg.errors import CheckpointError

_SHOWN = 3
"""How many names a message shows of each kind."""

_NUMBERS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_BLANK = 0.25
"""The share of a network's numbers that may lie in tensors of zeros only."""

Mismatch = tuple[str, Sequence[int], Sequence[int]]
"""A tensor's name, the shape that was found, and the one that the network has."""


def require_fit(
    missing: Collection[str], unexpected: Collection[str], mismatched: Collection[Mismatch]
) -> None:
    """See that weights and a network's parameters are the same.

    Raises:
        CheckpointError: They are not; how many tensors differ is said, and the first ones' names.
    """
    shapes = [
        f"{name}: {tuple(found)}, expected {tuple(expected)}"
        for name, found, expected in mismatched
    ]
    kinds = {"missing: ": missing, "shape of ": shapes, "unexpected: ": unexpected}
    problems = [kind + first(names) for kind, names in kinds.items() if names]
    if problems:
        raise CheckpointError(
            f"the weights do not fit the network ({'; '.join(problems)}): fetch them again, or "
            f"choose those of this network"
        )


def require_same(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """See that weights are those of a network by name, shape and kind of number.

    Args:
        expected: The network's tensors.
        found: Those of a file.

    Raises:
        CheckpointError: They are not; see `require_fit`.
    """
    both = expected.keys() & found.keys()
    require_fit(
        expected.keys() - both,
        found.keys() - both,
        [
            (name, found[name].shape, expected[name].shape)
            for name in both
            if found[name].shape != expected[name].shape
        ],
    )
    odd = [
        name
        for name in both
        if found[name].is_floating_point() != expected[name].is_floating_point()
    ]
    if odd:
        raise CheckpointError(
            f"the weights are damaged (other kinds of numbers: {first(odd)}): fetch them again"
        )


def require_numbers(tensors: Iterable[tuple[str, Tensor]]) -> None:
    """See that weights were trained: no NaN, nothing infinite, and not zeros alone.

    Zeros are what a download leaves that reserved its place and was broken off.

    Args:
        tensors: By name.

    Raises:
        CheckpointError: They were not, or are damaged.
    """
    odd: list[str] = []
    zeros: list[str] = []
    numbers = blank = 0
    for name, tensor in tensors:
        if tensor.is_meta or tensor.dtype not in _NUMBERS or not tensor.numel():
            continue
        low, high = (bound.float() for bound in torch.aminmax(tensor.detach()))
        if not (low.isfinite() and high.isfinite()):
            odd.append(name)
        numbers += tensor.numel()
        if low == high == 0:
            zeros.append(name)
            blank += tensor.numel()
    if odd:
        raise CheckpointError(
            f"the weights are damaged (numbers that are NaN or infinite: {first(odd)}): fetch "
            f"them again"
        )
    if not numbers:
        raise CheckpointError("the weights hold no floating-point numbers: fetch them again")
    if blank > _BLANK * numbers:
        raise CheckpointError(
            f"the weights are damaged (nothing but zeros: {first(zeros)}): fetch them again"
        )


def first(names: Collection[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(sorted(names)[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
