"""The loop that every recipe shares: schedule, clipping, moving average, log, resume.

A recipe started by `torchrun --nproc-per-node N -m ...` trains in N processes, each on a batch of
its own; on a CPU that is faster than N threads.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn


def arguments(description: str, minutes: float, batch: int, lr: float) -> argparse.ArgumentParser:
    """The options that all recipes have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cache", type=Path, help="folder written by recipes.cache")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoint and log")
    parser.add_argument("--minutes", type=float, default=minutes, help="training time in all")
    parser.add_argument("--batch", type=int, default=batch, help="images a step")
    parser.add_argument("--lr", type=float, default=lr, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--device", type=torch.device, default="cpu", help="where to train, such as cpu or cuda"
    )
    parser.add_argument("--export", type=Path, help="write the run's model to this folder and stop")
    return parser


def parse(
    parser: argparse.ArgumentParser, *, export_needs_cache: bool = False
) -> argparse.Namespace:
    """Read the command line, limit torch to the threads asked for and seed it."""
    args = parser.parse_args()
    if args.cache is None and (export_needs_cache or args.export is None):
        parser.error("give the folder of scenes by --cache")
    if "TORCHELASTIC_RUN_ID" in os.environ:
        dist.init_process_group("gloo")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return args


def rank() -> int:
    """Which of the run's processes this is; the first one logs, watches and saves."""
    return dist.get_rank() if dist.is_initialized() else 0


def summed(value: Tensor) -> Tensor:
    """The sum over the run's processes, which wait for each other here."""
    if dist.is_initialized():
        dist.all_reduce(value)
    return value


def averaged(run: Path, part: str = "") -> dict[str, Tensor]:
    """The averaged weights of a run, on the CPU: those whose name starts with `part`, without it.

    Raises:
        FileNotFoundError: Nothing has been trained in `run`.
    """
    file = run / "checkpoint.pt"
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: train first, with the same --run")
    state = torch.load(file, map_location="cpu", weights_only=True)["ema"]
    return {name[len(part) :]: value for name, value in state.items() if name.startswith(part)}


def parameter_groups(
    module: nn.Module, lr: float, weight_decay: float, scales: dict[str, float] | None = None
) -> list[dict[str, Any]]:
    """AdamW groups: no decay on vectors and embeddings, `scales` multiplies lr by name part."""
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        scale = next((s for part, s in (scales or {}).items() if part in name), 1.0)
        decay = 0.0 if parameter.ndim < 2 or "embeddings" in name else weight_decay
        group = groups.setdefault(
            (scale, decay), {"params": [], "lr": lr, "scale": scale, "weight_decay": decay}
        )
        group["params"].append(parameter)
    return list(groups.values())


def adamw(groups: list[dict[str, Any]]) -> Any:
    """The usual optimiser."""
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


Module = TypeVar("Module", bound=nn.Module)


