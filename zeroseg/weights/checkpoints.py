"""Where weights come from: the hub, a folder, or the package itself."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants
from transformers import AutoConfig, PreTrainedModel
from transformers.utils.logging import set_tqdm_hook

from zeroseg.errors import CheckpointError, CheckpointNotFound, ZerosegError
from zeroseg.weights.checkpoint_files import (
    OTHER,
    folder_of,
    require_config,
    require_kind,
    require_proportion,
    require_whole,
    require_words,
)
from zeroseg.weights.damage import damages, first_line
from zeroseg.weights.fit import require_fit, require_numbers
from zeroseg.weights.hub import (
    causes,
    is_about_hub,
    is_hub_name,
    page,
    refusal,
    snapshot,
    trouble,
)

_PACKAGED = "tiny:"
_LACKING = (
    (re.compile("file named pytorch_model.bin"), "model.safetensors"),
    (re.compile(r"files? named ([^\s,]*\w)"), r"\1"),
    (re.compile("Can't load image processor"), "preprocessor_config.json"),
    (re.compile("Can't load (feature extractor|processor)"), "processor_config.json"),
    (re.compile("(Can't load|backend) tokenizer"), "tokenizer.json"),
)
"""What transformers says when a file is not there, and which one that is."""
_TALKATIVE = ("modeling_utils", "configuration_utils")
"""Where transformers tells what it finds odd about a checkpoint."""
_CONSTANTS = ("criterion.", "num_batches_tracked")
"""What is in the names of tensors that only training needs."""


def locate(checkpoint: str | Path) -> str:
    """The folder or hub name behind a checkpoint's name.

    Args:
        checkpoint: A hub name, a folder, or "tiny:<model>" for a member of the tiny family that
            is part of the package.
    """
    name = str(checkpoint)
    if is_packaged(name):
        return str(resources.files("zeroseg.drawn") / "tiny" / name.removeprefix(_PACKAGED))
    return name


def is_packaged(checkpoint: str | Path) -> bool:
    """Whether a checkpoint is of the tiny family that comes with the package."""
    return str(checkpoint).startswith(_PACKAGED)


def load_pretrained(
    kind: Any,
    checkpoint: str | Path,
    component: str,
    *,
    argument: str = "checkpoint",
    **options: Any,
) -> Any:
    """`kind.from_pretrained`, where a network is complete or not loaded at all.

    Nothing in a checkpoint is executed: code that comes with it is not asked for.

    Args:
        kind: A class of transformers with `from_pretrained`.
        checkpoint: See `locate`.
        component: Name of the class that asks, for the message.
        argument: The class's argument that names the checkpoint, for the message.
        options: Passed on to `from_pretrained`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: It is damaged, incomplete, or of another network.
        ZerosegError: A package or memory is missing for it.
    """
    place = locate(checkpoint)
    try:
        with _unreported():
            return _load(kind, place, options)
    except CheckpointError as error:
        raise CheckpointError(f"{component} cannot use '{checkpoint}': {error}") from error
    except Exception as error:  # the files decide what is raised while they are read
        raise explained(error, checkpoint, component, argument) from error


def explained(
    error: Exception, checkpoint: str | Path, component: str, argument: str = "checkpoint"
) -> ZerosegError:
    """What went wrong with a checkpoint, in a sentence that says what to do.

    Args:
        error: What was raised when it was looked for or read.
        checkpoint: See `locate`.
        component: Name of the class that asked.
        argument: The class's argument that names the checkpoint.
    """
    place = Path(locate(checkpoint))
    named = f"{component} cannot use '{checkpoint}'"
    if reason := _absent(place, checkpoint, error):
        return CheckpointNotFound(str(checkpoint), component, reason, argument)
    for cause in causes(error):
        full = isinstance(cause, (MemoryError, torch.OutOfMemoryError))
        if full or "allocate memory" in str(cause):
            return ZerosegError(f"{named}: the memory is not enough ({first_line(cause)})")
        if isinstance(cause, ImportError):
            return ZerosegError(f"{named}: a package is missing ({first_line(cause)})")
    folder = folder_of(str(place))
    if folder and (found := next(damages(folder), None)):
        return CheckpointError(f"{named}: {found}")
    if "custom code" in str(error):
        return CheckpointError(
            f"{named}: it comes with a program of its own, which is not run: choose a checkpoint "
            f"of a network that transformers knows"
        )
    if file := _lacking(error):
        where = folder if place.is_dir() else page(str(checkpoint))
        return CheckpointError(f"{named}: {where} has no {file}: {OTHER}")
    return CheckpointError(
        f"{named}: it cannot be read ({type(error).__name__}: {first_line(error)}); fetch it again"
    )


def _absent(place: Path, checkpoint: str | Path, error: Exception) -> str | None:
    """Why a checkpoint is not here; None if it is."""
    name = str(checkpoint)
    if not name.strip():
        return "that is no name: give a hub name or a folder"
    at_hub = any(map(is_about_hub, causes(error)))
    if place.is_dir():
        return f"it takes a file from elsewhere: {refusal(page(name), error)}" if at_hub else None
    if name.startswith(_PACKAGED):
        have = ", ".join(sorted(folder.name for folder in place.parent.iterdir()))
        return f"the package has no such model; it has {have}"
    if place.is_file():
        return "that is a file: give the folder that it lies in"
    if not is_hub_name(name):
        return "there is no such file or folder"
    unfetched = snapshot(name) is None or (constants.is_offline_mode() and _lacking(error))
    if unfetched or at_hub:
        return refusal(page(name), error)
    return trouble(page(name), error)


def _lacking(error: Exception) -> str | None:
    """The file that transformers misses, if it says so."""
    for pattern, file in _LACKING:
        if said := pattern.search(str(error)):
            return said.expand(file)
    return None


def _load(kind: Any, place: str, options: Mapping[str, Any]) -> Any:
    if issubclass(kind, AutoConfig):
        require_config(place)
        return kind.from_pretrained(place, trust_remote_code=False, **options)
    if not _is_network(kind):
        part = kind.from_pretrained(place, trust_remote_code=False, **options)
        require_whole(place)
        require_words(getattr(part, "tokenizer", part), place)
        return part
    require_kind(kind, require_config(place))
    require_proportion(kind, place)
    model, report = kind.from_pretrained(
        place,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        **options,
    )
    constant = {name for name, buffer in model.named_buffers() if not buffer.is_floating_point()}
    missing = [
        name
        for name in report["missing_keys"]
        if name not in constant and not any(part in name for part in _CONSTANTS)
    ]
    more = _more_of_the_same(report["unexpected_keys"], model)
    require_whole(place)
    require_fit(missing, more, report["mismatched_keys"])
    require_numbers(_numbers(model))
    return model


def _numbers(model: PreTrainedModel) -> Iterator[tuple[str, torch.Tensor]]:
    """A network's parameters, and what those in 8 bits are multiplied with."""
    for name, parameter in model.named_parameters():
        yield name, parameter
        if (scale := getattr(parameter, "SCB", None)) is not None:
            yield name, scale


def _is_network(kind: Any) -> bool:
    return hasattr(kind, "_model_mapping") or issubclass(kind, PreTrainedModel)


def _more_of_the_same(unexpected: set[str], model: PreTrainedModel) -> list[str]:
    """Tensors of further layers, which the network lacks: its configuration is not theirs.

    What else a file may hold, such as a head for another task, does no harm.
    """
    known = {_numberless(name) for name in model.state_dict()}
    return [name for name in unexpected if _numberless(name) in known]


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "#", name)


@contextmanager
def _unreported() -> Iterator[None]:
    """Keep transformers from printing bars, and what it thinks does not fit: an error says it.

    Bars of what is fetched are the hub's, and stay.
    """
    loggers = [logging.getLogger(f"transformers.{name}") for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(_is_error)
    hook = set_tqdm_hook(lambda bar, given, named: bar(*given, **{**named, "disable": True}))
    try:
        yield
    finally:
        set_tqdm_hook(hook)
        for logger in loggers:
            logger.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
