"""What has to lie beside a checkpoint's weights, and say something, for a network to be theirs.

Where a file is missing or empty, transformers makes a network, sizes or a tokenizer of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedConfig
from transformers.initialization import no_init_weights
from transformers.models.auto.modeling_auto import MODEL_FOR_MASK_GENERATION_MAPPING_NAMES

from zeroseg.errors import CheckpointError
from zeroseg.weights.damage import damage, damages, remedy
from zeroseg.weights.hub import snapshot

OTHER = "fetch it again, or choose a checkpoint of this kind of network"
"""What to do about a checkpoint that lacks something."""
_CONFIG = "config.json"
_READ_LENIENTLY = (
    "generation_config.json",
    "preprocessor_config.json",
    "chat_template.jinja",
    "vocab.txt",
    "merges.txt",
)
_WEIGHTS = (".safetensors", ".bin")
_PARTS = MODEL_FOR_MASK_GENERATION_MAPPING_NAMES
"""For a kind of checkpoint, the class that makes masks of it."""
_SMALL = 10**8
"""As many numbers as may be missing until weights are read."""
_KERNEL = re.compile(r'_implementation": "([^"]*/[^"]*)"')
_VOCABULARY = 0.9
"""The smallest share of a network's vocabulary that its tokenizer has to know."""


def folder_of(place: str) -> Path | None:
    """Where the files of a folder or a hub name lie on this machine."""
    return Path(place) if Path(place).is_dir() else snapshot(place)


def require_config(place: str) -> Mapping[str, Any]:
    """The configuration of a network in a folder or at the hub.

    Raises:
        CheckpointError: There is none, it does not say what network it is of, or it asks for a
            program to be fetched and run.
    """
    content: Mapping[str, Any]
    content, _ = PreTrainedConfig.get_config_dict(place)
    if not content and not (Path(place) / _CONFIG).is_file():
        raise CheckpointError(f"{place} has no {_CONFIG}: {OTHER}")
    if "model_type" not in content:
        raise CheckpointError(
            f"its {_CONFIG} does not say what kind of network it is (model_type): {OTHER}"
        )
    if kernel := _KERNEL.search(json.dumps(content)):
        raise CheckpointError(
            f"its {_CONFIG} asks for a program of the hub ({kernel[1]}), which is not run: take "
            f"that entry out, or choose another checkpoint"
        )
    return content


def require_kind(kind: Any, content: Mapping[str, Any]) -> None:
    """See that a configuration is of a network's kind; transformers would only warn.

    A network that is part of a larger one is taken out of that, where transformers does so: SAM 2
    and SAM 3 are published as parts of systems for videos.

    Raises:
        CheckpointError: It is another's.
    """
    found = content["model_type"]
    expected = getattr(getattr(kind, "config_class", None), "model_type", found)
    parts = [own.get("model_type") for own in content.values() if isinstance(own, Mapping)]
    if expected not in (found, *parts) and _PARTS.get(found) != kind.__name__:
        raise CheckpointError(
            f"it is a {found}, expected a {expected}: choose a checkpoint of that kind"
        )


def require_proportion(kind: Any, place: str) -> None:
    """See that weights in a folder can be a network's, before memory is taken for what is not.

    Raises:
        CheckpointError: The configuration is of a network that is larger by far, or the weights are
            not all there.
    """
    folder = Path(place)
    if not folder.is_dir():  # the hub may have the rest
        return
    config = getattr(kind, "config_class", AutoConfig).from_pretrained(place)
    if getattr(config, "quantization_config", None):
        return
    with torch.device("meta"), no_init_weights():
        network = (
            kind._from_config(config)
            if hasattr(kind, "_from_config")
            else kind.from_config(config, trust_remote_code=False)
        )
    numbers = sum(parameter.numel() for parameter in network.parameters())
    size = sum(file.stat().st_size for file in folder.iterdir() if file.suffix in _WEIGHTS)
    if 0 < size < numbers - _SMALL:
        raise CheckpointError(
            next(damages(folder), None)
            or f"its {_CONFIG} is of a network of {numbers:,} numbers, and the weights have "
            f"{size:,} bytes: {OTHER}"
        )


def require_whole(place: str) -> None:
    """See that no file is damaged that transformers would do without, or read as it is.

    Raises:
        CheckpointError: One is.
    """
    folder = folder_of(place)
    files = [folder / name for name in _READ_LENIENTLY] if folder else []
    for file in files:
        if file.is_file() and (problem := damage(file)):
            raise CheckpointError(f"{file.name} {problem}: {remedy(file)}")


def require_words(tokenizer: Any, place: str) -> None:
    """See that a tokenizer knows the words of the network beside it.

    Raises:
        CheckpointError: It lacks many, or knows none.
    """
    if not hasattr(tokenizer, "get_vocab"):
        return
    words, expected = len(tokenizer), _vocabulary(place)
    if words <= len(tokenizer.all_special_tokens) or words < _VOCABULARY * expected:
        raise CheckpointError(
            f"its tokenizer knows {words} words, and its network {expected or 'more'}: "
            f"tokenizer.json or the vocabulary is missing or cut short; fetch it again"
        )


def _vocabulary(place: str) -> int:
    """How many words the network of a checkpoint knows; 0 if nothing tells."""
    folder = folder_of(place)
    file = folder / _CONFIG if folder else None
    if file is None or not file.is_file() or damage(file):
        return 0
    content = json.loads(file.read_text(encoding="utf-8"))
    sizes = [part.get("vocab_size") for part in (content, content.get("text_config") or {})]
    return next((size for size in sizes if isinstance(size, int)), 0)
