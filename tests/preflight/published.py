"""The published repositories in small: their own names and files, the tiny family's networks.

SAM-HQ has no tiny one: it is random. Run as a program, this is `zeroseg` for these repositories:
the authors' RAM++ file tells its size by its width alone, and its lists lie elsewhere.
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
from transformers import (
    Blip2ForConditionalGeneration,
    Blip2Processor,
    GroundingDinoProcessor,
    SamHQConfig,
    SamHQModel,
)

from tests.hub.server import Hub, Repository
from zeroseg.recognition import ram_plus
from zeroseg.weights.authors_file import AuthorsFile
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.official.ram_plus_model import RamPlusConfig, RamPlusModel
from zeroseg.weights.official.sam_checkpoint import SamSizes

RAM = "xinyu1205/recognize-anything-plus-model"
BLIP = "Salesforce/blip2-opt-2.7b"
DINO = "IDEA-Research/grounding-dino-tiny"
SAM_HQ = "syscv-community/sam-hq-vit-large"
LISTS = ("ram_tag_list.txt", "ram_tag_list_threshold.txt")
OTHER = {"README.md": b"---\nlicense: mit\n---\n", ".gitattributes": b"*.bin filter=lfs\n"}


def fill(hub: Hub) -> None:
    """Put the checkpoints of the preset `large` on a hub."""
    hub.repositories[RAM] = Repository({**OTHER, ram_plus.WEIGHTS: _ram()})
    hub.repositories[BLIP] = Repository(_blip(), licence="mit")
    hub.repositories[DINO] = Repository(_dino())
    hub.repositories[SAM_HQ] = Repository(_sam_hq())
    for name in LISTS:
        hub.site[f"/lists/{name}"] = (Path(locate("tiny:ram_plus")) / name).read_bytes()


def _ram() -> bytes:
    """The authors' one file: a dictionary with the tensors under "model"."""
    model = RamPlusModel.from_pretrained(Path(locate("tiny:ram_plus")))
    content = io.BytesIO()
    torch.save({"model": model.official_state_dict()}, content)
    return content.getvalue()


def _blip() -> dict[str, bytes]:
    """Weights in several files and in two formats, and the processor's parts one by one."""
    model = Blip2ForConditionalGeneration.from_pretrained(locate("tiny:blip2"))
    processor = Blip2Processor.from_pretrained(locate("tiny:blip2"))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size="3MB")
        processor.tokenizer.save_pretrained(folder)
        processor.image_processor.save_pretrained(folder)
        about = {"processor_class": "Blip2Processor", "num_query_tokens": 25}
        (Path(folder) / "processor_config.json").write_text(json.dumps(about))
        files = _read(folder)
    assert "model.safetensors.index.json" in files
    other = {"pytorch_model.bin.index.json": b"{}", "pytorch_model-00001-of-00001.bin": b"other"}
    return {**OTHER, **files, **other}


def _dino() -> dict[str, bytes]:
    """Two formats, and no file of the processor as a whole."""
    folder = Path(locate("tiny:grounding_dino"))
    processor = GroundingDinoProcessor.from_pretrained(folder)
    names = ("config.json", "model.safetensors")
    files = {name: (folder / name).read_bytes() for name in names}
    with tempfile.TemporaryDirectory() as folder_:
        processor.tokenizer.save_pretrained(folder_)
        processor.image_processor.save_pretrained(folder_)
        files |= _read(folder_)
    return {**OTHER, **files, "pytorch_model.bin": b"other"}


def _sam_hq() -> dict[str, bytes]:
    torch.manual_seed(0)
    sizes = SamSizes(
        patch=16, grid=8, channels=32, mask_channels=4, decoder_mlp_width=32, iou_width=16,
        width=32, depth=2, heads=2, mlp_width=32, window=4, global_blocks=(1,),
    )  # fmt: skip
    config = sizes.config()
    config["mask_decoder_config"]["vit_dim"] = sizes.width
    with tempfile.TemporaryDirectory() as folder:
        SamHQModel(SamHQConfig(**config)).save_pretrained(folder)
        sizes.image_processor().save_pretrained(folder)
        return {**OTHER, **_read(folder)}


def _read(folder: str | Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


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
