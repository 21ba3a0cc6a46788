"""The licences of checkpoints: what is said of them, and what a policy says to that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg import yaml_text
from zeroseg.decoding import decoded
from zeroseg.errors import PresetError
from zeroseg.preflight.findings import Finding
from zeroseg.preflight.hub import HubError, ask
from zeroseg.preflight.known import OURS, known
from zeroseg.preflight.policies import POLICIES, permits

if TYPE_CHECKING:
    from zeroseg.preflight.held import Held
    from zeroseg.preflight.wanted import Wanted

CARD = "README.md"
"""The file of a model card, which names a licence between two lines of three dashes."""

_HEAD = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n---", re.DOTALL)


def judged(checkpoints: Iterable[Wanted], policy: str) -> Iterator[Finding]:
    """What a policy says to each checkpoint."""
    for wanted in checkpoints:
        said = _said(wanted)
        wrong = {who: licence for who, licence in said.items() if not permits(policy, licence)}
        if said and not wrong:
            licences = ", ".join(dict.fromkeys(said.values()))
            yield Finding("licence", wanted.subject, "ok", f"{licences} is {policy}")
        else:
            reason = _reason(wanted, wrong, policy)
            yield Finding("licence", wanted.subject, "problem", reason)


def refuse(findings: Iterable[Finding]) -> None:
    """Stop where a checkpoint is not under a licence that is allowed.

    Raises:
        PresetError: One is not; all of them are named.
    """
    refused = [str(f) for f in findings if (f.topic, f.state) == ("licence", "problem")]
    if refused:
        raise PresetError(
            "refused for its licence, before anything was fetched or loaded:\n  "
            + "\n  ".join(refused)
            + "\n`zeroseg models --licence permissive` lists the presets and checkpoints that pass"
        )


def card_licence(folder: Path) -> str | None:
    """The licence that the model card in a folder names; None where it or there is none."""
    try:
        head = _HEAD.match(decoded((folder / CARD).read_bytes()))
        content = yaml_text.load(head[1]) if head else None
    except (OSError, ValueError):  # no card, or none that says anything
        return None
    if not isinstance(content, Mapping):
        return None
    named = content.get("license")
    named = content.get("license_name", named) if named == "other" else named
    return named if isinstance(named, str) and named.strip() else None


def write_card(folder: Path, licence: str | None, source: str) -> None:
    """Leave a model card in a folder that has none, so that its licence stays known there.

    Args:
        folder: Where a checkpoint lies.
        licence: Its licence; where that is not known, nothing is written.
        source: Where it came from.
    """
    if licence is not None and not (folder / CARD).exists():
        text = f"---\nlicense: {licence}\n---\nFetched from {source}\n"
        (folder / CARD).write_text(text, encoding="utf-8")


def licence_here(held: Held) -> tuple[str, str] | None:
    """Who says what of a checkpoint's licence, without the hub; None where nobody does."""
    if held.where == "package":
        return "the package", OURS
    if held.where == "folder":
        own = card_licence(held.folder) if held.folder is not None else None
        return (f"its {CARD}", own) if own is not None else None
    table = known(held.checkpoint.name).licence
    return ("zeroseg's table", table) if table is not None else None


def _said(wanted: Wanted) -> dict[str, str]:
    """What is said of a checkpoint's licence, by who says it."""
    held, remote = wanted.held, wanted.remote
    here = licence_here(held)
    if here is None and remote is None and wanted.refusal is None and held.at_hub:
        try:
            remote = ask(held.checkpoint)
        except HubError:  # out of reach: then nothing is known of it
            remote = None
    said = dict([here] if here is not None else [])
    if remote is not None and remote.licence is not None:
        said["its card at the hub"] = remote.licence
    return said


def _reason(wanted: Wanted, wrong: Mapping[str, str], policy: str) -> str:
    """Why a checkpoint is refused, and what would be allowed in its place."""
    allowed = f"{policy} are {', '.join(POLICIES[policy])}"
    if wrong:
        told = "; ".join(f"{licence} by {who}" for who, licence in wrong.items())
        return f"its licence ({told}) is not {policy}: {allowed}; take another checkpoint"
    if wanted.held.where == "folder":
        return (
            f"its licence is not known: {allowed}; if it is under one of these, say so in "
            f"{(wanted.held.folder or Path()) / CARD}, as model cards do: a line ---, a line "
            f"`license: apache-2.0`, a line ---"
        )
    return (
        f"its licence is not known, neither from its card at the hub nor from zeroseg's table: "
        f"{allowed}; take another checkpoint, or a copy in a folder whose {CARD} names the licence"
    )
