"""How long a training run is, and that it goes on where it stopped."""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

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


def test_two_processes_learn_what_one_learns_from_both_batches(tmp_path: Path) -> None:
    batches = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 5.0, 1.0]])
    torch.multiprocessing.start_processes(
        _train_apart, (tmp_path, batches), nprocs=2, start_method="spawn"
    )
    one = begin(tmp_path / "one", 1)
    for _ in one:
        one.step(one.module(batches).square().sum(1).mean())
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for name, weight in one.module.state_dict().items():
        assert torch.equal(found[0][name], found[1][name])
        torch.testing.assert_close(found[0][name], weight)
    assert len((tmp_path / "two" / "log.txt").read_text(encoding="utf-8").splitlines()) == 1


def _train_apart(rank: int, folder: Path, batches: Tensor) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder / 'meet'}", rank=rank, world_size=2)
    run = begin(folder / "two", 1)
    for _ in run:
        run.step(run.module(batches[rank]).square().sum())
    run.watch(lambda: "the end")
    torch.save(run.module.state_dict(), folder / f"{rank}.pt")
    dist.destroy_process_group()
