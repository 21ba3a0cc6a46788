"""Before any work: is everything here that a configuration needs? Nothing is built or fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.errors import PresetError
from zeroseg.preflight.components import Place, installed, needs_of, places
from zeroseg.preflight.findings import Finding
from zeroseg.preflight.policies import check_policy
from zeroseg.preflight.sight import sights
from zeroseg.preflight.wanted import Wanted, wanted_of
from zeroseg.weights.needs import OwnFile, Package, SmallFile

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Examination:
    """What was found out about a configuration.

    Attributes:
        config: The configuration, with the name of every language model.
        findings: Everything that was looked for, in order.
        checkpoints: The checkpoints among it.
    """

    config: dict[str, Any]
    findings: tuple[Finding, ...]
    checkpoints: tuple[Wanted, ...]

    @property
    def problems(self) -> list[str]:
        """What keeps it from running; what is the same for several things is said once."""
        reasons: dict[str, list[str]] = {}
        for finding in self.findings:
            if finding.state == "problem":
                reasons.setdefault(finding.says, []).append(finding.subject)
        return [f"{'; '.join(subjects)}: {says}" for says, subjects in reasons.items()]

    @property
    def warnings(self) -> list[str]:
        """What may not go well."""
        return [str(finding) for finding in self.findings if finding.state == "warning"]

    @property
    def asked(self) -> list[str]:
        """The language models that are asked, and where."""
        found = [f for f in self.findings if (f.topic, f.state) == ("language model", "ok")]
        return list(dict.fromkeys(finding.says for finding in found))


def examine(
    config: Mapping[str, Any],
    device: torch.device | None = None,
    answers_kept: bool = False,
    licence: str | None = None,
) -> Examination:
    """Look for everything that a configuration needs.

    Args:
        config: Arguments of a segmenter, or some of them: values and class paths.
        device: Where it is to run; None where that is not known yet.
        answers_kept: Whether a language model's answers are kept from earlier runs: a server that
            is out of reach is then only a warning.
        licence: The policy that every checkpoint's licence has to meet, a name of
            `zeroseg.preflight.licences.POLICIES`; None for any licence.

    Raises:
        PresetError: There is no such policy.
    """
    from zeroseg.preflight.language import examined
    from zeroseg.preflight.licences import judged

    check_policy(licence)

    config, language = examined(config, answers_kept)
    found = list(places(config))
    wanted = wanted_of(found)
    findings = [
        *language,
        *_packages(found),
        *(_checkpoint(each) for each in wanted),
        *sights(found, wanted),
        *(judged(wanted, licence) if licence is not None else ()),
        *_small_files(found),
        *_own_files(found),
        *_room(wanted),
        *_memory(wanted, device),
    ]
    return Examination(config, tuple(findings), tuple(wanted))


def require(examination: Examination) -> dict[str, Any]:
    """The configuration of an examination that found no problem.

    Raises:
        PresetError: It found some; all are named, those with licences before all others.
    """
    from zeroseg.preflight.licences import refuse

    refuse(examination.findings)
    problems = examination.problems
    if problems:
        raise PresetError(
            "missing here:\n  "
            + "\n  ".join(problems)
            + "\n`zeroseg doctor --model ...` shows all that is needed; --model tiny needs nothing"
        )
    return examination.config


def _checkpoint(wanted: Wanted) -> Finding:
    from zeroseg.preflight.fetching import left
    from zeroseg.preflight.machine import gigabytes

    held = wanted.held
    if held.whole:
        place = "part of the package" if held.where == "package" else f"in {held.folder}"
        return Finding("checkpoint", wanted.subject, "ok", place)
    if wanted.remote is not None:
        says = f"{gigabytes(left(wanted.remote))} to fetch on first use, or by `zeroseg fetch`"
        return Finding("checkpoint", wanted.subject, "ok", says)
    if wanted.refusal is not None:
        return Finding("checkpoint", wanted.subject, "problem", wanted.refusal)
    if held.folder is not None:
        says = f"the folder {held.folder} lacks {', '.join(held.lacks)}: copy it there"
    else:
        says = "there is no such file or folder: give its path, or the name of a hub repository"
    return Finding("checkpoint", wanted.subject, "problem", says)


def _packages(found: Sequence[Place]) -> Iterator[Finding]:
    for place, need in needs_of(found, Package):
        subject = f"{place.name}: package {need.module}"
        if installed(need.module):
            yield Finding("package", subject, "ok", "installed")
        else:
            says = f'not installed: pip install "{need.install}"'
            yield Finding("package", subject, "problem", says)


def _small_files(found: Sequence[Place]) -> Iterator[Finding]:
    from huggingface_hub import constants

    for place, need in needs_of(found, SmallFile):
        file = need.file
        subject = f"{place.name}: file {file.path.name}"
        if file.path.is_file():
            yield Finding("file", subject, "ok", f"in {file.path.parent}")
        elif constants.is_offline_mode():
            says = (
                f"not on this machine, which is to stay offline (HF_HUB_OFFLINE): copy "
                f"{file.url} to {file.path}, or run `zeroseg fetch` where there is a network"
            )
            yield Finding("file", subject, "problem", says)
        else:
            yield Finding("file", subject, "ok", f"to fetch from {file.url}")


def _own_files(found: Sequence[Place]) -> Iterator[Finding]:
    from zeroseg.weights.checkpoints import locate

    for place, need in needs_of(found, OwnFile):
        subject = f"{place.name}: file {need.path}"
        if Path(locate(need.path)).is_file():
            yield Finding("file", subject, "ok", "is here")
        else:
            says = f"not here: make one by {need.made_by}, and give its path as {need.argument}"
            yield Finding("file", subject, "problem", says)


def _room(wanted: Sequence[Wanted]) -> Iterator[Finding]:
    """Whether the hub's cache has room for what is still to be fetched."""
    from huggingface_hub import constants

    from zeroseg.preflight.fetching import left
    from zeroseg.preflight.machine import free_disk, gigabytes

    remotes = {each.remote.name: each.remote for each in wanted if each.remote is not None}
    missing = sum(left(remote) for remote in remotes.values())
    free = free_disk(constants.HF_HUB_CACHE)
    if not missing or free is None:
        return
    subject = f"disk of {constants.HF_HUB_CACHE}"
    has = f"{gigabytes(free)} free, {gigabytes(missing)} to fetch"
    if free < missing:
        says = f"{has}: free some, or set HF_HUB_CACHE to another disk"
        yield Finding("disk", subject, "problem", says)
    else:
        yield Finding("disk", subject, "ok", has)


