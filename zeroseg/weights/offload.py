"""Components whose weights stay on the host and visit the device only while they are needed.

With all four networks offloaded, the device holds the weights of one at a time; every batch pays
for the copies, so that larger batches cost less an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

Part = TypeVar("Part", bound=nn.Module)

_WORKING = ("forward", "encode", "prompted")
"""Methods that need a component's weights on the device."""


def offload(part: Part) -> Part:
    """Have a component's weights stay where they are, which should be the host.

    From then on `.to(device)` moves the place of work and not the weights, which are copied there
    for each call; precision applies to them as ever. The component keeps its type and its names of
    weights. `.cpu()` brings the work home, too.

    Args:
        part: The component; it is changed in place.

    Returns:
        The component.
    """
    if not isinstance(part, _Offloaded):
        kind: Any = type(part)
        part.__class__ = _offloaded(kind)
    return part


class _Offloaded(nn.Module):
    """What is different about an offloaded component."""

    place = torch.device("cpu")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        def cast(tensor: Tensor) -> Tensor:
            return tensor.to(fn(tensor.new_empty(0)).dtype)

        self.place = fn(torch.empty(0, device=self.place)).device
        super()._apply(cast, recurse)
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Travel by the name of the class that was offloaded."""
        usual: Any = super().__reduce_ex__(protocol)
        return _remade, (type(self).__mro__[2],), *usual[2:]


@cache
def _offloaded(kind: Any) -> Any:
    methods = {name: _at_place(getattr(kind, name)) for name in _WORKING if hasattr(kind, name)}
    known = {"__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (_Offloaded, kind), {**methods, **known})


def _remade(kind: Any) -> Any:
    made = _offloaded(kind)
    return made.__new__(made)


def _at_place(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def work(self: _Offloaded, *arguments: Any, **named: Any) -> Any:
        with visiting(self, self.place):
            return method(self, *arguments, **named)

    return work


@contextmanager
def visiting(part: nn.Module, device: torch.device) -> Iterator[None]:
    """Within the block, a module's weights are copies on a device; tied ones stay tied.

    Afterwards they are the very tensors that they were before, and nothing is copied back.
    """
    stores: list[dict[str, Any]] = [
        store for module in part.modules() for store in (module._parameters, module._buffers)
    ]
    home = [dict(store) for store in stores]
    tensors = {id(tensor): tensor for own in home for tensor in own.values() if tensor is not None}
    try:
        copies = {key: _copied(tensor, device) for key, tensor in tensors.items()}
        for store, own in zip(stores, home, strict=True):
            store.update({name: copies[id(t)] for name, t in own.items() if t is not None})
        yield
    finally:
        for store, own in zip(stores, home, strict=True):
            store.update(own)


def _copied(tensor: Tensor, device: torch.device) -> Any:
    copy = tensor.to(device, non_blocking=True)
    return nn.Parameter(copy, requires_grad=False) if isinstance(tensor, nn.Parameter) else copy
