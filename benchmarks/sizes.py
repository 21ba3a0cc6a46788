"""What an installed zeroseg takes on disk: torch with what only torch brings, and all else.

    python benchmarks/sizes.py
    python benchmarks/sizes.py --extras video,geo --largest 20

Packages are those that the metadata of zeroseg asks for, on this machine and with the extras that
are named, whatever else the environment has; their size is that of their files, compiled ones too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import zeroseg

TORCH = ("torch", "torchvision")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extras", default="", metavar="NAME,...", help="of zeroseg")
    parser.add_argument("--largest", type=int, default=10, help="packages that are named")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    extras = frozenset(filter(None, arguments.extras.split(",")))
    known = distribution("zeroseg").metadata.get_all("Provides-Extra") or []
    if unknown := extras.difference(known):
        parser.error(f"zeroseg as installed has no extra {', '.join(unknown)}; choose of {known}")
    found = sizes(extras)
    for title, own in found.items():
        print(f"{title}: {sum(own.values()) / 1e6:.0f} MB in {len(own)} packages")
        for name in sorted(own, key=lambda name: -own[name])[: arguments.largest]:
            print(f"  {name} {own[name] / 1e6:.0f}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=2), encoding="utf-8")


def sizes(extras: frozenset[str] = frozenset()) -> dict[str, dict[str, int]]:
    """Bytes of each package: torch and what only torch brings, and all that there is without."""
    everything = needed("zeroseg", extras, {})
    beside = needed("zeroseg", extras, {}, without=TORCH)
    only = {name: own for name, own in everything.items() if name not in beside}
    return {
        "torch and its libraries": {name: size(own) for name, own in only.items()},
        "everything else": {name: size(own) for name, own in beside.items()},
    }


def needed(
    name: str, extras: frozenset[str], found: dict[str, Distribution], without: tuple[str, ...] = ()
) -> dict[str, Distribution]:
    """A package and all that it needs here; `without` some, and what only they need.

    Raises:
        PackageNotFoundError: One is not installed; install the extras first.
    """
    found[name] = distribution(name)
    for requirement in requirements(found[name], extras):
        other = canonicalize_name(requirement.name)
        asked = frozenset(requirement.extras)
        if other not in without and (other not in found or asked):
            needed(other, asked, found, without)
    return found


def requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """What a package needs on this machine, with these extras."""
    for requirement in map(Requirement, package.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield requirement


def size(package: Distribution) -> int:
    """Bytes of a package's files; of this checkout, those of the package."""
    if package.name == "zeroseg":
        files = [file for file in Path(zeroseg.__file__).parent.rglob("*") if file.is_file()]
    else:
        files = [Path(str(file.locate())) for file in package.files or ()]
    return sum(file.stat().st_size for file in files if file.exists())


if __name__ == "__main__":
    main()
