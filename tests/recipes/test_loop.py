"""How long a training run is, and that it goes on where it stopped."""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path

import torch
from torch import nn

from benchmarks.recipes.loop import Run, parameter_groups
from benchmarks.recipes.muon import MuonAdamW


def begin(folder: Path, minutes: float) -> Run[nn.Linear]:
    """A run whose clock goes on by ten seconds whenever it is read."""
    torch.manual_seed(0)
    module = nn.Linear(4, 4)
    args = argparse.Namespace(run=folder, minutes=minutes, lr=0.1, batch=1)
    [matrices, vectors] = parameter_groups(module, args.lr, 0.01)
    groups = [{**matrices, "muon": True}, vectors]
    ticks = count(0, 10)
    return Run(module, groups, args, optimizer=MuonAdamW, clock=lambda: float(next(ticks)))


def steps(run: Run[nn.Linear]) -> int:
    before = run.steps
    for _ in run:
        run.step(run.module(torch.ones(1, 4)).square().sum())
    return run.steps - before


def test_a_run_ends_by_its_clock_and_goes_on_with_more_minutes(tmp_path: Path) -> None:
    run = begin(tmp_path, 1)
    assert steps(run) == 6
    again = begin(tmp_path, 1)
    assert again.steps == 6
    assert steps(again) == 0
    assert all(
        torch.equal(one, other)
        for one, other in zip(run.ema.parameters(), again.ema.parameters(), strict=True)
    )
    assert steps(begin(tmp_path, 2.5)) == 9
    assert "resumed at step 6" in (tmp_path / "log.txt").read_text(encoding="utf-8")
