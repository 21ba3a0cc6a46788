"""What a language model may cost on drawn scenes, and that the benchmark of it runs."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest


def test_a_call_an_image_at_most_and_none_from_a_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1] / "benchmarks"), *sys.path])
    llm_cost = import_module("llm_cost")
    options = ["--scenes", "3", "--size", "96", "--no-tiny-chat", "--json", str(tmp_path / "f")]
    rows = {row["name"]: row for row in llm_cost.main(options)}
    cold, gate, warm = (rows[f"loopback, {name}"] for name in ("cold", "gate", "warm"))
    assert cold["calls_per_image"] <= 1.02
    assert cold["cached_per_image"] + cold["calls_per_image"] >= 1
    assert cold["tokens_per_image"] > 100
    assert (warm["calls_per_image"], warm["tokens_per_image"]) == (0, 0)
    assert warm["cached_per_image"] == 1
    assert gate["calls_per_image"] == 1 - gate["skipped_per_image"] < 1
    # The server answers by the rules that the gate goes by.
    assert cold["miou"] == gate["miou"] == warm["miou"]
    # Behind the tagger's own words everything is settled by rules, at the same mIoU.
    phrases, ties, rules = rows["loopback, phrases"], rows["loopback, ties"], rows["rules"]
    assert phrases["calls_per_image"] > 0 == ties["calls_per_image"]
    assert ties["skipped_per_image"] > 0
    assert phrases["miou"] == ties["miou"] == rules["miou"]
    assert (tmp_path / "f").stat().st_size > 100
