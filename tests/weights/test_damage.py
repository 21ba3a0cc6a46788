"""Files of torch.save: damaged, of another kind, and programs that must never run."""

from __future__ import annotations

import argparse
import collections
import io
import json
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from benchmarks.parity_sam import seeded_weights
from tests.small_checkpoints import write
from tests.weights.official.sam_parts import SMALL
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.official_grounding_dino import OfficialGroundingDino
from zeroseg.errors import CheckpointError
from zeroseg.masking.official_sam import OfficialSam
from zeroseg.masking.sam import Sam
from zeroseg.masking.sam_hq import SamHq
from zeroseg.recognition.ram_plus import RamPlus
from zeroseg.weights.damage import damage, damages
from zeroseg.weights.official.weights import read_weights

COMPONENTS = (Sam, SamHq, OfficialSam, GroundingDino, OfficialGroundingDino, RamPlus)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


class Opener:
    """The same by other means, which may be taken for harmless."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.target), "w")


def saved(content: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    torch.save(content, out, **options)
    return out.getvalue()


def archive(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


def scripted() -> bytes:
    out = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), out)
    return out.getvalue()


TENSORS: dict[str, Tensor] = {"a": torch.ones(500), "b": torch.ones(2, 3)}
WHOLE = saved(TENSORS)
LEGACY = saved(TENSORS, _use_new_zipfile_serialization=False)
PAGE = b"<!doctype html><title>Sign in</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"
FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "pointer": (POINTER, "pointer of Git LFS"),
    "page": (PAGE, "page of a web server"),
    "zeros": (bytes(4000), "zeros"),
    "text": (b"not a checkpoint", "damaged, or no checkpoint of torch.save"),
    "cut in half": (WHOLE[: len(WHOLE) // 2], "cut short"),
    "cut at its end": (WHOLE[:-30], "cut short"),
    "legacy, cut in half": (LEGACY[: len(LEGACY) // 2], "damaged"),
    "legacy, cut at its end": (LEGACY[:-9], "damaged"),
    "an archive": (archive(readme=b"hello"), "an archive, but no checkpoint"),
    "an archive with a pickle": (archive(**{"x/data.pkl": b"garbage"}), "damaged"),
    "safetensors": (save(TENSORS), "damaged, or no checkpoint"),
    "scripted": (scripted(), "TorchScript"),
    "namespace": (saved({"model": TENSORS, "args": argparse.Namespace(a=1)}), "more than tensors"),
    "numpy": (saved({"a": np.ones(3)}), "does not hold tensors by name|more than tensors"),
    "a network": (saved(nn.Linear(2, 2)), "more than tensors"),
    "a list": (saved([torch.ones(1)]), "does not hold tensors by name"),
    "a number": (saved(3), "does not hold tensors by name"),
    "nothing": (saved({}), "holds no tensors"),
    "nothing inside": (saved({"model": {}}), "holds no tensors"),
    "deeper": (saved({"model": {"inner": TENSORS}}), "does not hold tensors by name"),
    "nan": (saved({**TENSORS, "b": torch.tensor([1.0, float("nan")])}), "NaN or infinite: b"),
    "infinite": (saved({**TENSORS, "a": torch.tensor([-float("inf")])}), "NaN or infinite: a"),
    "zeros inside": (saved({k: torch.zeros_like(v) for k, v in TENSORS.items()}), "but zeros: a"),
    "whole numbers": (saved({"a": torch.ones(9, dtype=torch.int8)}), "no floating-point numbers"),
    "another's": (saved(TENSORS), "image_encoder|visual_encoder|backbone"),
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write("grounding_dino", tmp_path_factory.mktemp("tokenizer") / "words")


def refused(component: Callable[..., Any], file: Path, tokenizer: Path) -> str:
    more = {"tokenizer": tokenizer} if component in COMPONENTS[3:5] else {}
    with pytest.raises(CheckpointError) as caught:
        component.from_pretrained(file, **more)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    name = component.__name__
    assert message.startswith((f"{name} cannot use '{file}': ", f"Sam cannot use '{file}': "))
    return message


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("kind", FILES)
def test_damaged_files(
    kind: str, component: Callable[..., Any], tmp_path: Path, tokenizer: Path
) -> None:
    content, says = FILES[kind]
    (tmp_path / "weights.pth").write_bytes(content)
    message = refused(component, tmp_path / "weights.pth", tokenizer)
    assert re.search(says, message), message


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("trap", [Bomb, Opener])
@pytest.mark.parametrize("form", ["archive", "legacy", "plain pickle", "within", "scripted"])
def test_no_program_is_run(
    component: Callable[..., Any], trap: Any, form: str, tmp_path: Path, tokenizer: Path
) -> None:
    content = {"model": TENSORS, "more": trap(tmp_path / "ran")}
    forms = {
        "archive": lambda: saved(content),
        "legacy": lambda: saved(content, _use_new_zipfile_serialization=False),
        "plain pickle": lambda: pickle.dumps(content),
        "within": lambda: saved(collections.OrderedDict(a=[(trap(tmp_path / "ran"),)])),
        "scripted": lambda: archive(
            **{"x/data.pkl": pickle.dumps(content), "x/constants.pkl": b"", "x/code/a.py": b"1/0"}
        ),
    }
    file = tmp_path / "weights.pth"
    file.write_bytes(forms[form]())
    refused(component, file, tokenizer)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("trap", [Bomb, Opener])
@pytest.mark.parametrize("legacy", [False, True])
def test_no_program_is_run_in_a_folder(trap: Any, legacy: bool, tmp_path: Path) -> None:
    folder = write("sam", tmp_path / "sam")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    content = {**tensors, "more": trap(tmp_path / "ran")}
    new = {"_use_new_zipfile_serialization": not legacy}
    (folder / "pytorch_model.bin").write_bytes(saved(content, **new))
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin holds more than tensors"):
        Sam.from_pretrained(folder)
    assert not (tmp_path / "ran").exists()
    (folder / "pytorch_model.bin").write_bytes(saved(tensors, **new))
    Sam.from_pretrained(folder)


@pytest.mark.parametrize("kind", [k for k in FILES if k not in ("another's", "safetensors")])
def test_damaged_files_in_a_folder(kind: str, tmp_path: Path) -> None:
    folder = write("sam", tmp_path / "sam")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(FILES[kind][0])
    with pytest.raises(CheckpointError) as caught:
        Sam.from_pretrained(folder)
    assert "\n" not in str(caught.value)


def shards(folder: Path) -> dict[str, Any]:
    """Spread a folder's weights over two files; the index that names them."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    halves: list[dict[str, Tensor]] = [{}, {}]
    for number, (key, value) in enumerate(sorted(tensors.items())):
        halves[number % 2][key] = value
    for name, half in zip(names, halves, strict=True):
        (folder / name).write_bytes(save(half, {"format": "pt"}))
    spread = {key: name for name, half in zip(names, halves, strict=True) for key in half}
    return {"metadata": {"total_size": 1}, "weight_map": spread}


