from __future__ import annotations

from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from zeroseg.chat.prices import Price, load_prices, preferred_models, shutdown_dates

SHIPPED = resources.files("zeroseg.chat") / "prices.yaml"


def test_the_table_says_when_it_was_checked() -> None:
    content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    assert isinstance(content["checked"], date)
    assert set(content["preferred"]) <= set(content["models"])


def test_no_preferred_model_is_known_to_go() -> None:
    assert not set(preferred_models()) & set(shutdown_dates())
    assert shutdown_dates()["gpt-4-0125-preview"] == date(2026, 3, 26)


def test_what_is_not_known_has_no_price() -> None:
    prices = load_prices({"mine": {"input": 1, "output": 2}, "gpt-4o": None, "other": {}})
    assert prices["mine"] == Price(1, 2)
    assert prices["gpt-4-0125-preview"].of(1000, 1000) == pytest.approx(0.04)
    assert not {"gpt-4o", "other", "o3", "never-heard-of"} & set(prices)
    assert "mine" not in load_prices({"mine": {"input": None, "output": None}})


def test_a_copy_of_the_table_can_be_edited(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    (tmp_path / "p.yaml").write_text(
        text.replace("input: 0.10, output: 0.50", "input: 7, output: 8")
    )
    assert load_prices(tmp_path / "p.yaml")["gpt-6-luna"] == Price(7, 8)
    (tmp_path / "short.yaml").write_text("my-model: {input: 1, output: 2}\n")
    assert load_prices(str(tmp_path / "short.yaml"))["my-model"] == Price(1, 2)
    (tmp_path / "empty.yaml").write_text("")
    assert load_prices(tmp_path / "empty.yaml") == load_prices()


@pytest.mark.parametrize(
    "entry",
    [{"input": 1}, {"input": -1, "output": 2}, 5, {"in": 1}, "cheap", {"input": "x"}, [1, 2]],
)
def test_a_bad_price_is_refused(entry: Any) -> None:
    with pytest.raises(ValueError, match="gpt-4o"):
        load_prices({"gpt-4o": entry})


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "5", "\x00"])
def test_a_bad_table_is_refused_by_its_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"mine\.yaml"):
        load_prices(tmp_path / "mine.yaml")
    with pytest.raises(ValueError, match=r"gone\.yaml"):
        load_prices(tmp_path / "gone.yaml")
