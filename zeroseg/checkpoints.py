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
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from zeroseg.damage import damage, damages, first_line, remedy
from zeroseg.errors import CheckpointError, CheckpointNotFound, ZerosegError
from zeroseg.fit import require_fit, require_numbers
from zeroseg.hub import (
    causes,
    is_about_hub,
    is_hub_name,
    page,
    refusal,
    snapshot,
    trouble,
)

_PACKAGED = "tiny:"
_CONFIG = "config.json"
_OTHER = "fetch it again, or choose a checkpoint of this kind of network"
_LACKING = (
    (re.compile("file named pytorch_model.bin"), "model.safetensors"),
    (re.compile(r"files? named ([^\s,]*\w)"), r"\1"),
    (re.compile("Can't load image processor"), "preprocessor_config.json"),
    (re.compile("Can't load (feature extractor|processor)"), "processor_config.json"),
    (re.compile("(Can't load|backend) tokenizer"), "tokenizer.json"),
)
"""What transformers says when a file is not there, and which one that is."""
_CONSTANTS = ("criterion.", "num_batches_tracked")
"""What is in the names of tensors that only training needs."""
_VOCABULARY = 0.9
"""The smallest share of a network's vocabulary that its tokenizer has to know."""


def locate(checkpoint: str | Path) -> str:
    """The folder or hub name behind a checkpoint's name.

    Args:
        checkpoint: A hub name, a folder, or "tiny:<model>" for a member of the tiny family that
            is part of the package.
    """
    name = str(checkpoint)
    if name.startswith(_PACKAGED):
        return str(resources.files("zeroseg.drawn") / "tiny" / name.removeprefix(_PACKAGED))
    return name


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
    folder = place if place.is_dir() else snapshot(str(checkpoint))
    if folder and (found := next(damages(folder), None)):
        return CheckpointError(f"{named}: {found}")
    if "custom code" in str(error):
        return CheckpointError(
            f"{named}: it comes with a program of its own, which is not run: choose a checkpoint "
            f"of a network that transformers knows"
        )
    if file := _lacking(error):
        where = folder if place.is_dir() else page(str(checkpoint))
        return CheckpointError(f"{named}: {where} has no {file}: {_OTHER}")
    return CheckpointError(
        f"{named}: it cannot be read ({type(error).__name__}: {first_line(error)}); fetch it again"
    )


def _absent(place: Path, checkpoint: str | Path, error: Exception) -> str | None:
    """Why a checkpoint is not here; None if it is."""
    name = str(checkpoint)
    if not name.strip():
        return "that is no name: give a hub name or a folder"
    if place.is_dir():
        return None
    if name.startswith(_PACKAGED):
        have = ", ".join(sorted(folder.name for folder in place.parent.iterdir()))
        return f"the package has no such model; it has {have}"
    if place.is_file():
        return "that is a file: give the folder that it lies in"
    if not is_hub_name(name):
        return "there is no such file or folder"
    unfetched = snapshot(name) is None or (constants.is_offline_mode() and _lacking(error))
    if unfetched or any(map(is_about_hub, causes(error))):
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
        _require_config(place)
        return kind.from_pretrained(place, trust_remote_code=False, **options)
    if not _is_network(kind):
        part = kind.from_pretrained(place, trust_remote_code=False, **options)
        _require_sizes(place)
        _require_words(getattr(part, "tokenizer", part), place)
        return part
    _require_kind(kind, _require_config(place))
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
    require_fit(missing, more, report["mismatched_keys"])
    require_numbers(model.named_parameters())
    return model


def _is_network(kind: Any) -> bool:
    return hasattr(kind, "_model_mapping") or issubclass(kind, PreTrainedModel)


def _require_config(place: str) -> Mapping[str, Any]:
    """The configuration of a network; from an empty one transformers would build one of its own."""
    content: Mapping[str, Any]
    content, _ = PreTrainedConfig.get_config_dict(place)
    if not content and not (Path(place) / _CONFIG).is_file():
        raise CheckpointError(f"{place} has no {_CONFIG}: {_OTHER}")
    if "model_type" not in content:
        raise CheckpointError(
            f"its {_CONFIG} does not say what kind of network it is (model_type): {_OTHER}"
        )
    return content


def _require_sizes(place: str) -> None:
    """See that what prepares pictures is told how; transformers would take sizes of its own."""
    folder = Path(place) if Path(place).is_dir() else snapshot(place)
    file = folder / "preprocessor_config.json" if folder else None
    if file and file.is_file() and (problem := damage(file)):
        raise CheckpointError(f"{file.name} {problem}: {remedy(file)}")


def _require_kind(kind: Any, content: Mapping[str, Any]) -> None:
    """See that a checkpoint is of a network's kind: transformers would only warn."""
    found = content["model_type"]
    expected = getattr(getattr(kind, "config_class", None), "model_type", found)
    if found != expected:
        raise CheckpointError(
            f"it is a {found}, expected a {expected}: choose a checkpoint of that kind"
        )


def _more_of_the_same(unexpected: set[str], model: PreTrainedModel) -> list[str]:
    """Tensors of further layers, which the network lacks: its configuration is not theirs.

    What else a file may hold, such as a head for another task, does no harm.
    """
    known = {_numberless(name) for name in model.state_dict()}
    return [name for name in unexpected if _numberless(name) in known]


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _require_words(tokenizer: Any, place: str) -> None:
    """See that a tokenizer knows the words of the network beside it; some are made from nothing."""
    if not hasattr(tokenizer, "get_vocab"):
        return
    words = len(tokenizer)
    content, _ = PreTrainedConfig.get_config_dict(place)
    sizes = [part.get("vocab_size") for part in (content, content.get("text_config") or {})]
    expected = next((size for size in sizes if isinstance(size, int)), 0)
    if words <= len(tokenizer.all_special_tokens) or words < _VOCABULARY * expected:
        raise CheckpointError(
            f"its tokenizer knows {words} words, and its network {expected or 'more'}: "
            f"tokenizer.json or the vocabulary is missing or cut short; fetch it again"
        )


@contextmanager
def _unreported() -> Iterator[None]:
    """Keep transformers' own table of what did not fit from being printed: an error says it."""
    logger = logging.getLogger("transformers.modeling_utils")
    logger.addFilter(_is_error)
    try:
        yield
    finally:
        logger.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
