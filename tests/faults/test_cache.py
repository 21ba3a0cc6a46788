"""A share of the campaign: a damaged cache of answers; `tests/chat` has a locked one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import cache


def test_a_damaged_cache_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LOCKS", 0)
    monkeypatch.setattr(cache, "PICTURES", 4)
    *rows, locked = cache.run(2 * len(cache.HARMS), 3, tmp_path)
    assert locked.injected == 0
    for row in rows:
        assert row.holds and (row.injected, row.ok) == (2, 8), row
