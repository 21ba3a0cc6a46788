"""`transformers serve` on this machine: an OpenAI-compatible server that others have written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from zeroseg.weights.checkpoints import locate

CHAT = "zeroseg/tiny-chat"
"""Hub name under which the packaged chat model is served."""

VISION = "zeroseg/tiny-vision"
"""The packaged model that sees; random models for images and text have their family behind it."""

_PATIENCE = 90.0
"""Seconds to wait for the start; it takes about ten on two cores."""
_STARTED = re.compile(r"running on (http://\S+:\d+)")
_REVISION = "0" * 40


@contextmanager
def serve(models: Mapping[str, str | Path], folder: Path, *options: str) -> Iterator[str]:
    """Run a server for the length of a `with` block.

    It has a cache of the hub to itself, holds nothing but these models there, and is offline. It
    loads a model when it is first asked for, which takes a second more.

    Args:
        models: Hub name -> folder of a model, or a name such as "tiny:chat".
        folder: Empty; for the cache and the server's log.
        options: Further words of the command, e.g. a model's name to pin it.

    Yields:
        The address for `base_url`.
    """
    for name, source in models.items():
        _into_cache(folder / "hub", name, Path(locate(source)))
    log = folder / "server.log"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", *options]
    command += ["--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    home = {"HF_HOME": str(folder), "HF_HUB_CACHE": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    environment = {**os.environ, **home, "OMP_NUM_THREADS": "1"}
    with (
        log.open("w") as written,
        subprocess.Popen(
            command, stdout=written, stderr=subprocess.STDOUT, env=environment
        ) as process,
    ):
        try:
            yield f"{_address(process, log)}/v1"
        finally:
            process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server listens, as soon as it does."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if found := _STARTED.search(log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"transformers serve did not start:\n{log.read_text(errors='replace')}")


def _into_cache(cache: Path, name: str, source: Path) -> None:
    """Lay a model into a cache as huggingface_hub keeps it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, repository / "snapshots" / _REVISION)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(_REVISION, encoding="utf-8")