class Run(Generic[Module]):
    """One training run over a fixed time, resumable: iterate for progress, then `step(loss)`.

    The learning rate warms up, holds, then falls along a cosine over the share of `minutes` that
    has been spent; a run that was killed continues from its last checkpoint (saved every two
    minutes), also with another `minutes` or on another device. `module` must already be where it is
    to be trained.

    Args:
        clock: What `minutes` are counted by, in seconds. `time.process_time` counts those of all
            threads and processes, so that a run on a machine shared with others is as long as one
            on a free one.

    Attributes:
        ema: The moving average of `module`, for evaluation and export.
        processes: How many train together.
    """

    def __init__(
        self,
        module: Module,
        groups: Iterable[dict[str, Any]],
        args: argparse.Namespace,
        *,
        warmup: int = 100,
        hold: float = 0.3,
        clip: float = 1.0,
        decay: float = 0.998,
        optimizer: Callable[[list[dict[str, Any]]], Any] = adamw,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.module, self.args, self.clock = module, args, clock
        self.ema: Module = copy.deepcopy(module).eval().requires_grad_(False)
        self.optimizer = optimizer(list(groups))
        self.warmup, self.hold, self.clip, self.decay = warmup, hold, clip, decay
        self.processes = dist.get_world_size() if dist.is_initialized() else 1
        self.steps, self.elapsed = 0, 0.0
        self.figures: dict[str, float] = {}
        self.file: Path = args.run / "checkpoint.pt"
        args.run.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            self._load()
        self.watched = self.elapsed

    def __iter__(self) -> Iterator[float]:
        started, spent, saved = self.clock(), self.elapsed, time.monotonic()
        while self.elapsed < self.args.minutes * 60:
            yield self.progress
            now = time.monotonic()
            own = torch.tensor(self.clock() - started, dtype=torch.float64)
            self.elapsed = spent + float(summed(own)) / self._clocks
            if now - saved > 120:
                saved = now
                self.save()
        self.save()

    @property
    def progress(self) -> float:
        """Share of the time that is spent, in [0, 1]."""
        return min(1.0, self.elapsed / (self.args.minutes * 60))

    def step(self, loss: Tensor, **figures: float | Tensor) -> None:
        """Back-propagate `loss` and update the weights and their moving average."""
        factor = min(1.0, (self.steps + 1) / self.warmup)
        if self.progress > self.hold:
            factor *= 0.5 + 0.5 * math.cos(math.pi * (self.progress - self.hold) / (1 - self.hold))
        for group in self.optimizer.param_groups:
            group["lr"] = self.args.lr * group["scale"] * factor + 2e-6
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients()
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
        else:
            self.log("skipped a step: the gradient is not finite")
        self.steps += 1
        self._average()
        for name, value in {"loss": loss, **figures}.items():
            now = float(value.detach() if isinstance(value, Tensor) else value)
            self.figures[name] = 0.98 * self.figures.get(name, now) + 0.02 * now
        if self.steps % 50 == 0:
            self.report()

    def report(self) -> None:
        """Log the running means of the figures given to `step`."""
        images = self.steps * self.args.batch * self.processes
        rate = images / max(self.elapsed, 1)
        means = " ".join(f"{name} {value:.4f}" for name, value in self.figures.items())
        self.log(f"step {self.steps} {rate:.0f} images/s {means}")

    def log(self, text: str) -> None:
        """Print a line with the minutes spent, and append it to the run's log file."""
        if rank():
            return
        line = f"{self.elapsed / 60:.1f} min {text}"
        print(line, flush=True)
        with open(self.args.run / "log.txt", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def watch(self, figures: Callable[[], str], minutes: float = 0) -> None:
        """Log figures if so many minutes went by since the last time, in the first process."""
        if self.elapsed - self.watched < minutes * 60:
            return
        self.watched = self.elapsed
        if rank() == 0:
            self.log(f"watched {figures()}")

    def save(self) -> None:
        """Write the checkpoint atomically."""
        if rank():
            return
        state = {
            "module": self.module.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "elapsed": self.elapsed,
        }
        part = self.file.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.file)

    def _load(self) -> None:
        state = torch.load(self.file, map_location="cpu", weights_only=True)
        self.module.load_state_dict(state["module"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.elapsed = state["steps"], state["elapsed"]
        self.log(f"resumed at step {self.steps}")

    @property
    def _clocks(self) -> int:
        """By how much a minute counts: processor time adds up over processes, others do not."""
        return 1 if self.clock is time.process_time else self.processes

    def _share_gradients(self) -> None:
        """Give every process the mean of all gradients; none for a parameter counts as zero."""
        if self.processes == 1:
            return
        own = [p for group in self.optimizer.param_groups for p in group["params"]]
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in own]
        whole = summed(torch.cat([part.flatten() for part in parts])) / self.processes
        for p, part in zip(own, whole.split([p.numel() for p in own]), strict=True):
            p.grad = part.view_as(p)

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.module.parameters()), 1 - decay)
        for old, new in zip(self.ema.buffers(), self.module.buffers(), strict=True):
            old.copy_(new)
