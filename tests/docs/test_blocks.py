"""Every block of Python, shell and YAML in the documents does what it says.

A page is read from top to bottom, as a person would: its blocks run one after the other, in one
folder, its Python in one namespace. There are drawn pictures where the pages speak of `pictures/`
and `picture.png`. What a test cannot run says so in a comment above it, `<!-- needs: weights -->`;
its names, commands and options are looked up all the same.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.docs import configuration, names, shell
from tests.docs.blocks import BLOCKS, LANGUAGES, PAGES, ROOT, Block, blocks_of
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import ZerosegError

NEEDS = {
    "set-up": 5,  # a virtual environment, packages of an index
    "weights": 10,  # published ones; most of these need a key for a language model, too
    "data set": 13,
    "object store": 3,
    "minutes": 14,
    "hours": 1,
    "a server": 5,  # one that runs until it is ended
    "a daemon": 1,  # that builds and runs containers
    "GPU": 1,
}
"""How many blocks are not run, by what they need; a new one has to be meant."""


class Page:
    """A page that is being read: its folder, and what its Python has defined."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "page"}
        self.done: set[Block] = set()
        for number, file in enumerate(("picture.png", "pictures/a.png", "pictures/b.png")):
            picture = folder / file
            picture.parent.mkdir(exist_ok=True)
            Image.fromarray(np.asarray(draw_scene(7, number, (128, 128)).image)).save(picture)

    def read(self, block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run a block or look it up, after those above it."""
        above = [b for b in BLOCKS if b.page == block.page and b.line <= block.line]
        for each in above:
            if each not in self.done:
                self.done.add(each)
                self._read(each, monkeypatch)

    def _read(self, block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
        if block.language == "shell":
            shell.check(block.code, monkeypatch)
            if block.needs is None:
                shell.run(block.code)
        elif block.language == "yaml":
            configuration.check(block.code)
        elif block.needs is not None:
            names.check(block.code, self.names)
        else:
            lines = "\n" * (block.line - 1)  # so that an error names the line of the page
            exec(compile(lines + block.code, block.page, "exec"), self.names)


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """The pages that are being read, by path."""
    return {}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block(
    block: Block,
    pages: dict[str, Page],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if block.page not in pages:
        pages[block.page] = Page(tmp_path_factory.mktemp("page"))
    page = pages[block.page]
    monkeypatch.chdir(page.folder)
    page.read(block, monkeypatch)


def test_what_is_not_run_is_meant() -> None:
    assert Counter(block.needs for block in BLOCKS if block.needs) == NEEDS


@pytest.mark.parametrize("page", PAGES)
def test_every_comment_is_a_need_above_a_block(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    comments = re.findall(r"^<!--", text, re.MULTILINE)
    assert len(comments) == sum(block.needs is not None for block in blocks_of(page))


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_overlooked(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    written = re.findall(r"^ *(?:```|~~~)(\w+)", text, re.MULTILINE)
    assert set(written) <= set(LANGUAGES)
    above = [text.splitlines()[block.line - 2] for block in blocks_of(page)]
    assert sum(line.startswith("```") for line in above) == sum(w in LANGUAGES for w in written)


@pytest.mark.parametrize(
    "code",
    [
        "from zeroseg import Segmentor",
        "GroundingDino.from_pretrained()",
        "from zeroseg import Sam\nSam.from_presets('x')",
        "from zeroseg import Sam\nSam('x', points=3)",
        "from zeroseg import ZeroShotSegmenter\nZeroShotSegmenter.from_preset('x', detektor=None)",
        "from zeroseg import ZeroShotSegmenter\ns = ZeroShotSegmenter()\ns.segmentate('x')",
    ],
)
def test_python_that_is_not_true_is_found_without_running_it(code: str) -> None:
    with pytest.raises((AssertionError, TypeError)):
        names.check(code, {})


@pytest.mark.parametrize(
    "code",
    [
        "zeroseg segmnt x",
        "zeroseg segment x --modl tiny",
        "zeroseg segment x --model tny",
        "zeroseg segment x --set detectr=null",
        "zeroseg test --data voc2021",
        "zeroseg test --data drawn --vocabulary voc",
        "python benchmarks/bounds.py --batch 32x",
        "make tests",
        'pip install "zeroseg[train]"',
        "wget x",
    ],
)
def test_commands_that_are_not_there_are_found_without_running_them(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((AssertionError, SystemExit, ZerosegError)):
        shell.check(code, monkeypatch)
