"""A share of the campaign: disks that fail at a random write, and results that were damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import disk


def test_a_run_goes_on_after_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "PICTURES", 6)
    for row in disk.run(1, 3, tmp_path):
        assert row.injected == 1 and row.holds, row
        assert (row.ok, row.failed) == (6, 0), row
