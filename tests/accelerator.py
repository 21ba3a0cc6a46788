"""A make-believe accelerator, so that tensors on the wrong device are found without a GPU.

`register` gives the process a device "toy". Its tensors hold a tensor of the CPU that every
operation is passed on to, after the checks that a CUDA device makes:

- All tensors of an operation are on one device. As on CUDA, a number (a tensor without dimensions)
  on the CPU may take part in pointwise operations, and indices on the CPU may index a tensor of the
  device, not the other way round.
- A tensor of the device is no numpy array, not even a way to one.
- Products of matrices are of floating point numbers, and so is what is resized.

It is as strict as other accelerators, too: like Apple's, it knows no float64.

Registering a device holds for the rest of the process, and `torch.accelerator.is_available` changes
what a library does: whatever uses this runs in a process of its own (`test_accelerator.py`).
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "toy"
CPU = torch.device("cpu")
aten = torch.ops.aten

DIRECT = (
    *("arange", "arange.start", "arange.start_step", "eye", "eye.m", "linspace", "randperm"),
    *("tril_indices", "triu_indices", "copy_", "_local_scalar_dense"),
)
"""Operations with kernels of their own: those that would resize an empty tensor, which a toy tensor
cannot be, and what `torch.tensor` calls behind the back of tensor classes."""

WHOLE = (aten.scaled_dot_product_attention.default,)
"""Operations of several that are passed on whole: the CPU has a kernel for them."""

INDEXING = (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_)
"""Operations whose second argument, indices, may be on the CPU."""

NUMBERS_ALLOWED = (
    *(*INDEXING, aten.masked_fill, aten.masked_fill_, aten.fill, aten.fill_, aten.where),
)
"""Operations that take a number of the CPU though they are not pointwise."""

COPIES = (aten.copy_, aten._to_copy)

REAL_ONLY = (
    *(aten.mm, aten.bmm, aten.addmm, aten.baddbmm, aten.mv, aten.dot, aten.convolution),
    *(aten.upsample_linear1d, aten.upsample_bilinear2d, aten.upsample_bicubic2d),
    *(aten._upsample_bilinear2d_aa, aten._upsample_bicubic2d_aa, aten.grid_sampler_2d),
)
"""Operations that CUDA has for floating point numbers only."""

WAITING = (
    *(aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten._unique2, aten.bincount),
    *(aten.unique_consecutive, aten.unique_dim, aten.repeat_interleave, aten.equal),
)
"""Operations that the host waits for: how large their result is, or what it is, is needed there.
Copies from one side to the other are waited for as well unless they are said not to block, and so
is the copy of an index."""


class ToyTensor(torch.Tensor):
    """A tensor of the make-believe accelerator."""

    held: torch.Tensor

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> ToyTensor:
        if held.dtype == torch.float64:
            raise TypeError(f"{NAME} does not know float64")
        with torch.inference_mode(held.is_inference()):
            tensor = torch.Tensor._make_wrapper_subclass(
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=torch.device(NAME, 0),
            )
        tensor.held = held
        return tensor

    def __repr__(self, **_: Any) -> str:
        return f"{self.held!r} on {NAME}"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy; use .cpu() first")

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if _is_composed(func):
            done = func.decompose(*args, **kwargs)
            if done is not NotImplemented:
                return done
        return _run(func, *args, **kwargs)


@cache
def _is_composed(func: Any) -> bool:
    return func not in WHOLE and func._can_decompose()


def _run(func: Any, *args: Any, **kwargs: Any) -> Any:
    """Check an operation, and have the CPU do it."""
    given = list(_tensors((args, tuple(kwargs.values()))))
    toys = [x for x in given if isinstance(x, ToyTensor)]
    if toys and len(toys) < len(given):
        _check_devices(func, args, kwargs)
    if func.overloadpacket in REAL_ONLY and not all(x.is_floating_point() for x in given):
        raise RuntimeError(f"{func} is not implemented for whole numbers on {NAME}")
    if _listening and _is_waiting(func.overloadpacket, args, kwargs):
        _note_waiting(func)
    options = {name: _held(value) for name, value in kwargs.items()}
    result = func(*_mapped(_held, args), **options)
    if any(toy.held.shape != toy.shape for toy in toys):
        raise NotImplementedError(f"{func} gave a tensor another shape in place")
    if not _is_result_there(kwargs, bool(toys)):
        return result
    owners = {id(toy.held): toy for toy in toys}

    def put(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return owners[id(value)] if id(value) in owners else ToyTensor(value)

    return _mapped(put, result)


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """What an operation takes or gives, changed; a fraction of the time that pytree takes."""
    if isinstance(value, list | tuple):
        return type(value)([_mapped(change, one) for one in value])
    return change(value)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)


def _held(value: Any) -> Any:
    if isinstance(value, ToyTensor):
        return value.held
    return CPU if isinstance(value, torch.device) and value.type == NAME else value


def _is_result_there(kwargs: dict[str, Any], any_toys: bool) -> bool:
    device = kwargs.get("device")
    return any_toys if device is None else torch.device(device).type == NAME


def _check_devices(func: Any, args: Any, kwargs: Any) -> None:
    """Refuse tensors of both devices where CUDA does."""
    kind = func.overloadpacket
    if kind in COPIES:
        return
    rest = (args[0], *args[2:]) if kind in INDEXING and isinstance(args[0], ToyTensor) else args
    changed = [
        id(value)
        for argument, value in zip(func._schema.arguments, args, strict=False)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    numbers = torch.Tag.pointwise in func.tags or kind in NUMBERS_ALLOWED
    for value in _tensors((rest, tuple(kwargs.values()))):
        allowed = numbers and not value.ndim and id(value) not in changed
        if not isinstance(value, ToyTensor) and not allowed:
            raise RuntimeError(
                f"{func}: expected all tensors to be on the same device, but found at least two "
                f"devices, {NAME}:0 and {value.device}"
            )


class Waits:
    """How often the host waited for the device: (operation, line of this project) to number."""

    def __init__(self) -> None:
        self.count: Counter[tuple[str, str]] = Counter()

    @property
    def total(self) -> int:
        """All of them."""
        return self.count.total()


_listening: list[Waits] = []
_lock = threading.Lock()
PROJECT = Path(__file__).parents[1] / "zeroseg"


@contextmanager
def waits() -> Iterator[Waits]:
    """Count how often the host waits for the device within the block."""
    noted = Waits()
    _listening.append(noted)
    try:
        yield noted
    finally:
        _listening.remove(noted)


def _is_waiting(kind: Any, args: Any, kwargs: Any) -> bool:
    given = [isinstance(x, ToyTensor) for x in _tensors(args)]
    if kind is aten.copy_:
        blocking = not (args[2] if len(args) > 2 else kwargs.get("non_blocking"))
        return given[0] != given[1] and blocking
    if kind is aten._to_copy:
        return given[0] != _is_result_there(kwargs, given[0])
    if kind in INDEXING and any(given):
        return any(x.dtype == torch.bool or not isinstance(x, ToyTensor) for x in _tensors(args[1]))
    return any(given) and (kind in WAITING or "nms" in str(kind))


def _note_waiting(func: Any) -> None:
    with _lock:
        for noted in _listening:
            noted.count[str(func.overloadpacket), _place()] += 1


def _place() -> str:
    """The innermost line of the project that is running."""
    for frame in reversed(traceback.extract_stack()):
        path = Path(frame.filename)
        if path.is_relative_to(PROJECT):
            return f"{path.relative_to(PROJECT.parent)}:{frame.lineno} {frame.name}"
    return "elsewhere"


class _Module(_DummyBackendModule):
    """What `torch.toy` is."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


def register() -> torch.device:
    """Make the device known to this process; once is enough."""
    if not hasattr(torch, NAME):
        _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
        _everything.fallback(_run, "PrivateUse1")
        for name in DIRECT:
            _some.impl(name, _kernel(name), "PrivateUse1")
        torch.accelerator.synchronize = lambda device=None, /: None  # nothing runs beside
    return torch.device(NAME)


def _kernel(name: str) -> Callable[..., Any]:
    packet, _, overload = name.partition(".")
    func = getattr(getattr(aten, packet), overload or "default")
    return lambda *args, **kwargs: _run(func, *args, **kwargs)


_everything, _some = (torch.library.Library(space, "IMPL") for space in ("_", "aten"))
