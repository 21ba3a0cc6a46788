"""A share of the campaign: a language model's server that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import services


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PICTURES", 4)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_what_passes_leaves_no_trace(tmp_path: Path) -> None:
    passing = [kind for kind in services.ALL if not kind.endswith("lasting")]
    for row in services.run(len(passing), 3, tmp_path, passing):
        assert row.injected > 0 and row.holds, row
        assert row.degraded == row.failed == 0 and row.ok % 4 == 0, row


def test_what_lasts_is_told_by_the_pictures_that_it_befalls(tmp_path: Path) -> None:
    lasting = [kind for kind in services.ALL if kind.endswith("lasting")]
    rows = services.run(len(lasting), 5, tmp_path, lasting)
    assert len(rows) == 7
    for row in rows:
        assert row.holds and row.degraded > 0 and row.failed == 0, row
