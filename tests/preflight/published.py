"""The published repositories of `large` in small: their own names and files, small networks.

Run as a program, this is `zeroseg` for these repositories: the authors' RAM++ file tells its size
by its width alone, and its lists lie elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load, save

from tests.hub.server import Hub, Repository
from tests.small_checkpoints import write
from zeroseg.recognition import ram_plus
from zeroseg.weights.authors_file import AuthorsFile
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.official.ram_plus_model import RamPlusConfig, RamPlusModel

RAM = "xinyu1205/recognize-anything-plus-model"
FLORENCE = "florence-community/Florence-2-large"
LLMDET = "iSEE-Laboratory/llmdet_large"
SAM2 = "facebook/sam2.1-hiera-large"
LISTS = ("ram_tag_list.txt", "ram_tag_list_threshold.txt")
OTHER = {"README.md": b"---\nlicense: mit\n---\n", ".gitattributes": b"*.bin filter=lfs\n"}


def fill(hub: Hub) -> None:
    """Put the checkpoints of the preset `large` on a hub."""
    hub.repositories[RAM] = Repository({**OTHER, ram_plus.WEIGHTS: _ram()})
    hub.repositories[FLORENCE] = Repository(_in_pieces(_written("florence2")), licence="mit")
    hub.repositories[LLMDET] = Repository({**_written("mm_grounding_dino"), **TWICE})
    hub.repositories[SAM2] = Repository(_written("sam2"))
    for name in LISTS:
        hub.site[f"/lists/{name}"] = (Path(locate("tiny:ram_plus")) / name).read_bytes()


TWICE = {"pytorch_model.bin": b"other"}
"""The weights again, in a format that is not read."""


def _ram() -> bytes:
    """The authors' one file: a dictionary with the tensors under "model"."""
    model = RamPlusModel.from_pretrained(Path(locate("tiny:ram_plus")))
    content = io.BytesIO()
    torch.save({"model": model.official_state_dict()}, content)
    return content.getvalue()


def _written(kind: str) -> dict[str, bytes]:
    """The files of a small checkpoint, and what else lies in a repository."""
    with tempfile.TemporaryDirectory() as folder:
        files = write(kind, Path(folder) / kind).iterdir()
        return {**OTHER, **{file.name: file.read_bytes() for file in files}}


def _in_pieces(files: dict[str, bytes]) -> dict[str, bytes]:
    """Weights in several files and in two formats."""
    weights = load(files.pop("model.safetensors"))
    names = sorted(weights)
    halves = [names[::2], names[1::2]]
    pieces = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    where = {name: piece for piece, half in zip(pieces, halves, strict=True) for name in half}
    for piece, half in zip(pieces, halves, strict=True):
        files[piece] = save({name: weights[name] for name in half}, {"format": "pt"})
    index = {"metadata": {}, "weight_map": where}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    other = {"pytorch_model.bin.index.json": b"{}", "pytorch_model-00001-of-00001.bin": b"other"}
    return {**files, **other}


def _shrink_ram(address: str) -> None:
    """Let the published RAM++ be the tiny one, whose lists lie at an address on this machine."""
    folder = Path(locate("tiny:ram_plus"))
    tiny = RamPlusConfig(**_config(folder))
    RamPlusConfig.swin_large = staticmethod(lambda: tiny)  # type: ignore[method-assign,assignment]
    RamPlusConfig.num_tags = tiny.num_tags
    lists = [
        AuthorsFile(
            f"{address}/lists/{name}", hashlib.sha256((folder / name).read_bytes()).hexdigest()
        )
        for name in LISTS
    ]
    ram_plus.TAG_LIST, ram_plus.THRESHOLDS = lists


def _config(folder: Path) -> dict[str, object]:
    content = json.loads((folder / "config.json").read_text())
    return {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    _shrink_ram(os.environ["LISTS_AT"])
    from zeroseg.cli.main import main

    sys.exit(main())
