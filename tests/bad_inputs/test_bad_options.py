"""Command lines as people type them: each row is one, with its exit code and what is said.

2 means that nothing was begun: nothing is written either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Zeroseg = Callable[..., Any]

ROWS: list[tuple[str, str]] = [
    ("", "required: COMMAND|usage"),
    ("segmnet good.png", "invalid choice|segmnet"),
    ("segment", "PATH"),
    ("segment good.png --model CONFIG --wat", "unrecognized arguments: --wat"),
    ("segment good.png --model CONFIG --lables dog", "--lables"),
    ("segment good.png --model", "expected one argument"),
    ("segment good.png --config CONFIG", "name the system by --model"),
    ("segment good.png --preset tiny", "name the system by --model"),
    ("segment good.png --model", "name the system by --model"),
    ("segment good.png --model CONFIG --labels dog --vocabulary dram", "not allowed with"),
    ("segment good.png --model CONFIG --batch-size 0", "'0' is not a whole number from 1 up"),
    ("segment good.png --model CONFIG --batch-size -1", "batch-size"),
    ("segment good.png --model CONFIG --batch-size two", "'two' is not a whole number"),
    ("segment good.png --model CONFIG --batch-size 1.5", "'1.5' is not a whole number"),
    ("segment good.png --model CONFIG --batch-size 1e3", "'1e3' is not a whole number"),
    ("segment good.png --model CONFIG --batch-size inf", "'inf' is not a whole number"),
    ("segment good.png --model CONFIG --device toaster", "auto, cpu, cuda"),
    ("segment good.png --model CONFIG --device cuda:99", "no such device"),
    ("segment good.png --model CONFIG --device cuda:x", "--device cuda:x"),
    ("segment good.png --model CONFIG --device cpu:7", "no such device"),
    ("segment good.png --model CONFIG --device meta", "no such device"),
    ("segment good.png --model CONFIG --device CPU", "--device CPU"),
    ("segment good.png --model CONFIG --output file", "cannot write.*file|'file'"),
    ("segment good.png --model CONFIG --output file/out", "cannot write"),
    ("segment good.png --model CONFIG --llm gpt-4", "asks no|no language model|--llm"),
    ("segment good.png --model empty", "'empty' is a folder.*has none"),
    ("segment good.png --model file", "not a mapping"),
    ("demo --preset=tiny --output out", "name the system by --model"),
    ("batch", "SRC"),
    ("batch good.png", "DST"),
    ("batch good.png file --model CONFIG", "file"),
    ("batch good.png file/out --model CONFIG", "file"),
    ("batch gone out --model CONFIG", "gone"),
    ("batch s3 :// --model CONFIG", "s3"),
    ("batch nope://in out --model CONFIG", "nope"),
    ("batch good.png out --model CONFIG --limit 0", "'0' is not a whole number from 1 up"),
    ("batch good.png out --model CONFIG --part-size 0", "'0' is not a whole number from 1 up"),
    ("batch good.png out --model CONFIG --engine spark", "invalid choice"),
    ("batch good.png out --model CONFIG --actors masks=2", "--engine ray"),
    ("batch good.png out --model CONFIG --engine ray --actors nope=2", "nope"),
    ("batch good.png out --model CONFIG --engine ray --actors masks", "masks"),
    ("batch good.png out --model CONFIG --engine ray --num-gpus masks=-1", "masks=-1"),
    ("batch good.png out --model CONFIG --engine ray --num-gpus masks=nan", "masks=nan"),
    ("batch good.png out --model CONFIG --precision 8", "invalid choice"),
    ("batch good.png out --model gone.yaml", "gone.yaml"),
    ("batch good.png out --model tyni", "tiny"),
    ("demo --count 0 --output out", "'0' is not a whole number from 1 up"),
    ("demo --count -3 --output out", "count"),
    ("demo --size 0x0 --output out", "32 to 8192"),
    ("demo --size 64 --output out", "WIDTHxHEIGHT"),
    ("demo --size 64x64x3 --output out", "WIDTHxHEIGHT"),
    ("demo --size 31x64 --output out", "32 to 8192"),
    ("demo --size 64x1000000000 --output out", "32 to 8192"),
    ("demo --size -64x64 --output out", "size"),
    ("demo --size 6.4x64 --output out", "WIDTHxHEIGHT"),
    ("demo --seed -1 --output out", "seed"),
    ("demo --seed abc --output out", "'abc' is not a whole number"),
    ("demo --output file", "cannot write"),
    ("draw", "--output"),
    ("draw --output file --count 1", "cannot write"),
    ("draw --output file/out --count 1", "cannot write"),
    ("draw --output out --count ten", "'ten' is not a whole number"),
    ("draw --output out --format bmp", "invalid choice"),
    ("draw --output out --first -1", "first"),
    ("draw --output out --size ²x²", "WIDTHxHEIGHT"),
    ("data", "ACTION"),
    ("data chekc voc2012 .", "invalid choice|chekc"),
    ("data check", "NAME"),
    ("data check voc2012", "ROOT"),
    ("data check voc .", "voc2012"),
    ("data check imagenet .", "voc2012, cityscapes"),
    ("data check voc2012 gone", "gone"),
    ("data check voc2012 .", "VOC2012|fetch|Segmentation"),
    ("data check voc2012 good.png", "good.png"),
    ("data check voc2012 . --split nope", "nope|VOC2012"),
    ("data check folder empty", "vocabulary.yaml|no pictures"),
    ("data check folder . --protocol strict", "strict|standard"),
    ("data check folder . --limit 0", "'0' is not a whole number from 1 up"),
    ("test --data drawn", "--model"),
    ("test --model CONFIG", "--data"),
    ("test --model CONFIG --data gone", "gone"),
    ("test --model CONFIG --data voc2012", "--root"),
    ("test --model CONFIG --data voc", "voc"),
    ("test --model CONFIG --data drawn --root .", "drawn has none"),
    ("test --model CONFIG --data drawn --split val", "drawn has none"),
    ("test --model CONFIG --data drawn --limit 0", "'0' is not a whole number from 1 up"),
    ("test --model CONFIG --data drawn --count 0", "'0' is not a whole number from 1 up"),
    ("test --model CONFIG --data drawn --protocol strict", "invalid choice"),
    ("test --model CONFIG --data drawn --subset gone.txt", "gone.txt"),
    ("test --model CONFIG --data drawn --subset empty", "empty"),
    ("test --model CONFIG --data drawn --subset file", "no picture"),
    ("test --model CONFIG --data drawn --workers -1", "workers"),
    ("test --model CONFIG --data drawn --devices 0", "'0' is not a whole number from 1 up"),
    ("test --model CONFIG --data drawn --examples -1", "examples"),
    ("test --model CONFIG --data drawn --labels unicorn", "ever drawn"),
    ("test --model CONFIG --data drawn --output file", "file"),
    ("test --model CONFIG --data drawn --precision float8", "invalid choice"),
    ("oracle --data gone --output out", "gone"),
    ("oracle --data drawn --model gone.yaml --output out", "gone.yaml"),
    ("oracle --data drawn --output file", "file"),
    ("ablate --data drawn --points 0 --output out", "'0' is not a whole number from 1 up"),
    ("ablate --data drawn --points --output out", "expected at least one"),
    ("ablate --data gone --output out", "gone"),
    ("ablate --data drawn --other tyni --output out", "tiny|tyni"),
    ("score --data drawn", "--predictions"),
    ("score --predictions gone --data drawn", "gone"),
    ("score --predictions file --data drawn", "file"),
    ("score --predictions empty --data drawn", "no label maps"),
    ("score --predictions . --data gone", "gone"),
    ("doctor --model tyni", "large-low-memory"),
    ("doctor --model gone.yaml", "gone.yaml"),
    ("doctor --model CONFIG --device toaster", "auto, cpu, cuda"),
    ("doctor --model CONFIG --set wat=1", "wat"),
    ("doctor --model CONFIG --set detector=null", "detector"),
    ("fetch", "required: --model"),
    ("fetch tiny", "name the system by --model"),
    ("fetch --model tyni", "did you mean tiny.*large-low-memory"),
    ("fetch --model gone.yaml", "no file 'gone.yaml'"),
    ("fetch --model CONFIG --to file", "cannot write"),
    ("fetch --model CONFIG --set detector=null", "detector"),
    ("compare", "A"),
    ("compare gone also", "gone"),
    ("compare empty empty", "empty"),
    ("compare file file", "file"),
    ("compare empty empty --resamples 0", "'0' is not a whole number from 1 up"),
    ("compare empty empty --seed -1", "seed"),
    ("compare empty empty --output file", "file"),
]
"""Words after `zeroseg`, and a part of what is said; CONFIG is a good configuration."""


def command(line: str, config: str) -> list[str]:
    return line.replace("CONFIG", config).split()


@pytest.mark.parametrize(("line", "says"), ROWS, ids=[line for line, _ in ROWS])
def test_a_command_line_that_cannot_be_meant(
    line: str, says: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    Path("empty").mkdir()
    Path("file").write_text("nothing\n")
    before = {path for path in Path().rglob("*") if path.is_file()}
    said = zeroseg(*command(line, config))
    assert said.code == 2, said.text
    assert re.search(says, said.text, re.DOTALL), said.text
    assert Path("file").read_text() == "nothing\n"
    assert {path for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "line",
    [
        "segment good.png --model CONFIG --batch-size 1000000",
        "segment good.png good.png ./good.png --model CONFIG",
        "segment good.png --model=CONFIG --labels=dog",
        "segment good.png --mod CONFIG --lab dog",
        "segment --model CONFIG -- good.png",
        "segment good.png --model CONFIG --device cpu:0",
        "segment good.png --model CONFIG --labels boat --labels dog",
        "segment good.png --model CONFIG --llm-cache off",
        "doctor --model CONFIG --device cpu",
        "fetch --model CONFIG",
        "segment good.png --model tiny --model CONFIG",
        "batch good.png out --model CONFIG --limit 1000000000",
        "batch good.png out --model CONFIG --part-size 1000000000",
        "test --model CONFIG --data drawn --count 1 --size 32x32 --limit 1000000000 --device cpu",
        "test --model CONFIG --data drawn --count 3 --limit 1 --size 32X32 --device cpu",
    ],
)
def test_a_command_line_that_is_understood(
    line: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    said = zeroseg(*command(line, config))
    assert said.code == 0, said.text


def test_words_that_a_shell_took_apart(config: str, zeroseg: Zeroseg) -> None:
    said = zeroseg("segment", "--model", config, "--labels", "dog,", "boat")
    assert said.code in (1, 2)
    assert "there is no file or folder 'boat'" in said.text


def test_the_last_of_an_option_given_twice_counts(
    config: str, good: Path, zeroseg: Zeroseg
) -> None:
    said = zeroseg("segment", good, "--model", config, "--labels", "boat", "--labels", "dog")
    assert said.code == 0
    assert "dog 50.0%" in said.text


@pytest.mark.parametrize(
    ("option", "says"),
    [("--output", "cannot write")],
)
def test_numbers_that_cannot_be_written(
    option: str, says: str, config: str, zeroseg: Zeroseg
) -> None:
    drawn = ["--data", "drawn", "--count", "2", "--size", "64x64", "--device", "cpu"]
    for name in ("a", "b"):
        said = zeroseg("test", "--model", config, *drawn, "--output", name)
        assert said.code == 0, said.text
    Path("file").write_text("")
    said = zeroseg("compare", "a", "b", option, "file/below")
    assert (said.code, bool(re.search(says, said.text))) == (2, True), said.text


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("results.json", b""),
        ("results.json", b"{"),
        ("results.json", b"[]"),
        ("results.json", b"{}"),
        ("results.json", b'{"vocabulary": null}'),
        ("results.json", b"\xff\xfe\x00"),
    ],
)
def test_a_damaged_result_is_said(name: str, damage: bytes, config: str, zeroseg: Zeroseg) -> None:
    drawn = ["--data", "drawn", "--count", "2", "--size", "64x64", "--device", "cpu"]
    assert zeroseg("test", "--model", config, *drawn, "--output", "a").code == 0
    assert zeroseg("test", "--model", config, *drawn, "--output", "b").code == 0
    Path("b", name).write_bytes(damage)
    said = zeroseg("compare", "a", "b")
    assert said.code == 2, said.text
    assert "b" in said.text
