"""Label maps and their rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from tests.damage import DAMAGES, damage
from zeroseg.errors import OutputError, ZerosegError
from zeroseg.scale.manifest import ERROR, OK, Manifest, Summary, row
from zeroseg.scale.work import Part, Stop, Work
from zeroseg.segmentation import Segmentation
from zeroseg.values import Usage
from zeroseg.vocabularies import DRAM

LABELS = torch.zeros(24, 32, dtype=torch.uint8)
LABELS[:12, :16] = 3
LABELS[:, 16:] = 5


def done(name: str) -> Work:
    usage = Usage(2, 30, 4, None, 0.5)
    values = {"label_map": LABELS}
    return Work(name, f"file:///in/{name}", None, values, {"tags": 0.5, "masks": 1.0}, usage)


def bad(name: str) -> Work:
    return Work(name, name).failed("reading", "it is broken")


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in pq.read_table(folder / "manifest").to_pylist()}


def test_a_row_says_what_a_segmentation_says() -> None:
    result = Segmentation(LABELS.long(), DRAM, torch.zeros(3, 24, 32, dtype=torch.uint8))
    entry = row(done("a.png"), DRAM)
    assert dict(zip(entry["classes"], entry["areas"], strict=True)) == result.areas
    assert entry["classes"] == list(result.areas)
    assert (entry["height"], entry["width"]) == (24, 32)


def test_masks_and_rows_on_disk(tmp_path: Path) -> None:
    output = Manifest(str(tmp_path), DRAM)
    summary = output.add(Part((done("sub/a.png"), bad("b.png"))))
    assert summary.done == 1
    assert [failure.name for failure in summary.failures] == ["b.png"]
    assert summary.usage.prompt_tokens == 30
    assert summary.seconds == {"tags": 0.5, "masks": 1.0}
    result = Segmentation(LABELS.long(), DRAM, torch.zeros(3, 24, 32, dtype=torch.uint8))
    expected = result.save(tmp_path / "expected")["mask"].read_bytes()
    assert (tmp_path / "masks/sub/a.png.png").read_bytes() == expected
    found = rows(tmp_path)
    assert found["sub/a.png"]["status"] == OK
    assert found["sub/a.png"]["seconds"] == [("tags", 0.5), ("masks", 1.0)]
    assert found["sub/a.png"]["cost"] is None
    assert found["sub/a.png"]["calls"] == 2
    assert found["sub/a.png"]["error"] is None
    assert found["b.png"]["status"] == ERROR
    assert found["b.png"]["stage"] == "reading"
    assert found["b.png"]["error"] == "it is broken"
    assert found["b.png"]["classes"] is None


def test_the_same_part_again_gives_no_second_row(tmp_path: Path) -> None:
    output = Manifest(str(tmp_path), DRAM)
    part = Part((done("a.png"), bad("b.png")))
    output.add(part)
    output.add(part)
    assert pq.read_table(tmp_path / "manifest").num_rows == 2


def test_what_is_finished(tmp_path: Path) -> None:
    output = Manifest(str(tmp_path), DRAM)
    assert output.finished() == {}
    output.add(Part((done("a.png"), bad("b.png"), done("c.png"))))
    output.add(Part((done("d.png"),)))
    assert output.finished() == {"a.png": OK, "b.png": ERROR, "c.png": OK, "d.png": OK}
    (tmp_path / "masks/a.png.png").unlink()
    (tmp_path / "masks/d.png.png").unlink()
    assert output.finished() == {"b.png": ERROR, "c.png": OK}
    assert set(rows(tmp_path)) == {"b.png", "c.png"}
    assert output.finished(again=True) == {"c.png": OK}
    assert set(rows(tmp_path)) == {"c.png"}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_part_is_taken_out(name: str, tmp_path: Path) -> None:
    output = Manifest(str(tmp_path), DRAM)
    output.add(Part((done("a.png"),)))
    output.add(Part((done("b.png"),)))
    part = tmp_path / f"manifest/part-{Part((done('a.png'),)).key}.parquet"
    damage(part, name)
    with pytest.warns(UserWarning, match="is damaged.*done again"):
        assert output.finished() == {"b.png": OK}
    assert not part.exists()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_mask_is_none(name: str, tmp_path: Path) -> None:
    output = Manifest(str(tmp_path), DRAM)
    output.add(Part((done("a.png"), done("b.png"))))
    damage(tmp_path / "masks/a.png.png", name)
    assert output.finished() == {"b.png": OK}
    assert set(rows(tmp_path)) == {"b.png"}


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    output = Manifest(str(tmp_path / "out"), DRAM)
    output.begin({})
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(OutputError, match="it is gone"):
        output.add(Part((done("a.png"),)))
    assert not (tmp_path / "out").exists()


def test_another_run_is_refused(tmp_path: Path) -> None:
    output = Manifest(str(tmp_path), DRAM)
    output.begin({"source": "a", "config": {"x": (1, 2)}})
    output.begin({"source": "a", "config": {"x": (1, 2)}})
    with pytest.raises(ZerosegError, match=r"another run.*source"):
        output.begin({"source": "b", "config": {"x": (1, 2)}})


def test_a_mask_that_cannot_be_saved_is_that_pictures_failure(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/sub").write_text("in the way")
    summary = Manifest(str(tmp_path), DRAM).add(Part((done("a.png"), done("sub/b.png"))))
    assert summary.done == 1
    assert [failure.stage for failure in summary.failures] == ["saving"]
    assert rows(tmp_path)["sub/b.png"]["status"] == ERROR


def test_rows_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "manifest").write_text("in the way")
    with pytest.raises(ZerosegError, match="cannot write"):
        Manifest(str(tmp_path), DRAM).add(Part((done("a.png"),)))


def test_summaries_add_up() -> None:
    stop = Stop("gone", True)
    total = Summary(1, (), {"a": 1.0}, Usage(1)) + Summary(2, (), {"a": 1.0, "b": 2.0}, Usage(3))
    assert total == Summary(3, (), {"a": 2.0, "b": 2.0}, Usage(4))
    assert (total + Summary(stop=stop)).stop == stop


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ZerosegError, match=r'pip install "zeroseg\[ray\]"'):
        Manifest(str(tmp_path), DRAM)
