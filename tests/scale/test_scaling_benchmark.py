"""The simulator behind docs/scaling.md, against what can be told without it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import scaling
from benchmarks.scaling import STAGES, Costs, bill, pools, simulate

COSTS = Costs(
    "x", True, {"recognise": 0.2, "refine": 0.0, "detect": 0.1, "resolve": 0.0, "masks": 0.4}
)
ONE = dict.fromkeys(STAGES, 1)


def test_the_slowest_pool_sets_the_rate_while_devices_last() -> None:
    found = simulate(COSTS, 3200, ONE, devices=5)
    assert found.rate == pytest.approx(1 / 0.4, rel=0.01)
    assert found.busy["masks"] > 0.95
    assert found.busy["detect"] == pytest.approx(0.25, abs=0.03)


def test_devices_set_the_rate_where_they_are_short() -> None:
    assert simulate(COSTS, 3200, ONE, devices=1).rate == pytest.approx(1 / 0.7, rel=0.02)
    many = dict.fromkeys(STAGES, 10)
    assert simulate(COSTS, 6400, many, devices=2).rate == pytest.approx(2 / 0.7, rel=0.05)


def test_waiting_takes_no_device() -> None:
    waiting = replace(COSTS, seconds={**COSTS.seconds, "refine": 0.6}, waits=["refine"])
    assert simulate(waiting, 3200, {**ONE, "refine": 4}, devices=1).rate == pytest.approx(
        1 / 0.7, rel=0.03
    )
    slow = replace(waiting, seconds={**waiting.seconds, "refine": 2.0})
    assert simulate(slow, 3200, ONE, devices=1).rate == pytest.approx(1 / 2.0, rel=0.03)


def test_a_start_is_paid_once_a_worker() -> None:
    without = simulate(COSTS, 64, ONE, devices=1).seconds
    assert without == pytest.approx(64 * 0.7)
    assert simulate(replace(COSTS, start=10.0), 64, ONE, 1).seconds == pytest.approx(without + 50)


def test_pools_in_proportion() -> None:
    assert pools(COSTS, 7) == {"recognise": 2, "refine": 1, "detect": 1, "resolve": 1, "masks": 4}
    sized = pools(COSTS, 70)
    assert simulate(COSTS, 32 * 2000, sized, 70).rate == pytest.approx(100, rel=0.1)


def test_a_bill() -> None:
    costs = replace(COSTS, prompt_tokens=500, completion_tokens=10, price=[1.0, 2.0], bytes_in=1e6)
    found = bill(costs, 1e6)
    assert found["device_hours"] == pytest.approx(0.7e6 / 3600)
    assert found["dollars"] == pytest.approx(500 + 20)
    assert found["terabytes_read"] == pytest.approx(1)


@pytest.mark.parametrize("file", ["scaling_tiny.json", "scaling_published.json"])
def test_the_tables(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = Path(scaling.__file__).with_name(file)
    arguments = ["--costs", str(costs), "--devices", "8", "--json", str(tmp_path / "out.json")]
    assert scaling.main(arguments) == 0
    printed = capsys.readouterr().out
    assert ("ESTIMATES" in printed) == (not json.loads(costs.read_text())["measured"])
    assert "1,000,000,000 images" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["bills"][1]["device_hours"] == pytest.approx(
        1000 * written["bills"][0]["device_hours"]
    )


def test_costs_are_measured_on_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "start_seconds", lambda: 1.0)
    costs = scaling.measure(2, (64, 64))
    assert costs.measured
    assert all(costs.seconds[stage] > 0 for stage in ("recognise", "detect", "masks"))
    assert min(costs.bytes_in, costs.bytes_mask, costs.bytes_row) > 0
