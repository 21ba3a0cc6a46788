"""Which data set the options mean."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.data.miniatures import MINIATURES
from zeroseg.cli import options
from zeroseg.cli.data_options import TEST, DataOptions, add_data
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.data.sample_data import SampleData
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.metrics.protocol import PAPER, STANDARD
from zeroseg.vocabularies import DRAM, DRAWN, VOC2012
from zeroseg.vocabulary import Vocabulary


def given(*argv: object) -> DataOptions:
    parser = argparse.ArgumentParser()
    add_data(parser)
    return options.given(DataOptions, parser.parse_args([str(argument) for argument in argv]))


def data(
    *argv: object, vocabulary: Vocabulary | None = None, batch_size: int | None = None
) -> SampleData:
    return given(*argv).open(vocabulary, "drawn", batch_size)


def test_scenes() -> None:
    found = data("--data", "drawn")
    assert isinstance(found, DrawnScenes)
    described = {"name": "drawn", "count": 200, "seed": 0, "first": 0, "size": [256, 256]}
    assert found.describe() == described
    assert (found.vocabulary, found.batch_size, found.protocol) == (DRAWN, 8, STANDARD)
    argv = ["--data", "drawn", "--seed", 4, "--size", "64x48", "--protocol", "paper"]
    found = data(*argv, vocabulary=DRAM, batch_size=3)
    assert found.describe() == described | {"seed": 4, "size": [48, 64]}
    assert (found.vocabulary, found.batch_size, found.protocol) == (DRAM, 3, PAPER)


@pytest.mark.parametrize(
    ("argv", "count"),
    [(["--count", 7], 7), (["--limit", 7], 7), (["--limit", 5, "--count", 7], 5)],
)
def test_the_limit_of_scenes_is_their_count(argv: list[object], count: int) -> None:
    found = data("--data", "drawn", *argv)
    assert found.dataset.names == tuple(f"drawn-0-{n:05d}" for n in range(count))


def test_a_published_set(tmp_path: Path) -> None:
    root = MINIATURES["voc2012"](tmp_path, 6)
    found = data("--data", "voc2012", "--root", root, "--workers", 1)
    assert (found.title, len(found.dataset), found.num_workers) == ("voc2012", 6, 1)
    split = data("--data", "VOC2012", "--root", root, "--split", "test", vocabulary=VOC2012)
    assert split.describe()["split"] == "test"
    paper = data("--data", "voc2012", "--root", root, "--protocol", "paper")
    assert paper.scoring()["void_classes"] == 1


def test_a_movement(tmp_path: Path) -> None:
    root = MINIATURES["dram"](tmp_path, 5)
    found = data("--data", "dram", "--root", root, "--movement", "unseen")
    assert list(found.dataset.names) == ["unseen/cubism/an-artist/painting-no.4"]


def test_a_folder_by_its_path_or_as_root(tmp_path: Path) -> None:
    root = MINIATURES["folder"](tmp_path / "mine", 4)
    for argv in (["--data", root], ["--data", "folder", "--root", root]):
        found = data(*argv)
        assert (found.title, found.vocabulary, len(found.dataset)) == ("mine", DRAM, 4)
    assert data("--data", root, vocabulary=VOC2012).vocabulary == VOC2012


def test_a_limit_is_drawn_by_its_seed(tmp_path: Path) -> None:
    root = MINIATURES["folder"](tmp_path, 9)
    draws = [data("--data", root, "--limit", 4, "--subset-seed", s).dataset.names for s in range(4)]
    assert draws[0] == data("--data", root, "--limit", 4).dataset.names
    assert len(set(map(tuple, draws))) > 1
    assert all(list(names) == sorted(names) and len(names) == 4 for names in draws)
    assert len(data("--data", root, "--limit", 99).dataset) == 9


def test_a_subset_by_names(tmp_path: Path) -> None:
    root = MINIATURES["folder"](tmp_path / "set", 5)
    file = tmp_path / "names.txt"
    file.write_text("3\n\n 1 \n3\n")
    assert list(data("--data", root, "--subset", file).dataset.names) == ["1", "3"]
    assert len(data("--data", root, "--subset", file, "--limit", 1).dataset) == 1
    for content in (b"3.png\n./1\n", b"1 1\n2 -1\n3 0\n", b"# two\r\n1\r\n3\r\n"):
        for encoding in ("utf-8-sig", "utf-16"):
            file.write_bytes(content.decode().encode(encoding))
            assert list(data("--data", root, "--subset", file).dataset.names) == ["1", "3"]
    file.write_text("drawn-0-00003\n")
    drawn = data("--data", "drawn", "--subset", file)
    assert list(drawn.dataset.names) == ["drawn-0-00003"]
    for text, says in (
        ("3\nseven", "seven is no picture.*such as 0"),
        ("\n", "no picture"),
        ("3\n../set/images/1", r"--subset: .*names\.txt': the name '\.\./set.* leads out"),
    ):
        file.write_text(text)
        with pytest.raises(ZerosegError, match=says):
            data("--data", root, "--subset", file)
    with pytest.raises(ZerosegError, match="cannot be read"):
        data("--data", root, "--subset", tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--data", "gone"], "path of a folder"),
        (["--data", "voc2012"], "--root DIR.*\n\nPASCAL"),
        (["--data", "voc2012", "--root", "."], "no voc2012 at"),
        (["--data", "voc2012", "--root", ".", "--seed", "1"], "--seed: only for --data drawn"),
        (["--data", "voc2012", "--root", ".", "--movement", "realism"], "no option movement"),
        (["--data", ".", "--root", "."], "--root: --data is the folder itself"),
        (["--data", ".", "--split", "val"], "no option split"),
        (["--data", "."], r"vocabulary\.yaml"),
        (["--data", "drawn", "--root", ".", "--split", "val"], "--root, --split"),
    ],
)
def test_options_that_do_not_fit(argv: list[str], says: str) -> None:
    with pytest.raises(ZerosegError, match=says):
        data(*argv)


def test_a_published_set_has_its_own_classes(tmp_path: Path) -> None:
    root = MINIATURES["voc2012"](tmp_path, 1)
    with pytest.raises(ZerosegError, match="its own classes"):
        data("--data", "voc2012", "--root", root, vocabulary=DRAM)


def test_the_errors_are_those_of_the_library(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="ever drawn"):
        data("--data", "drawn", vocabulary=Vocabulary.from_names(["unicorn"]))
    with pytest.raises(ImageError, match="fetch"):
        data("--data", "dram", "--root", tmp_path)


def test_few_shot_examples_come_from_another_split(tmp_path: Path) -> None:
    scored = data("--data", "drawn", "--seed", 4, "--size", "64x48", vocabulary=DRAM)
    argv = ["--data", "drawn", "--seed", 4, "--size", "64x48"]
    found = given(*argv).annotated("train", scored, 120)
    assert found.names == tuple(f"drawn-5-{n:05d}" for n in range(120))
    assert found[0].image.shape == (3, 48, 64)
    assert given(*argv).annotated(TEST, scored, 2) is scored.dataset
    root = MINIATURES["voc2012"](tmp_path / "voc", 3)
    chosen = given("--data", "voc2012", "--root", root)
    assert len(chosen.annotated("val", scored, 2)) == 3
    folder = given("--data", MINIATURES["folder"](tmp_path / "mine", 3))
    with pytest.raises(ZerosegError, match=r"--examples-from train: .* has no such annotated"):
        folder.annotated("train", scored, 2)
