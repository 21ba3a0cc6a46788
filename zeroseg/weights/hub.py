"""The hub that checkpoints come from: what of it is here, and why it does not give the rest."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from zeroseg.server_address import shown_address

_CLIENTS = ("httpx", "httpx2", "httpcore", "httpcore2", "hf_xet")
"""What huggingface_hub fetches by, from version to version."""
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_FILE = re.compile(r"(.*)/resolve/[^/]+/([^?#]+)")


def is_hub_name(name: str) -> bool:
    """Whether this can be a repository's name, and not only the path of a folder or a file."""
    is_path = name.startswith(".") or name.endswith((".pth", ".pt"))
    return not is_path and bool(_NAME.fullmatch(name))


def page(name: str, holds: str = "model") -> str:
    """The address of a repository's page."""
    folder = "datasets/" if holds == "dataset" else ""
    return f"{shown_address(str(constants.ENDPOINT))}/{folder}{name}"


def has_token() -> bool:
    """Whether a token of the hub is set; nothing is asked for it."""
    return bool(os.environ.get("HF_TOKEN")) or Path(constants.HF_TOKEN_PATH).is_file()


def storage(name: str, holds: str = "model") -> Path:
    """The folder of a repository in the hub's cache."""
    return Path(constants.HF_HUB_CACHE) / f"{holds}s--{name.replace('/', '--')}"


def snapshot(name: str, holds: str = "model") -> Path | None:
    """The newest snapshot of a repository in the hub's cache; it may be incomplete."""
    place = storage(name, holds)
    try:
        commit = (place / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = place / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it, the latest first."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or error.__context__


def is_about_hub(error: BaseException) -> bool:
    """Whether the hub, its client or the way to it raised an error."""
    if isinstance(error, (HfHubHTTPError, EntryNotFoundError, OfflineModeIsEnabled)):
        return True
    return type(error).__module__.partition(".")[0] in _CLIENTS


def refusal(address: str, error: BaseException) -> str:
    """Why the hub did not give what was asked of a repository with this page, and what to do."""
    if reason := trouble(address, error):
        return reason
    if constants.is_offline_mode():
        return (
            "it is not on this machine, and HF_HUB_OFFLINE forbids to fetch it: unset that, or run "
            "`zeroseg fetch` where there is a network"
        )
    hub = shown_address(str(constants.ENDPOINT))
    found = [e for e in causes(error) if not isinstance(e, LocalEntryNotFoundError)]
    kinds = [type(cause).__name__ for cause in found]
    return (
        f"it is not on this machine, and the hub {hub} is out of reach "
        f"({next(iter(kinds), 'nothing answers')}): check the network and HF_ENDPOINT, or run "
        f"`zeroseg fetch` where there is a network"
    )


def trouble(address: str, error: BaseException) -> str | None:
    """What the hub or the disk said no to, and what to do; None if it was neither."""
    reasons = (_refused(address, cause) or disk_problem(cause) for cause in causes(error))
    return next(filter(None, reasons), None)


def disk_problem(
    error: BaseException, place: str | Path | None = None, variable: str = "HF_HUB_CACHE"
) -> str | None:
    """What is wrong with the disk that files are fetched to; None if the error is another.

    Args:
        error: What was raised.
        place: Where they go; the hub's cache if it is None.
        variable: Of the environment, that names another place.
    """
    where = place or constants.HF_HUB_CACHE
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
        return (
            f"the disk of {where} is full: free some space, or set {variable} to another disk, "
            f"and try again"
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        why = os.strerror(code)
        return f"{where} cannot be read or written ({why}): set {variable} to another place"
    return None


def _refused(address: str, error: BaseException) -> str | None:
    """What the hub's own answer says; None if this is not one."""
    token = has_token()
    file = _FILE.match(str(error.response.url)) if isinstance(error, HfHubHTTPError) else None
    if file:
        address = shown_address(file[1])
    if isinstance(error, GatedRepoError):
        account = "with the account of your token" if token else "and set HF_TOKEN"
        return f"its licence has to be accepted first: accept the licence at {address} {account}"
    if isinstance(error, RepositoryNotFoundError):
        why = "your token does not open it" if token else "HF_TOKEN is not set"
        return f"there is no {address}, or it is private and {why}"
    if isinstance(error, DisabledRepoError):
        return f"the hub has closed {address}: choose another checkpoint"
    if "Consistency check failed" in str(error):
        return (
            f"{address} sends something else than it announces: check what stands between here "
            f"and the hub (proxy, mirror in HF_ENDPOINT), and try again"
        )
    if not isinstance(error, HfHubHTTPError):
        return None
    if isinstance(error, EntryNotFoundError):
        return f"{address} has no file {file[2] if file else 'of this name'}"
    status = error.response.status_code
    if status == 401:
        return f"{address} refuses your token: renew it, or unset HF_TOKEN"
    return f"{address} answers with status {status}: try again later"
