"""Run by test_two_processes.py: a scored run and a plain `trainer.test` in two processes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from lightning.pytorch import Trainer

from tests.evaluation.conftest import build, scenes
from zeroseg.evaluation.evaluate import evaluate

COUNT = 7


def main(folder: Path) -> None:
    shared = {"accelerator": "cpu", "devices": 2, "strategy": "ddp", "enable_progress_bar": False}
    evaluate({"it": build()}, scenes(COUNT), {"it": folder / "run"}, **shared)
    segmenter = build()
    trainer = Trainer(**shared, logger=False, enable_checkpointing=False)
    [logged] = trainer.test(segmenter, scenes(COUNT), verbose=False)
    if trainer.is_global_zero:
        next((folder / "run/images").iterdir()).unlink()
    torch.distributed.barrier()
    evaluate({"it": build()}, scenes(COUNT), {"it": folder / "run"}, **shared)  # one has no picture
    [one] = Trainer(**shared, logger=False, enable_checkpointing=False).test(
        build(), scenes(1), verbose=False
    )
    if trainer.is_global_zero:
        assert 0 < one["miou"] < 1
        torch.save({"logged": logged, "scores": segmenter.scores.compute()}, folder / "plain.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
