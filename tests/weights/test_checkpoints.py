"""Damaged, incomplete and wrong checkpoints: one sentence for each, and never a random network."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, SamConfig

from tests.small_checkpoints import COMPONENTS, KINDS, write
from zeroseg.errors import CheckpointError, CheckpointNotFound, ZerosegError
from zeroseg.weights.checkpoints import load_pretrained

Damage = Callable[[Path], None]
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A whole checkpoint of every component, in the layout of the hub."""
    folder = tmp_path_factory.mktemp("originals")
    return {kind: write(kind, folder / kind) for kind in KINDS}


def refused(kind: str, folder: Path) -> str:
    """What a component says about a folder; the message has one line and names the checkpoint."""
    with pytest.raises((CheckpointError, CheckpointNotFound)) as caught:
        COMPONENTS[kind](folder)
    message = str(caught.value)
    assert "\n" not in message
    assert folder.name in message
    assert len(message) < 700
    return message


def content(value: bytes) -> Damage:
    def damage(file: Path) -> None:
        file.write_bytes(value)

    return damage


def into_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def cut(share: float) -> Damage:
    def damage(file: Path) -> None:
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * share)])

    return damage


def zeros_behind(share: float) -> Damage:
    """What a download leaves that reserved its place and was broken off."""

    def damage(file: Path) -> None:
        whole = file.read_bytes()
        kept = int(len(whole) * share)
        file.write_bytes(whole[:kept] + bytes(len(whole) - kept))

    return damage


