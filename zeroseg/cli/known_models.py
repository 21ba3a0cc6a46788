"""What there is to choose from: presets and checkpoints, with what is known of each.

Nothing is asked of the hub. What is told stands in `zeroseg/preflight/checkpoints.yaml`, in
`zeroseg/evaluation/contamination.yaml`, and in the files of what is here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zeroseg.errors import PresetError
from zeroseg.evaluation.contamination import trained_on
from zeroseg.preflight import weights_of
from zeroseg.preflight.components import places
from zeroseg.preflight.held import Held, count, held, memory, size
from zeroseg.preflight.known import known, known_names
from zeroseg.preflight.language import asked
from zeroseg.preflight.licences import licence_here
from zeroseg.preflight.policies import permits
from zeroseg.preflight.wanted import Wanted, wanted_here
from zeroseg.presets import load_model, preset_names
from zeroseg.weights.needs import Checkpoint


@dataclass(frozen=True)
class CheckpointRow:
    """What is known of a checkpoint; None for what is not.

    Attributes:
        checkpoint: Its name.
        parameters: In the network; 0 where it holds none.
        bytes: Of the files that are read.
        memory: Bytes of its weights on a GPU, as the component loads them that takes it.
        licence: By its card.
        gated: Whether that has to be accepted on the hub first.
        trained_on: Sets that it was trained on; empty where that is not known.
        presets: Those that take it.
        source: Where licence and sizes were read.
    """

    checkpoint: str
    parameters: int | None
    bytes: int | None
    memory: int | None
    licence: str | None
    gated: bool | None
    trained_on: tuple[str, ...]
    presets: tuple[str, ...]
    source: str | None


@dataclass(frozen=True)
class ModelRow:
    """What is known of a preset, or of a file of one's own.

    Attributes:
        model: Its name, or the file's path.
        checkpoints: What it takes.
        parameters: In all of its networks; None where one is not known.
        bytes: Of all files that are read, likewise.
        memory: Bytes of weights on a GPU at once, likewise.
        licences: Of its checkpoints, each once; None among them for one that is not known.
        gated: Whether one of them has to be accepted on the hub first.
        asks_language_model: Whether it asks a language model that a server answers for.
    """

    model: str
    checkpoints: tuple[str, ...]
    parameters: int | None
    bytes: int | None
    memory: int | None
    licences: tuple[str | None, ...]
    gated: bool
    asks_language_model: bool


Row = ModelRow | CheckpointRow


def rows(names: Sequence[str]) -> list[Row]:
    """Presets, then checkpoints.

    Args:
        names: Presets, which bring their checkpoints along, checkpoints, or files of one's own;
            empty for all there is.

    Raises:
        PresetError: There is nothing of such a name.
    """
    presets = {name: _wanted(name) for name in preset_names()}
    chosen = {name: presets.get(name) for name in names or (*presets, *known_names())}
    models: list[Row] = []
    parts: dict[str, Held] = {}
    for name, wanted in chosen.items():
        if wanted is None and name in known_names():
            parts.setdefault(name, _used(name, presets.values()))
            continue
        wanted = wanted if wanted is not None else _wanted(name)
        models.append(_model(name, wanted))
        for each in wanted:
            parts.setdefault(each.held.checkpoint.name, each.held)
    return [*models, *(_checkpoint(found, presets) for found in parts.values())]


def licences_of(row: Row) -> tuple[str | None, ...]:
    """The licences of a row."""
    return row.licences if isinstance(row, ModelRow) else (row.licence,)


def passes(row: Row, policy: str) -> bool:
    """Whether all of a row is under licences that a policy allows."""
    return all(permits(policy, licence) for licence in licences_of(row))


def _wanted(model: str) -> list[Wanted]:
    try:
        return wanted_here(list(places(load_model(model))))
    except PresetError as error:
        near = difflib.get_close_matches(model, known_names(), n=1)
        meant = f", or the checkpoint {near[0]}" if near else ""
        raise PresetError(f"{error}{meant}; `zeroseg models` lists all there is") from error


def _used(name: str, systems: Iterable[list[Wanted]]) -> Held:
    """A checkpoint as a preset takes it; by itself, as its components load it by default."""
    taken = (each.held for system in systems for each in system)
    alone = Checkpoint(name, dtype=known(name).dtype)
    return next((one for one in taken if one.checkpoint.name == name), None) or held(alone)


def _model(name: str, wanted: Sequence[Wanted]) -> ModelRow:
    networks = {each.held.checkpoint.name: each.held for each in wanted}.values()
    stays, visit, _ = weights_of(wanted, accelerated=True)
    told = None not in [memory(each.held, accelerated=True) for each in wanted]
    licences = [_licence(found) for found in networks]
    return ModelRow(
        name,
        tuple(found.checkpoint.name for found in networks),
        _sum(count(found) if _is_network(found) else 0 for found in networks),
        _sum(size(found) for found in networks),
        stays + visit if told else None,
        tuple(dict.fromkeys(licences)),
        any(known(found.checkpoint.name).gated for found in networks),
        bool(asked(load_model(name))),
    )


def _checkpoint(found: Held, presets: dict[str, list[Wanted]]) -> CheckpointRow:
    name = found.checkpoint.name
    users = [
        preset
        for preset, system in presets.items()
        if any(each.held.checkpoint.name == name for each in system)
    ]
    told = known(name)
    return CheckpointRow(
        name,
        count(found) if _is_network(found) else 0,
        size(found),
        memory(found, accelerated=True),
        _licence(found),
        told.gated,
        tuple(trained_on(name)),
        tuple(users),
        told.source,
    )


def _licence(found: Held) -> str | None:
    said = licence_here(found)
    return None if said is None else said[1]


def _is_network(found: Held) -> bool:
    checkpoint = found.checkpoint
    return checkpoint.holds == "model" and bool(checkpoint.files or "network" in checkpoint.parts)


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Their sum; None where one is not known."""
    found = list(numbers)
    return None if None in found else sum(number or 0 for number in found)
