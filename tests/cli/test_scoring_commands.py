"""`oracle`, `ablate`, `score` and `test` from the command line, on every data set's miniature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.data.miniatures import MINIATURES
from zeroseg.cli.main import main
from zeroseg.evaluation.results import confusion_counts

SCENES = ["--data", "drawn", "--limit", "3", "--seed", "5", "--size", "64x48"]


def content(file: str) -> Any:
    return json.loads(Path(file).read_text())


@pytest.mark.parametrize("protocol", ["standard", "paper"])
@pytest.mark.parametrize("name", MINIATURES)
def test_every_published_data_set_is_scored(
    name: str, protocol: str, config: str, tmp_path: Path
) -> None:
    root = MINIATURES[name](tmp_path / "set", 4)
    given = ["--data", name, "--root", str(root), "--protocol", protocol, "--output", "run"]
    assert main(["test", "--model", config, *given]) == 0
    results = content("run/results.json")
    assert results["data"]["name"] == ("set" if name == "folder" else name)
    assert results["protocol"]["name"] == protocol
    assert results["images"]["scored"] == results["data"]["count"] > 0
    assert 0 <= results["miou"] < 1
    assert int(confusion_counts(results).sum()) > 0
    if name == "dram":
        groups = results["groups"]
        assert sum(group["images"] for group in groups.values()) == results["images"]["scored"]


def test_a_subset_is_drawn_by_its_seed(config: str, tmp_path: Path) -> None:
    root = MINIATURES["voc2012"](tmp_path / "set", 6)
    given = ["test", "--model", config, "--data", "voc2012", "--root", str(root), "--limit", "3"]
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main([*given, "--subset-seed", seed, "--output", folder]) == 0
    chosen = [sorted(p.name for p in Path(folder, "images").iterdir()) for folder in "abc"]
    assert len(chosen[0]) == 3
    assert chosen[0] == chosen[1] != chosen[2]
    assert content("a/results.json")["seeds"] == {"subset": 1}


def test_the_oracle_writes_its_report(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oracle", "--model", config, *SCENES, "--output", "o"]) == 0
    found = content("o/oracle.json")
    assert [step["told"] for step in found["steps"]] == [
        "measured", "labels", "labels, boxes", "labels, boxes, masks", "perfect",
    ]  # fmt: skip
    gains = sum(step["gain"] or 0 for step in found["steps"])
    assert found["miou"] + gains == pytest.approx(1)
    assert Path("o/waterfall.png").stat().st_size > 5000
    assert "detection and post-refinement" in Path("o/report.html").read_text()
    assert "where the mIoU goes" in capsys.readouterr().out


def test_the_ablation_writes_its_table(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "--model", config, *SCENES, "--output", "a"]) == 0
    rows = content("a/ablation.json")
    names = [row["name"] for row in rows]
    assert names[:2] == ["full", "without captions"]
    assert len(names) >= 9
    assert all({"name", "miou"} <= set(row) for row in rows)
    [other] = [row for row in rows if row["name"] == "other chat model"]
    assert "--other" in other["not_run"]
    assert Path("a/ablation.png").stat().st_size > 5000
    printed = capsys.readouterr().out
    assert "without pre-refinement" in printed
    assert "without pre-refinement: " in printed
    assert "without post-refinement: not run: a phrase is only ever taken for a class" in printed
    assert "not run: the reasons stand below" in printed
    # Given again, nothing is left to do and the table is the same.
    assert main(["ablate", "--model", config, *SCENES, "--output", "a"]) == 0
    assert [row["miou"] for row in content("a/ablation.json")] == [row["miou"] for row in rows]


@pytest.fixture
def concepts() -> str:
    """A file with a scripted system of SAM 3's kind."""
    named = {
        "pre_refiner": "zeroseg.refinement.AllClasses",
        "mask_predictor": "zeroseg.masking.DetectorMasks",
        "fusion": "zeroseg.fusion.ThingsAndStuff",
    }
    boxes = {"sky": [0.0, 0.0, 1.0, 0.4], "grass": [0, 0.4, 1, 1], "dog": [0, 0.5, 0.5, 1]}
    system = {
        "vocabulary": "drawn-all",
        "detector": {
            "class_path": "zeroseg.testing.ScriptedConcepts",
            "init_args": {"boxes": boxes},
        },
        **{part: {"class_path": path} for part, path in named.items()},
    }
    Path("concepts.yaml").write_text(yaml.safe_dump(system))
    return "concepts.yaml"


