"""The report of one scored run: `results.json` put into words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import yaml

from zeroseg.evaluation.record import MILESTONES
from zeroseg.evaluation.report.content import (
    Block,
    Code,
    Column,
    Facts,
    Figures,
    Fold,
    Matrix,
    Note,
    Page,
    Picture,
    Section,
    Table,
    plain,
)
from zeroseg.evaluation.results import confusion_counts
from zeroseg.values import Usage

Results = Mapping[str, Any]

APART = (("mIoU of things", "miou_things"), ("mIoU of stuff", "miou_stuff"))
"""Figures that results hold where the vocabulary has stuff."""

LARGEST_MATRIX = 32
"""Classes of which a matrix can still be read; with more, the confusions are listed only."""

_CONFUSIONS, _SMALLEST = 15, 0.005
"""How many confusions are listed, and from which share of the true class on."""

_TITLES = dict(
    zip(
        MILESTONES,
        (
            "tags that name a class",
            "selected for the detector, after pre-refinement",
            "selected for the detector, after verification",
            "boxes, before post-refinement",
            "boxes, after post-refinement",
            "boxes, after review",
            "label map",
        ),
        strict=True,
    )
)


def run_page(
    results: Results, best: Sequence[Picture | Note], worst: Sequence[Picture | Note]
) -> Page:
    """The report of a run.

    Args:
        results: The content of `results.json`.
        best: The best images.
        worst: The worst images, the worst first.
    """
    sections = [
        Section("Result", list(_result(results))),
        Section("Published figures", list(_published(results))),
        Section("Groups", list(_groups(results))),
        Section("Classes", [_classes(results)]),
        Section("Confusions", list(_confusions(results))),
        Section("Classes found present", list(_presence(results))),
        Section("Boxes and phrases", list(_boxes(results))),
        Section("Worst images", worst),
        Section("Best images", best),
        Section("Failures", [_failures(results)]),
        Section("Time and cost", list(_costs(results))),
        Section("Checkpoints", list(_checkpoints(results))),
        Section("Reproduce", list(_reproduce(results))),
    ]
    title = f"{results['system']} on {results['data']['name']}"
    return Page(title, [section for section in sections if section.blocks])


def _result(results: Results) -> Iterator[Block]:
    yield Figures(
        [
            ("mIoU", results["miou"]),
            *((title, results[key]) for title, key in APART if key in results),
            ("mean accuracy", results["mean_accuracy"]),
            ("pixel accuracy", results["pixel_accuracy"]),
            ("frequency-weighted IoU", results["frequency_weighted_iou"]),
            ("boundary IoU", results["boundary_iou"]),
        ]
    )
    counts, vocabulary, protocol = results["images"], results["vocabulary"], results["protocol"]
    yield Facts(
        [
            ("system", results["system"]),
            ("data", plain(results["data"])),
            ("protocol", f"{protocol['name']}. {protocol['description']}"),
            ("background", _background(results["background"])),
            ("vocabulary", f"{vocabulary['name']}, {len(results['iou'])} classes"),
            ("images", ", ".join(f"{count} {what}" for what, count in counts.items())),
            ("code", f"zeroseg {results['version']}, commit {results['commit'] or 'unknown'}"),
            ("seeds", plain(results["seeds"])),
        ]
    )
    if counts["failed"]:
        yield Note(
            f"{counts['failed']} images failed and count as background throughout.", warning=True
        )
    seen = [row["component"] for row in results["checkpoints"] if row["contamination"] == "yes"]
    if seen:
        names = ", ".join(seen)
        yield Note(
            f"Trained on this data set: {names}. The result is not zero-shot in the strict sense; "
            f"see Checkpoints.",
            warning=True,
        )


def _background(rule: Mapping[str, Any]) -> str:
    parts = ["scored" if rule["scored"] else "not scored", f"rule {rule['rule']}"]
    if rule["threshold"] is not None:
        parts[-1] += f" {rule['threshold']:g}"
    if rule["words"]:
        parts.append(f"words for it: {', '.join(rule['words'])}")
    return "; ".join(parts)


def _published(results: Results) -> Iterator[Block]:
    """What others report, with this run among them."""
    found = results["published"]
    if not found:
        return
    own = ("this run", results["miou"], "", plain(results["data"]), "")
    rows = [(r["method"], r["miou"], r["run_by"], r["words"], _read(r)) for r in found]
    rows.append(own)
    yield Note(
        "Over the whole split, by others; nothing of it was run here. Figures of one method differ "
        "by up to 4.4 points by whose run they are: the words for classes and background differ."
    )
    columns = [
        Column("method"),
        Column("mIoU, %", "bar"),
        Column("run by"),
        Column("words"),
        Column("source"),
    ]
    yield Table(columns, sorted(rows, key=lambda row: _rank(row[1])))


def _read(result: Mapping[str, Any]) -> str:
    return "; ".join(text for text in (result["source"], result["note"]) if text)


def _groups(results: Results) -> Iterator[Block]:
    if not results["groups"]:
        return
    columns = [
        Column("group"),
        Column("images", "count"),
        Column("mIoU, %", "bar"),
        *(Column(f"{title}, %", "percent") for title, key in APART if key in results),
        Column("pixel accuracy, %", "percent"),
        Column("boundary IoU, %", "percent"),
    ]
    figures = ("images", "miou", *(key for _, key in APART if key in results))
    rows = [
        (name, *(own[key] for key in (*figures, "pixel_accuracy", "boundary_iou")))
        for name, own in results["groups"].items()
    ]
    yield Table(columns, rows)


def _classes(results: Results) -> Block:
    edges, accuracy = results["boundary_iou_per_class"], results["accuracy"]
    rows = [
        (name, iou, edges[name], accuracy[name]) for name, iou in _by_value(results["iou"]).items()
    ]
    columns = [
        Column("class"),
        Column("IoU, %", "bar"),
        Column("boundary IoU, %", "bar"),
        Column("accuracy, %", "bar"),
    ]
    return Table(columns, rows)


def _by_value(scores: Mapping[str, float | None]) -> dict[str, float | None]:
    """The best first, undefined ones last."""
    order = sorted(scores, key=lambda name: _rank(scores[name]))
    return {name: scores[name] for name in order}


def _rank(score: float | None) -> float:
    return -score if score is not None and score == score else float("inf")


def _confusions(results: Results) -> Iterator[Block]:
    names = list(results["iou"])
    counts = confusion_counts(results).double().numpy()
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(1, keepdims=True)
    if len(names) <= LARGEST_MATRIX:
        yield Note("Of the pixels of each true class (row), the percentage taken for each class.")
        yield Matrix(names, shares.tolist())
    rows = _worst_confusions(names, counts, shares)
    if rows:
        columns = [
            Column("true class"),
            Column("taken for"),
            Column("of the true class, %", "percent"),
            Column("pixels", "count"),
        ]
        yield Table(columns, rows)


def _worst_confusions(
    names: Sequence[str], counts: np.ndarray, shares: np.ndarray
) -> list[tuple[str, str, float, int]]:
    """The confusions that most of a true class goes into."""
    wrong = np.nan_to_num(shares[:, : len(names)]).copy()
    np.fill_diagonal(wrong, 0)
    places = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    pairs = zip(*np.unravel_index(places, wrong.shape), strict=True)
    return [
        (names[true], names[taken], float(wrong[true, taken]), int(counts[true, taken]))
        for true, taken in pairs
        if wrong[true, taken] >= _SMALLEST
    ]


def _presence(results: Results) -> Iterator[Block]:
    stages = {
        stage: results["presence"][stage] for stage in MILESTONES if stage in results["presence"]
    }
    if not stages:
        return
    rows, before = [], None
    for stage, scores in stages.items():
        change = scores["f1"] - before if _defined(scores["f1"], before) else None
        rows.append((_TITLES[stage], scores["precision"], scores["recall"], scores["f1"], change))
        before = scores["f1"]
    columns = [
        Column("stage"),
        Column("precision, %", "percent"),
        Column("recall, %", "percent"),
        Column("F1, %", "bar"),
        Column("F1, change", "points"),
    ]
    yield Note(
        "The set of classes that each stage takes for present in an image, background left out, "
        "against the set that is."
    )
    yield Table(columns, rows)
    classes = list(next(iter(stages.values()))["per_class"])
    by_class = [
        (name, *(scores["per_class"][name]["f1"] for scores in stages.values())) for name in classes
    ]
    heads = [Column("class"), *(Column(f"{_TITLES[stage]}, %", "percent") for stage in stages)]
    yield Fold("F1 of each class by stage", [Table(heads, by_class)])


def _defined(*values: float | None) -> bool:
    return all(value is not None and value == value for value in values)


def _boxes(results: Results) -> Iterator[Block]:
    boxes, phrases = results["boxes"], results["phrases"]
    if boxes is not None:
        yield Facts(
            [
                ("true boxes found", f"{_percent(boxes['recall'])} of {boxes['count']}"),
                ("found as whatever class", _percent(boxes["recall_any_class"])),
            ]
        )
        rows = [
            (name, scores["recall"], scores["count"]) for name, scores in boxes["per_class"].items()
        ]
        columns = [Column("class"), Column("boxes found, %", "bar"), Column("boxes", "count")]
        yield Fold("Boxes found of each class", [Table(columns, rows)])
    if phrases["detections"]:
        yield Facts(
            [
                ("detections", str(phrases["detections"])),
                ("of no class before post-refinement", str(phrases["unresolved_before"])),
                ("of no class after it", str(phrases["unresolved_after"])),
            ]
        )


def _percent(share: float | None) -> str:
    return f"{100 * share:.2f} %" if share is not None and share == share else "undefined"


def _failures(results: Results) -> Block:
    if not results["failures"]:
        return Note("No image failed.")
    rows = [(f["name"], f["stage"], f["message"]) for f in results["failures"]]
    return Table([Column("image"), Column("stage"), Column("message")], rows)


def _costs(results: Results) -> Iterator[Block]:
    seconds, images = results["seconds"], max(results["images"]["scored"], 1)
    if seconds:
        parts = [*seconds.items(), ("all stages", sum(seconds.values()))]
        rows = [(stage, spent, 1000 * spent / images) for stage, spent in parts]
        columns = [Column("stage"), Column("seconds", "number"), Column("ms an image", "number")]
        yield Table(columns, rows)
    usage = Usage(**results["usage"])
    if usage.calls or usage.cached or usage.refused:
        tokens = usage.prompt_tokens + usage.completion_tokens
        cost, each = "price unknown", ""
        if usage.cost is not None:
            cost, each = f"${usage.cost:.4f}", f", ${usage.cost / images:.6f}"
        share = f"{usage.cached} ({_percent(usage.cached_share)} of all answers)"
        yield Facts(
            [
                ("language model", f"{usage.calls} calls, {usage.seconds:.1f} s, {cost}"),
                ("answers from the cache", share),
                ("questions refused", str(usage.refused)),
                ("tokens sent", str(usage.prompt_tokens)),
                ("tokens received", str(usage.completion_tokens)),
                (
                    "an image",
                    f"{usage.calls / images:.2f} calls, {tokens / images:.0f} tokens{each}",
                ),
            ]
        )
    else:
        yield Note("No language model was asked.")


def _checkpoints(results: Results) -> Iterator[Block]:
    if not results["checkpoints"]:
        yield Note("The system's checkpoints are not known.")
        return
    rows = [
        (
            row["component"],
            row["checkpoint"],
            row["sha256"],
            row["trained_on"],
            row["contamination"],
            row["note"],
        )
        for row in results["checkpoints"]
    ]
    columns = [
        Column("component"),
        Column("checkpoint"),
        Column("SHA-256"),
        Column("trained on"),
        Column("on this data set?", "verdict"),
        Column("what is known"),
    ]
    yield Table(columns, rows)


def _reproduce(results: Results) -> Iterator[Block]:
    commit = results["commit"]
    where = f"commit {commit}" if commit else "its release"
    yield Facts(
        [
            ("code", f"zeroseg {results['version']}, {where}"),
            ("data", plain(results["data"])),
            ("protocol", results["protocol"]["name"]),
        ]
    )
    if "command" in results:
        yield Code(results["command"], "sh")
    if results["config"] is not None:
        yield Note(
            "Save the configuration as run.yaml and give it as --model run.yaml; the data's "
            "fingerprint and the checkpoints' digests then have to agree."
        )
        text = yaml.safe_dump(results["config"], sort_keys=False, allow_unicode=True)
        yield Fold("Configuration", [Code(text, "yaml")])
    classes = yaml.safe_dump(results["vocabulary"], sort_keys=False, allow_unicode=True)
    yield Fold("Vocabulary", [Code(classes, "yaml")])
