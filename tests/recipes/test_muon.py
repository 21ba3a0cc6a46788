"""Muon in float32 and all matrices of a shape at once is torch's, but for torch's rounding."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.recipes.muon import Muon, orthogonal


def test_it_goes_where_the_one_of_torch_goes() -> None:
    torch.manual_seed(0)
    shapes = [(8, 8), (8, 24), (24, 8), (8, 8)]
    start = [torch.randn(shape) for shape in shapes]
    ours, theirs = ([nn.Parameter(value.clone()) for value in start] for _ in range(2))
    rates = {"lr": 0.01, "weight_decay": 0.03}
    mine = Muon([{"params": ours, **rates}])
    reference = torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **rates)
    for _ in range(4):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        mine.step()
        reference.step()
    for a, b, value in zip(ours, theirs, start, strict=True):
        assert (a - b).norm() < 0.03 * (b - value).norm()


def test_singular_values_come_near_one_and_directions_stay() -> None:
    torch.manual_seed(1)
    matrices = torch.randn(3, 6, 10) * torch.tensor([0.01, 1.0, 100.0])[:, None, None]
    for values in (matrices, matrices.mT):
        found = torch.linalg.svdvals(orthogonal(values))
        assert float(found.min()) > 0.6
        assert float(found.max()) < 1.3
        torch.testing.assert_close(orthogonal(values), orthogonal(values * 7))


def test_a_matrix_without_gradient_stays() -> None:
    still, moved = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.eye(2))
    moved.grad = torch.eye(2)
    Muon([{"params": [still, moved], "lr": 0.1, "weight_decay": 0.1}]).step()
    assert torch.equal(still, torch.ones(2, 2))
    assert not torch.equal(moved, torch.eye(2))
