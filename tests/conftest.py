"""What holds for every test: no network, one thread since models are small, and one seed."""

from __future__ import annotations

import gc
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # of processes that tests start, too

from collections.abc import Iterator

import pytest
import torch

torch.set_num_threads(1)
gc.set_threshold(50_000, 20, 50)  # modules are no garbage, and many are loaded


LONGEST = (
    *("tests/scale/", "tests/installed/", "tests/test_accelerator.py", "tests/faults/"),
    *("tests/preflight/test_large_for_real.py", "tests/evaluation/", "tests/test_benchmarks.py"),
)
"""What takes longest begins first, so that in the end no core waits for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; within a file nothing changes its order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Modules stay to the end: going through them for garbage took a tenth of the tests' time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    """Networks of random weights are the same ones in every run."""
    torch.manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """So are the numbers that a test draws by itself."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def language_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a language model server that others have written, started when first needed."""
    from tests.chat.tiny_vision import FAMILIES, save
    from tests.chat.transformers_server import CHAT, VISION, serve

    folder = tmp_path_factory.mktemp("language_server")
    models = {f"{VISION}-{family}": save(family, folder / family) for family in FAMILIES}
    trained = {CHAT: "tiny:chat", VISION: "tiny:vision"}
    with serve({**trained, **models}, folder) as address:
        yield address
