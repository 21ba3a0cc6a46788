"""A share of the campaign: damaged files, and files that go or change once they are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import files


def test_a_damaged_file_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PICTURES", 16)
    for row in files.run(len(files.CASES), 3, tmp_path):
        assert row.injected == files.DAMAGED and row.holds, row
        assert (row.ok, row.failed) == (8, 8), row
