"""Comparison of result folders: over common images only, and never of unlike runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.evaluation.result_runs import NAMES, failed, records_of, scenes, vocabulary, write_run
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.bootstrap import paired_difference
from zeroseg.evaluation.compare import compare, read_run
from zeroseg.evaluation.report.compare_page import compare_page
from zeroseg.evaluation.report.markdown import render
from zeroseg.metrics.pixel_counts import PixelCounts
from zeroseg.metrics.protocol import PAPER
from zeroseg.metrics.segmentation_scores import summarize

SCENES = scenes(8, 5, seed=2)
A, B = records_of(SCENES, 0.5, seed=1), records_of(SCENES, 0.2, seed=70)


def test_scores_are_those_of_the_common_images_summed(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", A[:6], "first")
    b = write_run(tmp_path / "b", B[1:], "second")
    found = compare(a, b, resamples=80, seed=3)
    assert found.names == tuple(list(SCENES)[1:6])
    assert found.left_out == (1, 2)
    totals = []
    for records in (A[1:6], B[1:6]):
        total = PixelCounts.zeros(5)
        for one in records:
            assert one.pixels is not None
            total = total + one.pixels
        totals.append(summarize(total, vocabulary()))
    assert (found.miou.a, found.miou.b) == pytest.approx([total["miou"] for total in totals])
    assert found.miou.difference == pytest.approx(
        paired_difference(A[1:6], B[1:6], 5, resamples=80, seed=3)
    )
    for name, change in found.classes.items():
        before, after = (total[f"iou/{name}"] for total in totals)
        assert (change.a, change.b) == pytest.approx((before, after), nan_ok=True)
        assert change.difference.value == pytest.approx(after - before, nan_ok=True)
    never = found.classes["dog"]
    assert all(math.isnan(value) for value in (never.a, *never.difference))
    assert never.to_dict() == dict.fromkeys(("a", "b", "difference", "low", "high"))


def test_things_and_stuff_are_compared_apart(tmp_path: Path) -> None:
    words = replace(vocabulary(), stuff=(1, 3))
    told = {"vocabulary": words.to_dict()}
    a, b = write_run(tmp_path / "a", A, **told), write_run(tmp_path / "b", B, **told)
    found = compare(a, b, resamples=80, seed=3)
    for kind, classes in (("things", [2, 4]), ("stuff", [1, 3])):
        change = found.apart[kind]
        assert change.difference == pytest.approx(
            paired_difference(A, B, 5, classes, resamples=80, seed=3)
        )
        ious = [found.classes[NAMES[i]].a for i in classes]
        defined = [iou for iou in ious if not math.isnan(iou)]  # the dog never occurs
        assert change.a == pytest.approx(sum(defined) / len(defined))
        assert found.to_dict()[f"miou_{kind}"] == change.to_dict()
    assert "mIoU of stuff" in render(compare_page(found))
    plain = compare(write_run(tmp_path / "c", A), b, resamples=10)
    assert plain.apart == {} and "mIoU of" not in render(compare_page(plain))


def test_images_are_ranked_by_what_they_gained_and_lost(tmp_path: Path) -> None:
    mixed = [B[0], *A[1:3], *B[3:5], *A[5:]]  # three better, the others as they were
    a, b = write_run(tmp_path / "a", A), write_run(tmp_path / "b", mixed)
    found = compare(a, b, resamples=10)
    moved = {one.name: other.miou - one.miou for one, other in zip(A, mixed, strict=True)}
    assert found.gains(9) == sorted((n for n in moved if moved[n] > 0), key=lambda n: -moved[n])
    assert found.losses(9) == []
    back = compare(b, a, resamples=10)
    assert back.losses(2) == found.gains(2)
    assert back.gains(9) == []


def test_numbers_survive_json(tmp_path: Path) -> None:
    a, b = write_run(tmp_path / "a", A, "first"), write_run(tmp_path / "b", B, "second")
    content = compare(a, b, resamples=20, seed=5).to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["images"] == {"compared": 8, "only_a": 0, "only_b": 0}
    assert content["bootstrap"] == {"resamples": 20, "seed": 5, "level": 0.95}
    assert (content["a"]["system"], content["b"]["system"]) == ("first", "second")
    assert list(content["classes"]) == list(NAMES)


def test_a_failed_image_counts_as_it_was_scored(tmp_path: Path) -> None:
    broken = [failed(SCENES, "set/000"), *B[1:]]
    a, b = write_run(tmp_path / "a", B), write_run(tmp_path / "b", broken)
    found = compare(a, b, resamples=10)
    assert len(found.names) == 8
    assert found.losses(9) == ["set/000"]
    assert found.miou.b < found.miou.a


def test_the_protocol_of_the_runs_is_kept(tmp_path: Path) -> None:
    runs = []
    for name, records in (("a", A), ("b", B)):
        total = PixelCounts.zeros(5)
        for one in records:
            assert one.pixels is not None
            total = total + one.pixels
        scored = ["bird", "boat", "dog"]
        chosen = [NAMES.index(word) for word in scored]
        data = {"name": "x", "scored": scored, "void_classes": 1}
        miou = summarize(total, vocabulary(), PAPER, chosen, 1)["miou"]
        changes = {"protocol": PAPER.to_dict(), "data": data, "miou": miou}
        runs.append((write_run(tmp_path / name, records, **changes), miou))
    found = compare(runs[0][0], runs[1][0], resamples=10)
    assert (found.miou.a, found.miou.b) == pytest.approx((runs[0][1], runs[1][1]))


def test_the_page_says_it_all_and_survives_odd_names(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", A[1:], "first | *one*")
    b = write_run(tmp_path / "b", B, "second")
    text = render(compare_page(compare(a, b, resamples=30, seed=1)))
    assert "# first \\| \\*one\\* (A) and second (B)" in text
    assert "0 that only A scored, 1 that only B scored" in text
    assert "30 resamples, seed 1" in text
    assert "&lt;b&gt;cat&lt;/b&gt; &amp; \\| co \\`x\\`" in text
    order = [line.split(" | ")[0] for line in text.split("## Images")[0].splitlines()]
    assert order.index("| dog") == max(order.index(f"| {name}") for name in ("bird", "dog"))


def test_runs_that_mean_different_things_are_refused(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", A)

    def refused(message: str, other: Path) -> None:
        with pytest.raises(ZerosegError, match=message):
            compare(a, other, resamples=5)

    names = ("background", "one", "two", "three", "four")
    records = records_of(SCENES, 0.2, names=names)
    refused("different classes", write_run(tmp_path / "classes", records, names=names))
    protocol = PAPER.to_dict() | {"absent": "exclude", "void_class": False}
    refused("different protocols", write_run(tmp_path / "paper", B, protocol=protocol))
    other = records_of(scenes(2, 5, seed=9), 0.2)
    strangers = [replace(record, name=f"other/{record.name}") for record in other]
    refused("no scored image in common", write_run(tmp_path / "strangers", strangers))
    refused("'set/000' is not the same in both", write_run(tmp_path / "changed", other))


def test_folders_that_are_no_whole_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="not a result folder"):
        read_run(tmp_path / "gone")
    begun = write_run(tmp_path / "begun", A)
    (begun / "results.json").unlink()
    with pytest.raises(ZerosegError, match="not finished"):
        read_run(begun)
    for text, message in (
        ("{", "cannot be read"),
        ("[]", "does not hold results"),
        ("{}", "lacks 'vocabulary'"),
    ):
        (begun / "results.json").write_text(text)
        with pytest.raises(ZerosegError, match=message):
            read_run(begun)
    short = write_run(tmp_path / "short", A)
    (short / "images" / "set" / "003.json").unlink()
    with pytest.raises(ZerosegError, match="files were added or lost"):
        read_run(short)
    empty = write_run(tmp_path / "empty", [replace(A[0], pixels=None)], miou=None)
    with pytest.raises(ZerosegError, match="no scored image"):
        read_run(empty)


def test_pixels_of_no_class_weigh_in(tmp_path: Path) -> None:
    pixels = A[0].pixels
    assert pixels is not None
    missed = pixels.unlisted + torch.tensor([0, 40, 0, 0, 0])
    lost = PixelCounts.of(pixels.confusion, pixels.boundary, missed)
    records = [replace(A[0], pixels=lost), *A[1:]]
    found = compare(write_run(tmp_path / "a", A), write_run(tmp_path / "b", records), resamples=5)
    assert found.classes["bird"].b < found.classes["bird"].a
    assert found.classes["boat"].b == found.classes["boat"].a