def changed(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Damage:
    """Other tensors in a file that is whole."""

    def damage(file: Path) -> None:
        tensors = {name: value.clone() for name, value in load_file(file).items()}
        save_file(change(tensors), file, metadata={"format": "pt"})

    return damage


def header(edit: Callable[[dict[str, Any]], Any]) -> Damage:
    """Another header before the same data."""

    def damage(file: Path) -> None:
        whole = file.read_bytes()
        (length,) = struct.unpack("<Q", whole[:8])
        edited = json.dumps(edit(json.loads(whole[8 : 8 + length]))).encode()
        file.write_bytes(struct.pack("<Q", len(edited)) + edited + whole[8 + length :])

    return damage


def _first(parsed: dict[str, Any], **entry: Any) -> dict[str, Any]:
    name = next(name for name in parsed if name != "__metadata__")
    return {**parsed, name: {**parsed[name], **entry}}


def _without(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    largest = max(tensors, key=lambda name: tensors[name].numel())
    return {name: value for name, value in tensors.items() if name != largest}


def _nan(tensors: dict[str, torch.Tensor], value: float) -> dict[str, torch.Tensor]:
    name = max(tensors, key=lambda name: tensors[name].numel())
    tensors[name].view(-1)[-1] = value
    return tensors


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2147483648\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>504 Gateway Time-out</title></head></html>"
FILES: dict[str, tuple[Damage, str]] = {
    "empty": (content(b""), "is empty"),
    "pointer": (content(POINTER), "pointer of Git LFS.*git lfs pull"),
    "page": (content(PAGE), "page of a web server"),
    "page behind a mark": (content(b"\xef\xbb\xbf\n" + PAGE), "page of a web server"),
    "answer of a store": (content(b'<?xml version="1.0"?><Error/>'), "page of a web server"),
    "zeros": (content(bytes(5000)), "zeros"),
    "missing": (lambda file: file.unlink(), "has no|is not there|it lacks"),
    "folder": (into_folder, "has no|cannot be read"),
}
SAFETENSORS: dict[str, tuple[Damage, str]] = {
    **{name: FILES[name] for name in FILES if name != "folder"},
    "cut in half": (cut(0.5), r"is cut short: it has \d+ of \d+ bytes"),
    "cut in its header": (cut(0.001), "damaged or cut short"),
    "one byte short": (cut(1 - 1e-7), "cut short"),
    "zeros behind": (zeros_behind(0.4), "nothing but zeros"),
    "message": (content(b'{"error": "Invalid credentials"}'), "is text.*Invalid credentials"),
    "gzip": (content(gzip.compress(b"weights")), "damaged or cut short"),
    "broken header": (content(struct.pack("<Q", 9) + b'{"a": {{{' + bytes(90)), "damaged"),
    "huge header": (content(struct.pack("<Q", 2**62) + b"{}" * 700), "damaged or cut short"),
    "huge tensor": (header(lambda h: _first(h, shape=[2**31, 2**31])), "damaged"),
    "tensor beyond the end": (header(lambda h: _first(h, data_offsets=[0, 2**50])), "cut short"),
    "negative offset": (header(lambda h: _first(h, data_offsets=[-8, 0])), "damaged"),
    "unknown numbers": (header(lambda h: _first(h, dtype="F17")), "damaged"),
    "header of a list": (header(lambda h: [1, 2]), "damaged"),
    "no tensors": (changed(lambda tensors: {}), r"do not fit .*missing: .* and \d+ more"),
    "one tensor less": (changed(lambda t: _without(t)), "missing: "),
    "other names": (changed(lambda t: {f"net.{k}": v for k, v in t.items()}), "missing: "),
    "other shapes": (
        changed(lambda t: {k: torch.cat([v, v]) if v.ndim else v for k, v in t.items()}),
        r"shape of .*\(.*\), expected \(",
    ),
    "whole numbers": (
        changed(lambda t: {k: v.clamp(-2, 2).to(torch.int8) for k, v in t.items()}),
        "nothing but zeros|other kinds of numbers",
    ),
    "nan": (changed(lambda tensors: _nan(tensors, float("nan"))), "NaN or infinite"),
    "infinite": (changed(lambda tensors: _nan(tensors, float("inf"))), "NaN or infinite"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whole_checkpoints_load(kind: str, originals: dict[str, Path]) -> None:
    COMPONENTS[kind](originals[kind])


@pytest.mark.parametrize("damage", SAFETENSORS)
@pytest.mark.parametrize("kind", ["sam", "ram_plus"])
def test_damaged_weights(
    kind: str, damage: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals[kind], tmp_path / kind)
    do, says = SAFETENSORS[damage]
    do(folder / WEIGHTS)
    message = refused(kind, folder)
    assert re.search(says, message), message


OFTEN = ("empty", "pointer", "missing", "cut in half", "no tensors", "one tensor less", "nan")


@pytest.mark.parametrize("damage", OFTEN)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("sam", "ram_plus")])
def test_damaged_weights_of_every_kind(
    kind: str, damage: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    test_damaged_weights(kind, damage, originals, tmp_path)


JSON: dict[str, tuple[Damage, str]] = {
    **FILES,
    "cut in half": (cut(0.5), "is not JSON"),
    "nothing said": (content(b"{}"), "says nothing|does not say|it lacks"),
    "a list": (content(b"[1]"), "holds a list|does not say|it lacks"),
    "a word": (content(b'"sam"'), "holds a str|does not say|it lacks"),
    "null": (content(b"null"), "holds a NoneType|it lacks"),
    "not text": (content(b"\xff\xfe\x00\x01{"), "not JSON"),
    "deep": (content(b"[" * 100_000), "not JSON"),
}


@pytest.mark.parametrize("damage", JSON)
@pytest.mark.parametrize("kind", ["sam", "ram_plus", "chat", "segformer"])
def test_damaged_configurations(
    kind: str, damage: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals[kind], tmp_path / kind)
    do, says = JSON[damage]
    do(folder / "config.json")
    message = refused(kind, folder)
    assert re.search(says, message), message


@pytest.mark.parametrize("damage", ["missing", "cut in half", "nothing said"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ram_plus"])
def test_damaged_files_of_what_prepares(
    kind: str, damage: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    names = ("preprocessor_config.json", "processor_config.json", "tokenizer.json")
    present = [name for name in names if (originals[kind] / name).is_file()]
    assert present
    for name in present:
        folder = shutil.copytree(originals[kind], tmp_path / name / kind)
        JSON[damage][0](folder / name)
        assert "cannot be read (" not in refused(kind, folder)


@pytest.mark.parametrize("damage", [*JSON, "not a tokenizer", "fewer words"])
def test_damaged_tokenizers(damage: str, originals: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(originals["grounding_dino"], tmp_path / "grounding_dino")
    more: dict[str, Damage] = {
        "not a tokenizer": content(b'{"version": "1.0", "model": {"type": "Dice"}}'),
        "fewer words": fewer_words,
    }
    (more.get(damage) or JSON[damage][0])(folder / "tokenizer.json")
    refused("grounding_dino", folder)


@pytest.mark.parametrize("name", ["generation_config.json", "chat_template.jinja", "merges.txt"])
@pytest.mark.parametrize("damage", ["empty", "pointer", "page", "zeros"])
def test_what_transformers_would_do_without(
    damage: str, name: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals["chat"], tmp_path / "chat")
    do, says = FILES[damage]
    do(folder / name)
    message = refused("chat", folder)
    assert name in message and re.search(says, message), message


def fewer_words(file: Path) -> None:
    """The first half of a vocabulary, in a file that is whole."""
    parsed = json.loads(file.read_text())
    words = parsed["model"]["vocab"]
    parsed["model"]["vocab"] = dict(list(words.items())[: len(words) // 2])
    file.write_text(json.dumps(parsed))


def test_a_vocabulary_that_is_cut_short_is_refused(
    originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals["grounding_dino"], tmp_path / "grounding_dino")
    fewer_words(folder / "tokenizer.json")
    assert "its tokenizer knows 515 words, and its network 1030" in (
        refused("grounding_dino", folder)
    )


@pytest.mark.parametrize("damage", FILES)
@pytest.mark.parametrize("name", ["ram_tag_list.txt", "ram_tag_list_threshold.txt"])
def test_damaged_lists(name: str, damage: str, originals: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(originals["ram_plus"], tmp_path / "ram_plus")
    FILES[damage][0](folder / name)
    assert name in refused("ram_plus", folder)


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_lists_that_were_cut_short(
    share: float, originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals["ram_plus"], tmp_path / "ram_plus")
    cut(share)(folder / "ram_tag_list.txt")
    assert re.search(r"has \d+ entries for a network of 40 tags", refused("ram_plus", folder))


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoints_of_another_network_are_refused(kind: str, originals: dict[str, Path]) -> None:
    same = {kind}
    same |= {"chat", "seeing_chat", "blip2"} if "chat" in kind else set()  # all of them answer
    same |= {"segformer", "mask2former"} if kind in ("segformer", "mask2former") else set()
    same |= {"grounding_dino", "mm_grounding_dino"} if "dino" in kind else set()
    same |= {"clip", "siglip", "tipsv2"} if kind in ("siglip", "tipsv2") else set()
    for other in sorted(set(KINDS) - same):
        message = refused(kind, originals[other])
        says = "expected a |is a .*, not a|does not say|is not that of|Unrecogni|no chat template"
        assert re.search(says, message), message


def configured(folder: Path, **values: Any) -> None:
    """Change a network's configuration; "a.b" is b in the part a."""
    file = folder / "config.json"
    parsed = json.loads(file.read_text())
    for path, value in values.items():
        *part, name = path.split(".")
        (parsed[part[0]] if part else parsed)[name] = value
    file.write_text(json.dumps(parsed))


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        ("sam", {"vision_config.num_hidden_layers": 5}, r"unexpected: vision_encoder\.layers\.5\."),
        ("sam", {"vision_config.num_hidden_layers": 7}, r"missing: vision_encoder\.layers\.6\."),
        ("chat", {"num_hidden_layers": 3}, r"unexpected: model\.layers\.3\."),
        ("chat", {"vocab_size": 300}, r"shape of .*\(338, 96\), expected \(300, 96\)"),
        ("chat", {"hidden_size": "wide"}, "cannot be read"),
        ("chat", {"num_attention_heads": 0}, "cannot be read"),
        ("chat", {"tie_word_embeddings": False}, r"missing: lm_head\.weight"),
        (
            "chat",
            {"hidden_size": 96 * 10**6},
            "is of a network of .* numbers, and",
        ),
        ("chat", {"vocab_size": 10**9}, "is of a network of .* numbers, and"),
        ("sam", {"model_type": "sam_hq"}, "it is a sam_hq, expected a sam"),
        ("chat", {"model_type": "nothing_known"}, "nothing_known"),
        ("ram_plus", {"depths": []}, r"has depths: \[\], expected sizes"),
        ("ram_plus", {"embed_dim": -4}, "has embed_dim: -4, expected sizes"),
        ("ram_plus", {"num_tags": 4.5}, r"has num_tags: 4\.5, expected sizes"),
        ("ram_plus", {"image_size": 100}, "is not a multiple of"),
        ("ram_plus", {"num_tags": 10**9}, "shape of label_embed"),
    ],
)
def test_configurations_that_are_not_the_weights(
    kind: str, values: dict[str, Any], says: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals[kind], tmp_path / kind)
    configured(folder, **values)
    message = refused(kind, folder)
    assert re.search(says, message), message


def test_what_a_file_holds_beside_the_network_does_no_harm(
    originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals["sam"], tmp_path / "sam")
    more = {"classifier.weight": torch.ones(2, 3), "embeddings.position_ids": torch.arange(3)}
    changed(lambda tensors: {**tensors, **more})(folder / WEIGHTS)
    COMPONENTS["sam"](folder)


def test_code_that_comes_along_is_not_run(originals: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(originals["chat"], tmp_path / "chat")
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    file = folder / "config.json"
    parsed = json.loads(file.read_text())
    maps = dict.fromkeys(("AutoConfig", "AutoModelForCausalLM"), "own.Own")
    file.write_text(json.dumps({**parsed, "model_type": "own", "auto_map": maps}))
    assert "a program of its own, which is not run" in refused("chat", folder)
    file.write_text(json.dumps({**parsed, "auto_map": maps}))  # one that transformers has, too
    COMPONENTS["chat"](folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", ["attn_implementation", "vision_config._attn_implementation"])
def test_kernels_of_the_hub_are_not_fetched(
    path: str, originals: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(originals["sam"], tmp_path / "sam")
    configured(folder, **{path: "somebody/kernel"})
    told = refused("sam", folder)
    assert "asks for a program of the hub (somebody/kernel), which is not run" in told


@pytest.mark.parametrize(
    ("checkpoint", "says"),
    [
        ("no/such/folder", "no such file or folder"),
        ("./nowhere", "no such file or folder"),
        ("", "that is no name"),
        ("a b", "no such file or folder"),
        ("nowhere/model.safetensors", "is not on this machine, and HF_HUB_OFFLINE forbids"),
        ("tiny:sam2", "it has blip2, chat, clip, grounding_dino, ram_plus, sam, sam3"),
        ("somebody/network", "is not on this machine, and HF_HUB_OFFLINE forbids"),
    ],
)
@pytest.mark.parametrize("kind", ["sam", "ram_plus", "chat", "clip"])
def test_what_is_not_here(kind: str, checkpoint: str, says: str) -> None:
    component: Any = COMPONENTS[kind]
    with pytest.raises(CheckpointNotFound, match=says) as caught:
        component(checkpoint)
    assert f"'{checkpoint}'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_place_of_its_folder(originals: dict[str, Path]) -> None:
    component: Any = COMPONENTS["sam"]
    with pytest.raises(CheckpointNotFound, match="give the folder that it lies in"):
        component(originals["sam"] / WEIGHTS)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory: 9 bytes")])
def test_what_does_not_fit_into_memory_is_not_called_damaged(error: Exception) -> None:
    class Kind(PreTrainedModel):
        @classmethod
        def from_pretrained(cls, *_: Any, **__: Any) -> Any:
            raise error

    Kind.config_class = SamConfig
    with pytest.raises(ZerosegError, match="Part cannot use 'tiny:sam': the memory is not") as told:
        load_pretrained(Kind, "tiny:sam", "Part")
    assert not isinstance(told.value, CheckpointError)


def test_a_package_that_is_missing_is_not_called_damage() -> None:
    class Kind(PreTrainedModel):
        @classmethod
        def from_pretrained(cls, *_: Any, **__: Any) -> Any:
            raise ImportError("This needs sentencepiece.\nInstall it.")

    Kind.config_class = SamConfig
    with pytest.raises(ZerosegError, match=r"a package is missing \(This needs sentencepiece\.\)"):
        load_pretrained(Kind, "tiny:sam", "Part")


def test_no_report_is_printed_beside_the_error(
    originals: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(originals["sam"], tmp_path / "sam")
    changed(lambda tensors: {})(folder / WEIGHTS)
    refused("sam", folder)
    out, err = capfd.readouterr()
    assert "MISSING" not in out + err