SHARDS: dict[str, tuple[Callable[[Path, dict[str, Any]], Any], str]] = {
    "missing": (
        lambda f, i: (f / "model-00002-of-00002.safetensors").unlink(),
        "names model-00002",
    ),
    "cut": (
        lambda f, i: os.truncate(f / "model-00002-of-00002.safetensors", 90_000),
        r"model-00002-of-00002\.safetensors is cut short",
    ),
    "pointer": (
        lambda f, i: (f / "model-00001-of-00002.safetensors").write_bytes(POINTER),
        r"model-00001-of-00002\.safetensors is a pointer of Git LFS",
    ),
    "another one named": (
        lambda f, i: i["weight_map"].update(more="model-00003-of-00003.safetensors"),
        r"names model-00003-of-00003\.safetensors, which is not there",
    ),
    "one not named": (
        lambda f, i: i.update(
            weight_map={k: v for k, v in i["weight_map"].items() if "00001" in v}
        ),
        "missing: ",
    ),
    "nothing named": (lambda f, i: i.update(weight_map={}), "index.json .*names no files"),
    "no map": (lambda f, i: i.pop("weight_map"), "index.json .*names no files"),
    "a list for a map": (lambda f, i: i.update(weight_map=["a"]), "index.json .*names no files"),
    "no index": (lambda f, i: i.clear(), "index.json is damaged: it says nothing"),
}


@pytest.mark.parametrize("kind", SHARDS)
def test_weights_over_several_files(kind: str, tmp_path: Path) -> None:
    folder = write("sam", tmp_path / "sam")
    index = shards(folder)
    file = folder / "model.safetensors.index.json"
    file.write_text(json.dumps(index))
    Sam.from_pretrained(folder)
    change, says = SHARDS[kind]
    change(folder, index)
    file.write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=says) as caught:
        Sam.from_pretrained(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("around", ["", "model", "state_dict"])
@pytest.mark.parametrize("legacy", [False, True])
def test_what_training_leaves_is_passed_over(around: str, legacy: bool, tmp_path: Path) -> None:
    linear = nn.Linear(2, 2)
    left = {"optimizer": torch.optim.Adam(linear.parameters()).state_dict(), "epoch": 3}
    content = {around: TENSORS, **left} if around else TENSORS
    file = tmp_path / "x.pth"
    file.write_bytes(saved(content, _use_new_zipfile_serialization=not legacy))
    for mapped in (False, True):
        read = read_weights(file, "Part", mapped)
        assert {name: value.shape for name, value in read.items()} == (
            {name: value.shape for name, value in TENSORS.items()}
        )


def test_the_authors_files_load_in_the_older_format(tmp_path: Path) -> None:
    weights = seeded_weights(SMALL)
    file = tmp_path / "sam.pth"
    file.write_bytes(saved(weights, _use_new_zipfile_serialization=False))
    Sam.from_pretrained(file)


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    folder = write("sam", tmp_path / "sam")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    assert damage(folder / "config.json") == "cannot be read: it is no file"
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        Sam.from_pretrained(folder)


def test_whole_files_are_not_called_damaged(tmp_path: Path) -> None:
    for kind in ("sam", "chat", "clip", "ram_plus"):
        assert list(damages(write(kind, tmp_path / kind))) == []
    (tmp_path / "x.pth").write_bytes(WHOLE)
    (tmp_path / "y.bin").write_bytes(LEGACY)
    assert damage(tmp_path / "x.pth") is None and damage(tmp_path / "y.bin") is None


def test_a_checkpoint_in_the_cache_has_to_be_deleted_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "models--somebody--sam"
    folder = shutil.move(write("sam", tmp_path / "sam"), place / "snapshots" / "1" / "")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("1")
    blob = place / "blobs" / "abc"
    blob.parent.mkdir()
    shutil.move(Path(folder) / "model.safetensors", blob)
    os.truncate(blob, 5000)
    (Path(folder) / "model.safetensors").symlink_to(blob)
    with pytest.raises(CheckpointError, match=f"delete {blob} and fetch it again"):
        Sam.from_pretrained("somebody/sam")
