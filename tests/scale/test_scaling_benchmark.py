"""The simulator behind docs/scaling.md, against what can be told without it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))  # where the scripts find each other
scaling, scaling_costs = import_module("scaling"), import_module("scaling_costs")
sys.path.remove(str(FOLDER))

STAGES, Costs, simulate = scaling.STAGES, scaling.Costs, scaling.simulate
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
    assert simulate(COSTS, 12800, many, devices=2).rate == pytest.approx(2 / 0.7, rel=0.05)


def test_waiting_takes_no_device() -> None:
    waiting = replace(COSTS, seconds={**COSTS.seconds, "refine": 0.6}, waits=["refine"])
    assert simulate(waiting, 3200, {**ONE, "refine": 4}, devices=1).rate == pytest.approx(
        1 / 0.7, rel=0.03
    )
    slow = replace(waiting, seconds={**waiting.seconds, "refine": 2.0})
    assert simulate(slow, 3200, ONE, devices=1).rate == pytest.approx(1 / 2.0, rel=0.03)


def test_a_start_is_paid_once_a_worker() -> None:
    without = simulate(COSTS, 64, ONE, devices=1)
    assert without.seconds == pytest.approx(64 * 0.7)
    starting = replace(COSTS, start={"recognise": 10.0, "masks": 20.0, "tasks": 1.0}, begin=5.0)
    actors = {**ONE, "masks": 3}
    found = simulate(starting, 64, actors, 1, tasks=2)
    assert found.work == pytest.approx(without.work + 10 + 3 * 20 + 2 * 1 + 5)
    assert found.seconds == pytest.approx(found.work)  # one device is never idle


def test_workers_start_side_by_side() -> None:
    starting = replace(COSTS, start=dict.fromkeys(STAGES, 10.0))
    without = simulate(COSTS, 64, ONE, devices=5).seconds
    assert simulate(starting, 64, ONE, devices=5).seconds == pytest.approx(without + 10)


def test_reading_writing_and_handing_on_take_the_same_cores() -> None:
    costs = replace(COSTS, read=0.1, write=0.2, step=1.0)
    found = simulate(costs, 320, ONE, devices=1, part=32)
    assert found.seconds == pytest.approx(320 * (0.7 + 0.3) + 10 * 7 * 1.0)
    assert simulate(costs, 3200, ONE, devices=9, part=32, tasks=1).rate == pytest.approx(
        32 / (32 * 0.4 + 1),
        rel=0.02,  # masks are the slowest
    )
    slow = replace(costs, read=0.5, write=0.5)
    assert simulate(slow, 3200, ONE, devices=9, part=32, tasks=1).rate == pytest.approx(
        32 / (32 * 1.0 + 2),
        rel=0.03,  # the one process that reads and writes
    )


def test_what_ray_always_takes_is_not_there_for_others() -> None:
    found = simulate(replace(COSTS, always=0.2), 320, ONE, devices=1)
    assert found.seconds == pytest.approx(320 * 0.7 / 0.8)
    assert found.work == pytest.approx(found.seconds)


def test_jobs_share_evenly_and_none_gets_more_than_one() -> None:
    shared = scaling.Shared(2)
    shared.add(0.0, 3.0, "a")
    assert shared.next() == 3.0
    shared.add(1.0, 1.0, "b")
    shared.add(1.0, 4.0, "c")  # three on two cores from here on
    assert shared.next() == pytest.approx(2.5)
    assert shared.take() == "b"
    assert shared.next() == pytest.approx(3.5)  # a has had 2 of its 3 seconds
    assert shared.take() == "a"
    assert shared.next() == pytest.approx(5.5)  # c alone, 2 of 4 seconds done
    assert (shared.take(), shared.next(), shared.total) == ("c", float("inf"), 8.0)


def test_pools_in_proportion() -> None:
    assert scaling.pools_of(COSTS, 7) == {
        "recognise": 2,
        "refine": 1,
        "detect": 1,
        "resolve": 1,
        "masks": 4,
    }
    sized = scaling.pools_of(COSTS, 70)
    assert simulate(COSTS, 32 * 2000, sized, 70).rate == pytest.approx(100, rel=0.1)


def test_a_bill() -> None:
    costs = replace(COSTS, prompt_tokens=500, completion_tokens=10, price=[1.0, 2.0], bytes_in=1e6)
    found = scaling.bill(costs, 1e6)
    assert found["device_hours"] == pytest.approx(0.7e6 / 3600)
    assert found["core_hours_besides"] == 0
    beside = scaling.bill(replace(costs, read=0.1, write=0.2, step=1.6), 3600, part=16)
    assert beside["core_hours_besides"] == pytest.approx(0.1 + 0.2 + 7 * 1.6 / 16)
    assert found["dollars"] == pytest.approx(500 + 20)
    assert found["terabytes_read"] == pytest.approx(1)


@pytest.mark.parametrize("file", ["scaling_tiny.json", "scaling_published.json"])
def test_the_tables(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = FOLDER / file
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
    starts = {"tasks": 1.0, **dict.fromkeys(STAGES, 2.0)}
    monkeypatch.setattr(scaling_costs, "in_every_core", lambda call, *given: call(0, *given))
    monkeypatch.setattr(scaling_costs, "starts", lambda target: starts)
    overhead = scaling_costs.Overhead(begin=4.0, worker=0.5, step=0.01, always=0.1)
    monkeypatch.setattr(scaling_costs, "ray_itself", lambda part_bytes: overhead)
    costs = scaling.measure(2, (64, 64))
    assert costs.measured
    assert all(costs.seconds[stage] > 0 for stage in ("recognise", "detect", "masks"))
    assert min(costs.read, costs.write, costs.bytes_in, costs.bytes_mask, costs.bytes_row) > 0
    assert (costs.begin, costs.step, costs.always) == (4.0, 0.01, 0.1)
    assert costs.start == {"tasks": 1.0, **dict.fromkeys(STAGES, 2.5)}


def test_what_ray_takes_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(
        parts: int, part_bytes: int, actors: int = 1, nap: float = 0.0
    ) -> tuple[float, float]:
        seconds = 10.0 + parts * nap
        return 6.0 + 5 * actors * 0.8 + parts * 7 * 0.02 + 0.1 * seconds, seconds

    monkeypatch.setattr(scaling_costs, "nothing", nothing)
    found = scaling_costs.ray_itself(1000)
    assert (found.begin, found.worker) == pytest.approx((6.0, 0.8))
    assert (found.step, found.always) == pytest.approx((0.02, 0.1))


@pytest.mark.usefixtures("ray_here")
@pytest.mark.skipif(sys.platform != "linux", reason="core seconds are read from Linux's /proc")
def test_parts_pass_workers_that_do_nothing() -> None:
    spent, seconds = scaling_costs.nothing(2, 1000)
    assert spent > 0 and seconds > 0


@pytest.mark.skipif(sys.platform != "linux", reason="core seconds are read from Linux's /proc")
def test_core_seconds_are_those_of_this_process_and_its_children() -> None:
    import subprocess

    burn = "import time\nwhile time.process_time() < 0.5: pass"
    with scaling_costs.CoreSeconds() as spent:
        subprocess.run([sys.executable, "-c", burn + "\ntime.sleep(0.5)"], check=True)
        until = time.process_time() + 0.5
        while time.process_time() < until:
            pass
    assert spent.total >= 0.9
    assert spent.others >= 0


def test_settings() -> None:
    found = scaling.Setting.parse("192:16:recognise=2,masks=3")
    assert (found.images, found.part) == (192, 16)
    assert found.actors == {**ONE, "recognise": 2, "masks": 3}
    assert scaling.Setting.parse("96:8").actors == ONE


def test_a_check_holds_a_run_against_its_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Any] = {
        "setting": {"images": 96, "part": 8, "actors": ONE},
        "cores_of_others": 0.5,
        "measured_seconds": 20.0,
        "predicted_seconds": 18.0,
        "predicted_seconds_beside_others": 22.0,
        "measured_core_seconds": 40.0,
        "predicted_core_seconds": 38.0,
    }
    scaling.show_checks([found])
    printed = capsys.readouterr().out
    assert "18.0 (-10%)" in printed and "22.0 (+10%)" in printed and "38.0 (-5%)" in printed
