"""All files of a configuration, brought into the hub's cache or a folder that stands alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zeroseg.preflight.components import Place, needs_of, places, set_arguments
from zeroseg.preflight.fetching import copy as copy_file
from zeroseg.preflight.fetching import into_cache, into_folder, left
from zeroseg.preflight.files import lacking, selected
from zeroseg.preflight.hub import HubError, Remote
from zeroseg.preflight.known import known
from zeroseg.preflight.licences import write_card
from zeroseg.preflight.machine import free_disk, gigabytes
from zeroseg.preflight.secrets import without_secrets
from zeroseg.preflight.wanted import Wanted, wanted_of
from zeroseg.weights.hub import page, snapshot
from zeroseg.weights.needs import Checkpoint, OwnFile, SmallFile


@dataclass(frozen=True)
class Bundle:
    """The files of a configuration, and where they go.

    Attributes:
        config: Arguments of a segmenter.
        found: Its components.
        checkpoints: What they need.
        folder: Where it goes; None is the hub's cache.
    """

    config: Mapping[str, Any]
    found: tuple[Place, ...]
    checkpoints: tuple[Wanted, ...]
    folder: Path | None

    @classmethod
    def of(cls, config: Mapping[str, Any], folder: Path | None) -> Bundle:
        """Look what the hub has of it, where not all is here."""
        found = tuple(places(config))
        return cls(config, found, tuple(wanted_of(found)), folder)

    def left(self, wanted: Wanted) -> int:
        """Bytes of a checkpoint that are still to be received."""
        if wanted.remote is None:
            return 0
        return left(wanted.remote, self._place(wanted.held.checkpoint))

    def require_room(self) -> None:
        """Look whether the disk has room for all that is missing.

        Raises:
            HubError: It has not.
        """
        from huggingface_hub import constants

        target = self.folder or Path(constants.HF_HUB_CACHE)
        free, missing = free_disk(target), sum(map(self.left, self.checkpoints))
        if free is not None and free < missing:
            raise HubError(
                f"{gigabytes(missing)} are to be fetched, and the disk of {target} has "
                f"{gigabytes(free)} free: free some, or take another one (--to, HF_HUB_CACHE)"
            )

    def fetch(self, wanted: Wanted) -> None:
        """Bring one checkpoint.

        Raises:
            HubError: It cannot be fetched; what is whole stays.
        """
        held, place = wanted.held, self._place(wanted.held.checkpoint)
        if wanted.refusal is not None:
            raise HubError(wanted.refusal)
        if held.where == "package" or (held.whole and (place is None or held.where == "folder")):
            return
        if wanted.remote is not None and place is None:
            into_cache(wanted.remote)
            _require_whole(wanted.remote, snapshot(wanted.remote.name), held.checkpoint)
        elif wanted.remote is not None:
            into_folder(wanted.remote, place or Path())
            _require_whole(wanted.remote, place, held.checkpoint)
            source = f"{wanted.remote.page}, commit {wanted.remote.commit}."
            write_card(place or Path(), wanted.remote.licence, source)
        elif held.whole and held.folder is not None and place is not None:
            names = [file.name for file in held.folder.iterdir() if file.is_file()]
            for name in selected(held.checkpoint, names):
                if not (place / name).is_file():
                    copy_file(held.folder / name, place / name)
            name = held.checkpoint.name
            write_card(place, known(name).licence, f"{page(name, held.checkpoint.holds)}.")
        else:
            lacks = ", ".join(held.lacks) or "everything"
            raise HubError(
                f"'{held.checkpoint.name}' is no repository of the hub, and lacks {lacks}"
            )

    def fetch_small_files(self) -> None:
        """Bring the small files at fixed addresses, beside their checkpoint if it is in a folder.

        Raises:
            CheckpointError: One cannot be fetched, or its content is not the one known.
        """
        for place, need in needs_of(self.found, SmallFile):
            kept = need.file.fetch()
            folder = self._place_of(place, need.beside)
            if folder is not None and not (folder / kept.name).is_file():
                copy_file(kept, folder / kept.name)

    def write(self, name: str) -> Path:
        """Write the configuration that runs from the folder alone; paths are meant from there."""
        assert self.folder is not None, "only a folder has a configuration of its own"
        config = copy.deepcopy(dict(self.config))
        for place, need in needs_of(self.found, Checkpoint):
            if need.beside is None:
                set_arguments(config, place, {need.argument: self._written(need)})
        for place, own in needs_of(self.found, OwnFile):
            if not own.path.startswith("tiny:"):
                source, target = Path(own.path), self.folder / Path(own.path).name
                if source.resolve() != target.resolve():
                    copy_file(source, target)
                set_arguments(config, place, {own.argument: f"./{target.name}"})
        file = self.folder / f"{name}.yaml"
        text = yaml.safe_dump(without_secrets(config), sort_keys=False, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        return file

    def _written(self, checkpoint: Checkpoint) -> str:
        """How the folder's configuration names a checkpoint."""
        place = self._place(checkpoint)
        if place is not None:
            return f"./{place.name}"
        is_part = checkpoint.name.startswith("tiny:")
        return checkpoint.name if is_part else str(Path(checkpoint.name).absolute())

    def _place_of(self, place: Place, argument: str) -> Path | None:
        """The folder that a component's checkpoint goes to."""
        for _, need in needs_of([place], Checkpoint):
            if (need.argument, need.beside) == (argument, None):
                return self._place(need)
        return None

    def _place(self, checkpoint: Checkpoint) -> Path | None:
        """The folder that a checkpoint goes to; None for the cache, and for what is a file here."""
        if checkpoint.beside is not None:
            user = next(place for place in self.found if checkpoint in place.needs)
            return self._place_of(user, checkpoint.beside)
        held = next(w.held for w in self.checkpoints if w.held.checkpoint == checkpoint)
        if self.folder is None or held.where in ("package", "folder"):
            return None
        return self.folder / checkpoint.name.rpartition("/")[2]


def _require_whole(remote: Remote, folder: Path | None, checkpoint: Checkpoint) -> None:
    """See that a checkpoint is whole once all that the hub has of it is here.

    Raises:
        HubError: The repository itself lacks something, such as a shard that its index names.
    """
    absent = lacking(folder, checkpoint) if folder is not None else ["any file of it"]
    if absent:
        raise HubError(
            f"{remote.page} itself lacks {', '.join(absent)}: tell its authors, or choose another "
            f"checkpoint"
        )
