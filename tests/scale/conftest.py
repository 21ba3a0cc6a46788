from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

HERE = str(Path(__file__).parent)
BOXES = {"dog": [0.0, 0.0, 0.5, 0.5], "boat": [0.5, 0.0, 1.0, 1.0]}


def content(**changes: Any) -> dict[str, Any]:
    """A segmenter of stand-ins: a dog in every picture, a boat in bright ones."""
    return {
        "vocabulary": ["background", "dog", "boat"],
        "tagger": {"class_path": "scale_parts.Tags"},
        "pre_refiner": {"class_path": "zeroseg.refinement.lexical_pre_refiner.LexicalPreRefiner"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": BOXES},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "batch_size": 2,
        **changes,
    }


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-ins are within reach."""
    monkeypatch.setattr(sys, "path", [HERE, *sys.path])


@pytest.fixture
def standins() -> Callable[..., dict[str, Any]]:
    """Configurations of stand-ins, with some arguments changed."""
    return content


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Ten pictures in folders, every other one bright; the one called 5 is 40 pixels wide."""
    folder = tmp_path / "archive"
    for index in range(10):
        width = 40 if index == 5 else 32
        pixels = np.full((24, width, 3), 200 if index % 2 else 20, np.uint8)
        file = folder / f"{index // 5}" / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return folder


@pytest.fixture(scope="session")
def stores() -> Iterator[None]:
    """Servers that speak as S3 and Google Cloud Storage do, each with a bucket `archive`."""
    import s3fs
    from gcp_storage_emulator.server import create_server
    from moto.server import ThreadedMotoServer

    s3 = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    s3.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gs = create_server("127.0.0.1", port, in_memory=True, default_bucket="archive")
    gs.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*s3.get_host_and_port()))
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        s3fs.S3FileSystem().mkdir("archive")
        yield
    gs.stop()
    s3.stop()


@pytest.fixture(scope="session")
def ray_here(stores: None) -> Iterator[None]:
    """One Ray of two cores for all tests; its workers know the stores from the environment."""
    import logging

    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=128 * 2**20,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    yield
    ray.shutdown()
