"""Files of checkpoints that cannot be read: what is wrong with each, in a sentence."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants
from safetensors import safe_open

from zeroseg.errors import CheckpointError, ImageError
from zeroseg.regular_file import below

_HEAD = 1024
_WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*(<!--|<!doctype|<html|<head|<body|<\?xml|<error)", re.I)
_FORBIDDEN = re.compile(r"GLOBAL (\S+)")
_MAY_BE_EMPTY = (
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_LENGTH = 8
"""Bytes at the beginning of a safetensors file that hold the length of its header."""


def damage(file: Path) -> str | None:
    """What is wrong with a file, such as "is empty"; None if nothing shows.

    Args:
        file: Weights, a configuration, or what comes with them; told apart by the ending.
    """
    if file.exists() and not file.is_file():
        return "cannot be read: it is no file"
    try:
        with file.open("rb") as content:
            head = content.read(_HEAD)
        check = _CHECKS.get(file.suffix)
        return _not_the_file(head) or (check(file, head) if check else None)
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def damages(folder: Path) -> Iterator[str]:
    """The damaged files of a checkpoint's folder, each in a sentence that says what to do."""
    for file in sorted(folder.iterdir()):
        if file.suffix in _CHECKS and (problem := damage(file)):
            yield f"{file.name} {problem}: {remedy(file)}"


def remedy(file: Path) -> str:
    """What to do about a damaged file."""
    kept = file.resolve()
    if Path(constants.HF_HUB_CACHE).resolve() in kept.parents:
        return f"delete {kept} and fetch it again"
    return "fetch it again"


def load_tensors(file: Path, mapped: bool = False) -> Any:
    """What `torch.save` wrote to a file, on the CPU; nothing in it is executed.

    Args:
        file: Its name does not matter.
        mapped: Leave the tensors in the file, where its format allows, until they are used.

    Raises:
        CheckpointError: It is damaged, or holds more than tensors and plain values.
    """
    with file.open("rb") as content:
        problem = _not_the_file(head := content.read(_HEAD))
    if problem is None:
        try:
            archive = zipfile.is_zipfile(file)
            return torch.load(file, "cpu", weights_only=True, mmap=mapped and archive)
        except MemoryError:
            raise
        except Exception as error:  # the file decides what is raised while it is read
            raise CheckpointError(f"it {_why(file, head, error)}: {remedy(file)}") from error
    raise CheckpointError(f"it {problem}: {remedy(file)}")


def _not_the_file(head: bytes) -> str | None:
    """What a file is instead, by its first bytes."""
    if not head:
        return "is empty"
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the file itself (`git lfs pull` brings that)"
    if _WEB_PAGE.match(head):
        return "is a page of a web server, not the file itself"
    if not head.strip(b"\0"):
        return "holds zeros where its content should begin"
    return None


def _json(file: Path, head: bytes) -> str | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        return f"is damaged: it is not JSON ({error})"
    expected = dict if file.name.endswith(("config.json", "tokenizer.json")) else (dict, list)
    if not isinstance(content, expected):
        return f"is damaged: it holds a {type(content).__name__}, expected an object"
    if not content and file.name not in _MAY_BE_EMPTY:
        return "is damaged: it says nothing"
    if file.name.endswith(".index.json"):
        return _index(file, content)
    return None


def _index(file: Path, content: Any) -> str | None:
    """What is wrong with the list of the files that weights are spread over."""
    named = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(named, dict) or not named:
        return "is damaged: it names no files"
    names = map(str, named.values())
    try:
        absent = [name for name in names if not below(file.parent, name).is_file()]
    except ImageError as error:
        return f"is damaged: {error}"
    return f"names {absent[0]}, which is not there" if absent else None


def _safetensors(file: Path, head: bytes) -> str | None:
    try:
        with safe_open(file, framework="pt"):
            return None
    except Exception as error:  # the library's own errors are several and not all public
        size, length = file.stat().st_size, int.from_bytes(head[:_LENGTH], "little")
        if zipfile.is_zipfile(file):
            return "is a file of torch.save under another name"
        if head[:1] in b"{[":
            return f"is text, not weights ({head[:60].decode('utf-8', 'replace')!r})"
        ends = _end_of_tensors(file, length) if length <= size - _LENGTH else None
        if ends is not None and ends > size:
            return f"is cut short: it has {size} of {ends} bytes"
        return f"is damaged or cut short ({error})"


def _end_of_tensors(file: Path, length: int) -> int | None:
    """Where the file should end by its header; None if that cannot be read."""
    with file.open("rb") as content:
        content.seek(_LENGTH)
        header = content.read(length)
    try:
        tensors = [value for name, value in json.loads(header).items() if name != "__metadata__"]
        return _LENGTH + length + max(int(tensor["data_offsets"][1]) for tensor in tensors)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None


def _saved(file: Path, head: bytes) -> str | None:
    try:
        torch.load(file, "meta", weights_only=True)
    except Exception as error:  # the file decides what is raised while it is read
        return _why(file, head, error)
    return None


def _why(file: Path, head: bytes, error: Exception) -> str:
    """Why `torch.load` did not read a file."""
    if forbidden := _FORBIDDEN.search(str(error)):
        return (
            f"holds more than tensors ({forbidden[1]}), which would be a program to run, and is "
            f"not read"
        )
    if "TorchScript" in str(error):
        return "is a program (TorchScript), not a file of weights, and is not read"
    names = _names_in_archive(file)
    if names and not any(name.endswith("data.pkl") for name in names):
        return "is an archive, but no checkpoint of torch.save"
    if names is None and head.startswith(b"PK"):
        return "is damaged or cut short"
    return f"is damaged, or no checkpoint of torch.save ({first_line(error)})"


def _names_in_archive(file: Path) -> list[str] | None:
    """What an archive holds; None where that cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


def first_line(error: BaseException) -> str:
    """What an error says, without what follows its first line; its kind if it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


_CHECKS: dict[str, Callable[[Path, bytes], str | None]] = {
    ".safetensors": _safetensors,
    ".json": _json,
    ".bin": _saved,
    ".pth": _saved,
    ".pt": _saved,
    **dict.fromkeys((".txt", ".jinja", ".model"), lambda file, head: None),
}