def test_a_system_of_concepts_has_its_own_rows_and_steps(
    concepts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--model", concepts, *SCENES, "--vocabulary", "drawn-all"]
    assert main(["ablate", *given, "--output", "a"]) == 0
    rows = {row["name"]: row for row in content("a/ablation.json")}
    assert {"without presence", "without dense head", "without instances"} <= set(rows)
    assert not {"without captions", "without points", "other chat model"} & set(rows)
    run = content("a/rows/without-dense-head/results.json")
    assert run["config"]["fusion"]["init_args"] == {"evidence": "instances"}
    assert run["miou_stuff"] == rows["without dense head"]["miou_stuff"]
    printed = capsys.readouterr().out
    assert "things %" in printed and "stuff %" in printed
    assert "paper %" not in printed and "table 3" not in printed
    markdown = Path("a/report.md").read_text()
    assert "stuff %" in markdown and "published" not in markdown
    assert main(["oracle", *given, "--output", "o"]) == 0
    found = content("o/oracle.json")
    assert [step["told"] for step in found["steps"]][-2] == "presence, boxes, masks, dense"
    assert found["miou"] + sum(step["gain"] or 0 for step in found["steps"]) == pytest.approx(1)
    printed = capsys.readouterr().out
    assert "dense maps" in printed and "dense alone" in printed
    assert "presence alone" not in printed  # the first step is that
    assert "dense maps" in Path("o/report.html").read_text()


@pytest.mark.parametrize(
    ("protocol", "asks"),
    [
        ("standard", "zeroseg.refinement.raw_tags.RawTags"),
        ("paper", "zeroseg.reference.raw_tags.ReferenceRawTags"),
    ],
)
def test_unrefined_tags_are_those_of_the_protocol(protocol: str, asks: str, config: str) -> None:
    given = [*SCENES, "--protocol", protocol, "--points", "1", "--output", "a"]
    assert main(["ablate", "--model", config, *given]) == 0
    run = content("a/rows/without-pre-refinement/results.json")
    assert run["config"]["pre_refiner"] == {"class_path": asks}


def test_predictions_of_another_system_are_scored_and_compared(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "--model", config, *SCENES, "--output", "own"]) == 0
    given = ["--data", "drawn", "--limit", "3", "--seed", "5", "--size", "64x48"]
    score = ["score", "--predictions", "own/predictions", *given]
    assert main([*score, "--output", "files", "--name", "other"]) == 0
    own, files = content("own/results.json"), content("files/results.json")
    assert files["confusion_matrix"] == own["confusion_matrix"]
    assert files["system"] == "other"
    assert main(["compare", "own", "files"]) == 0
    Path("own/predictions/drawn-5-00001.png").unlink()
    assert main([*score, "--output", "part"]) == 1
    assert "there is no prediction" in capsys.readouterr().out
    assert main(["score", "--predictions", "gone", *given]) == 2
    assert "no folder of predictions" in capsys.readouterr().err


def test_commands_that_swap_stages_need_stages(capsys: pytest.CaptureFixture[str]) -> None:
    ssa = {
        "class_path": "cli_parts.Nothing",
        "vocabulary": "drawn",
    }
    Path("nothing.yaml").write_text(yaml.safe_dump(ssa))
    assert main(["test", "--model", "nothing.yaml", *SCENES, "--output", "t"]) == 0
    assert content("t/results.json")["presence"].keys() == {"label_map"}
    for command in ("oracle", "ablate"):
        assert main([command, "--model", "nothing.yaml", *SCENES, "--output", "x"]) == 2
        assert "swaps the stages" in capsys.readouterr().err


def test_another_run_in_the_folder_is_refused(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "--model", config, *SCENES, "--output", "own"]) == 0
    other = ["--set", "detector.init_args.boxes={}", "--output", "own"]
    assert main(["test", "--model", config, *SCENES, *other]) == 2
    assert "holds another run (it differs in config, parts)" in capsys.readouterr().err


def test_examples_come_from_other_scenes_and_a_resumed_run_keeps_them(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = yaml.safe_load(Path(config).read_text())
    parts["pre_refiner"] = {
        "class_path": "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner",
        "init_args": {"chat": {"class_path": "cli_parts.Rambling"}},
    }
    Path("asking.yaml").write_text(yaml.safe_dump(parts))
    run = ["test", "--model", "asking.yaml", *SCENES, "--examples", "2", "--output", "few"]
    assert main(run) == 0
    first = content("few/results.json")
    shown = first["config"]["pre_refiner"]["init_args"]["examples"]
    assert [example["name"][:8] for example in shown] == ["drawn-6-", "drawn-6-"]
    assert first["seeds"]["examples"]["usage"]["calls"] == 2
    Path("few/images/drawn-5-00001.json").unlink()
    assert main(run) == 0  # asked again, the model would explain otherwise
    assert content("few/results.json")["config"] == first["config"]
    assert main([*run, "--examples-seed", "1"]) == 2
    assert "another run" in capsys.readouterr().err


def test_precision_is_part_of_what_is_run(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["test", "--model", config, *SCENES, "--output", "own"]
    assert main([*run, "--precision", "bf16-mixed"]) == 0
    assert content("own/results.json")["precision"] == "bf16-mixed"
    assert main(run) == 2
    assert "it differs in precision" in capsys.readouterr().err
