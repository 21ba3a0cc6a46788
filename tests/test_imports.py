"""Imports run one way, in the order of the flow, and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import zeroseg

ROOT = Path(zeroseg.__file__).parent

ORDER = (
    "lazy", "errors", "writing", "server_address", "regular_file", "decoding", "yaml_text",
    "rle", "class_lists", "fields", "vocabulary", "vocabularies", "values", "running", "weights",
    "find_images", "pixels", "images", "chat", "encoders", "recognition", "refinement", "compiling",
    "detection", "masking", "dense", "fusion", "confidence", "tiling", "reference", "seams",
    "stages", "thresholds", "preflight", "presets", "plotting", "instance", "reviewed",
    "result_json", "result_page", "segmentation", "described_image", "regions", "outcomes",
    "call_options", "reading_ahead", "video", "metrics", "drawn", "data", "result_details",
    "base_segmenter", "describing", "segmenter", "baselines", "testing", "evaluation", "scale",
    "export", "correcting", "importing", "comparing", "app", "cli", "__main__",
)  # fmt: skip
"""Modules and folders of the package: each imports only from those before it."""


def modules() -> dict[str, Path]:
    """Every module by its name."""
    found = {}
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = file
    del found["zeroseg"]  # names that are loaded on first use
    return found


MODULES = modules()


def imported(file: Path) -> Iterator[str]:
    """The modules of the package that a file imports anywhere, also for types alone."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            inner = [name for name in names if name in MODULES]
            yield from inner or ([node.module] if node.module in MODULES else [])


GRAPH = {name: set(imported(file)) - {name} for name, file in MODULES.items()}


def place(module: str) -> int:
    return ORDER.index(module.split(".")[1])


def test_every_module_has_its_place() -> None:
    assert {name.split(".")[1] for name in MODULES} == set(ORDER)


def test_no_import_goes_against_the_flow() -> None:
    against = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if place(other) > place(name)
    ]
    assert against == []


def test_no_imports_go_in_a_circle() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' <- '.join(error.args[1])}") from error


def test_the_runner_knows_nothing_of_what_it_runs() -> None:
    known = {other for name, others in GRAPH.items() if ".running." in name for other in others}
    assert {name.split(".")[1] for name in known} <= {"errors", "running"}
