"""A share of the campaign: commands that are killed, and go on."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from benchmarks.faults.kills import await_work, commands, kill
from zeroseg.cli.main import main


@pytest.mark.parametrize("name", ["zeroseg test", "zeroseg batch", "zeroseg video"])
def test_a_killed_command_goes_on(name: str, tmp_path: Path) -> None:
    command = next(c for c in commands(tmp_path, 3, pictures=8) if c.name == name)
    target = tmp_path / "killed"
    process = command.start(target)
    await_work(process, target, 0)
    time.sleep(random.Random(name).uniform(0, 0.6))
    kill(process, with_all=False)
    assert process.returncode == -9
    expected = tmp_path / "undisturbed"
    for folder in (target, expected):
        assert main([word.format(folder) for word in command.words]) == 0
    assert command.read(target) == command.read(expected)
    assert len(command.read(target)) == 8
