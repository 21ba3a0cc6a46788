"""Files of weights as authors publish them: read without running anything, filled in strictly."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroseg.errors import CheckpointError, CheckpointNotFound

SUFFIXES = (".pth", ".pt")
"""How the names of published files end."""


def is_published(checkpoint: str | Path) -> bool:
    """Whether a checkpoint names a file of weights and not a hub name or a folder."""
    return Path(checkpoint).suffix in SUFFIXES


def read_weights(file: str | Path, component: str) -> dict[str, Tensor]:
    """The tensors of a file that `torch.save` made, by their published keys, on the CPU.

    What authors leave around them is taken off: a dictionary with the tensors under "model", and
    "module." in front of every key.

    Args:
        file: Its name does not matter.
        component: Name of the class that asks, for the message.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It is damaged, or holds anything but tensors by name.
    """
    if not Path(file).is_file():
        raise CheckpointNotFound(str(file), component)
    if not zipfile.is_zipfile(file):
        raise CheckpointError(f"{file} is damaged, or no checkpoint of torch.save: fetch it again")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, LookupError, EOFError) as error:
        raise CheckpointError(
            f"{file} is damaged, or holds more than tensors: fetch it again"
        ) from error
    if isinstance(content, dict):
        content = content.get("model", content)
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{file} does not hold tensors by name, alone or under 'model'")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def load_strictly(
    kind: Any, config: Any, weights: Mapping[str, Tensor], origins: Mapping[str, str]
) -> Any:
    """A model of transformers with exactly these weights.

    Args:
        kind: The model's class.
        config: Its configuration.
        weights: By the names under which checkpoints of `kind` lie on the hub. Unlike the names of
            parameters, these stay the same from one version of transformers to the next.
        origins: The published keys of these names, for the message.

    Returns:
        The model in float32 on the CPU, in evaluation mode.

    Raises:
        CheckpointError: A parameter has no weight, a weight no parameter, or shapes differ.
    """
    model, report = kind.from_pretrained(
        None,
        config=config,
        state_dict=dict(weights),
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    problems = [f"missing: {name} of {kind.__name__}" for name in report["missing_keys"]]
    problems += [f"unexpected: {origins.get(name, name)}" for name in report["unexpected_keys"]]
    problems += [
        f"shape of {origins.get(name, name)}: {tuple(found)}, expected {tuple(expected)}"
        for name, found, expected in report["mismatched_keys"]
    ]
    if problems:
        raise CheckpointError("the weights do not fit:\n  " + "\n  ".join(sorted(problems)))
    return model.eval()