def weights_of(wanted: Iterable[Wanted], accelerated: bool) -> tuple[int, int, int]:
    """Bytes of weights that stay on a device, the most that visit it at once, and all that visit.

    Args:
        wanted: The checkpoints; those whose size nothing tells count as none.
        accelerated: Whether the device is an accelerator.
    """
    from zeroseg.preflight.held import memory

    takes = [(each.visits, memory(each.held, accelerated) or 0) for each in wanted]
    visit = [size for visits, size in takes if visits]
    return sum(size for visits, size in takes if not visits), max(visit, default=0), sum(visit)


def _memory(wanted: Sequence[Wanted], device: torch.device | None) -> Iterator[Finding]:
    """Whether there is room for the weights; what runs beside them takes more."""
    from zeroseg.preflight.machine import available_memory, free_memory

    if device is None:
        return
    stays, most, visit = weights_of(wanted, device.type != "cpu")
    if device.type == "cpu":
        yield from _weighed("main memory", stays + visit, available_memory())
        return
    yield from _weighed(f"memory of {device}", stays + most, free_memory(device))
    yield from _weighed("main memory", visit, available_memory())


def _weighed(subject: str, takes: int, free: int | None) -> Iterator[Finding]:
    from zeroseg.preflight.machine import gigabytes

    if not takes or free is None:
        return
    has = f"the weights take about {gigabytes(takes)}, {gigabytes(free)} are free"
    if takes > free:
        says = f"{has}: close other programs, take another device, or smaller checkpoints"
        yield Finding("memory", subject, "warning", says)
    else:
        yield Finding("memory", subject, "ok", has)
