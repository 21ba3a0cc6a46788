"""Files of weights as authors publish them: read without running anything, filled in strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.weights.damage import load_tensors
from zeroseg.weights.fit import require_fit, require_numbers

SUFFIXES = (".pth", ".pt")
"""How the names of published files end."""

_AROUND = ("model", "state_dict")
"""Under which names authors put their tensors where the file holds more."""


def is_authors_file(checkpoint: str | Path) -> bool:
    """Whether a checkpoint names a file of weights and not a hub name or a folder."""
    return Path(checkpoint).suffix in SUFFIXES


def read_weights(file: str | Path, component: str, mapped: bool = False) -> dict[str, Tensor]:
    """The tensors of a file that `torch.save` made, by their published keys, on the CPU.

    What authors leave around them is taken off: a dictionary with the tensors under "model" or
    "state_dict" beside the optimizer's, and "module." in front of every key.

    Args:
        file: Its name does not matter.
        component: Name of the class that asks, for the message.
        mapped: Leave the tensors in the file, where its format allows, until they are used.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It is damaged, or holds anything but tensors by name.
    """
    if not Path(file).is_file():
        raise CheckpointNotFound(str(file), component, "there is no such file")
    with naming(file, component):
        weights = _by_name(load_tensors(Path(file), mapped))
        require_numbers(weights.items())
    return weights


def _by_name(content: Any) -> dict[str, Tensor]:
    """The tensors among what a file holds."""
    if isinstance(content, dict):
        content = next((content[name] for name in _AROUND if name in content), content)
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        names = " or ".join(map(repr, _AROUND))
        raise CheckpointError(f"it does not hold tensors by name, alone or under {names}")
    if not content:
        raise CheckpointError("it holds no tensors: fetch it again")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


@contextmanager
def naming(file: str | Path, component: str) -> Iterator[None]:
    """Let complaints about weights say which file they came from, and who asked for it."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{component} cannot use '{file}': {error}") from error


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
    require_fit(
        report["missing_keys"],
        [origins.get(name, name) for name in report["unexpected_keys"]],
        [(origins.get(name, name), *shapes) for name, *shapes in report["mismatched_keys"]],
    )
    return model.eval()
