"""A server whose segmenter is scripted, so that tests of it wait for no network."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from PIL import Image
from starlette.testclient import TestClient
from torch import Tensor

from zeroseg.app import create_app
from zeroseg.app.serving import Server
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedCaptioner, ScriptedDetector, ScriptedTagger
from zeroseg.values import Masks, Tag

BOXES = {"dog": [0, 0, 0.5, 0.5], "boat": [0.5, 0, 1, 1], "person": [0, 0.75, 0.25, 1]}
ADDRESS = "http://127.0.0.1:8000"


def segmenter(**changes: Any) -> ZeroShotSegmenter:
    """A dog in the upper left quarter, a boat in the right half, a person below the dog."""
    parts: dict[str, Any] = {
        "tagger": ScriptedTagger("dog", "boat"),
        "captioner": ScriptedCaptioner("a dog beside a boat"),
        "pre_refiner": AllClasses(),
        "detector": ScriptedDetector(BOXES),
        "mask_predictor": BoxMasks(),
    }
    return ZeroShotSegmenter(["background", "dog", "boat"], **{**parts, **changes})


class Gated(Tagger):
    """Waits for a gate to be opened, and keeps how many pictures came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.came = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        self.sizes.append(len(images))
        self.came.set()
        assert self.gate.wait(10)
        return [(Tag("dog", 0.9),) for _ in images]


class GatedMasks(BoxMasks):
    """Waits for a gate to be opened, so that all stages before it can be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def forward(self, *given: Any) -> list[Masks]:
        assert self.gate.wait(10)
        return super().forward(*given)


class Breaking(Tagger):
    """Breaks on black pictures."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        if not all(image.any() for image in images):
            raise RuntimeError("too dark")
        return [(Tag("dog", 0.9),) for _ in images]


def png(width: int = 40, height: int = 32, color: str = "teal") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


@contextmanager
def client(system: ZeroShotSegmenter | None = None, **options: Any) -> Iterator[TestClient]:
    app = create_app(system or segmenter(), "scripted", **options)
    with TestClient(app, base_url=ADDRESS) as made:
        yield made


def ask(made: TestClient, picture: bytes | None = None, **fields: Any) -> Any:
    """The response to a picture and fields of the form."""
    sent = {"picture": ("a.png", png() if picture is None else picture)}
    return made.post("/v1/segment", files=sent, data=fields)


@contextmanager
def served(system: ZeroShotSegmenter | None = None, **options: Any) -> Iterator[str]:
    """The address of a real server, until the end of the block."""
    app = create_app(system or segmenter(), "scripted", **options)
    server = Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()
