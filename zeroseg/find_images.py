"""Where pictures lie: files, folders searched to their depths, and patterns."""

from __future__ import annotations

import os
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from zeroseg.errors import ImageError
from zeroseg.server_address import without_passwords

HEIF = (".heic", ".heics", ".heif", ".heifs", ".hif")
"""Pictures that are read where the package pillow-heif is installed."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".avif"),
    *(".avifs", ".tif", ".tiff", ".bmp", ".dib", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga", ".psd", ".qoi", ".dds", ".pcx", ".dcx"),
    *(".sgi", ".rgb", ".rgba", ".bw", ".ras", ".pxr"),
    *HEIF,
)
"""Files that a folder is searched for, in lower or upper case."""

LEFT_OUT = (
    # what Pillow reads and is no photograph: icons, textures, documents, drawings, animations; or
    # has a suffix that others use as well
    *(".ico", ".icns", ".cur", ".xbm", ".xpm", ".msp", ".palm", ".blp", ".ftc", ".ftu", ".gbr"),
    *(".eps", ".ps", ".pdf", ".wmf", ".emf", ".fli", ".flc", ".pcd", ".im", ".icb", ".vda", ".vst"),
    # pictures that Pillow does not read
    *(".jxl", ".jxr", ".wdp", ".exr", ".hdr", ".fits", ".svg", ".svgz", ".ai", ".xcf", ".psb"),
    *(".kra", ".dcm", ".djvu", ".pict", ".insp"),
    # what cameras write before it is developed
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".kdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw"),
    ".x3f",
    # video
    *(".3gp", ".avi", ".flv", ".insv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
    *(".mts", ".ogv", ".webm", ".wmv"),
)
"""Files that a user may have taken for pictures, and is told that they are not looked at."""

_LITTER = ("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information")
"""Folders of an operating system, in lower case; their pictures are not the user's."""

Exists = Callable[[str], bool]


@dataclass(frozen=True)
class Found:
    """The pictures that one path means.

    Attributes:
        root: The folder below which they lie.
        names: Their paths below it, with slashes, in order.
        notes: Sentences about what was left out.
    """

    root: str
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The pictures as paths."""
        return [Path(self.root, name) for name in self.names]


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """All picture files that paths, folders (searched recursively) and patterns mean, each once.

    Raises:
        ImageError: A path or pattern matches nothing, or a folder holds no pictures.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for file in search(path).files:
            found.setdefault(os.path.abspath(file), file)
    return list(found.values())


def search(path: str | Path) -> Found:
    """The pictures that a file, a folder or a pattern means.

    A file is taken whatever it is called. Of folders and patterns, files with a suffix of pictures
    are, in linked folders too, each folder once; hidden ones and what operating systems leave
    behind are not. What exists is a name, even if it looks like a pattern.

    Raises:
        ImageError: There is nothing of that name, or no picture.
    """
    given = os.fspath(path)
    if is_url(given):
        raise ImageError(f"'{given}' is a URL, and only files of this machine are read here")
    text = given if os.path.lexists(given) else os.path.expanduser(given)
    root, pattern = split_pattern(text, os.path.lexists)
    if not pattern and not os.path.isdir(root):
        if not os.path.lexists(root):
            raise ImageError(f"there is no file or folder '{shown(given)}'")
        return Found(os.path.dirname(root), (os.path.basename(root),))
    root = root or ("/" if text.startswith("/") else "")
    unread: list[str] = []
    depth = depth_of(pattern)
    try:
        names, notes = choose(_files_below(root or ".", depth, unread), given, pattern)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(
            f"no pictures found at '{shown(given)}': the folder cannot be read ({reason})"
        ) from error
    notes = (*notes, *(f"the folder {folder}, which cannot be read" for folder in unread))
    if not names:
        raise nothing_found(given, notes)
    return Found(root, names, notes)


def nothing_found(place: str, notes: Iterable[str]) -> ImageError:
    """The error of a place without pictures."""
    left_out = "".join(f"; left out: {note}" for note in notes)
    looked_for = ", ".join(SUFFIXES)
    return ImageError(f"no pictures found at '{shown(place)}'{left_out} (looked for {looked_for})")


def choose(
    files: Iterable[str], place: str, pattern: str = ""
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pictures among files, in order, and what is to be said about the others.

    Args:
        files: Paths below a folder, with slashes.
        place: What the user called it.
        pattern: What they have to match; "" for all.

    Raises:
        ImageError: It is no glob.
    """
    matches = _matcher(pattern)
    names: list[str] = []
    left_out: Counter[str] = Counter()
    for file in files:
        if any(map(_is_litter, file.split("/"))) or not matches(file):
            continue
        suffix = os.path.splitext(file)[1].lower()
        if suffix in SUFFIXES and (suffix not in HEIF or reads_heif()):
            names.append(file)
        elif suffix in LEFT_OUT or suffix in HEIF:
            left_out[suffix] += 1
    names.sort(key=lambda name: name.split("/"))
    notes = (f"{_counted(left_out)}, at '{shown(place)}'",) if left_out else ()
    return tuple(names), notes


def split_pattern(path: str, exists: Exists) -> tuple[str, str]:
    """The folder that a pattern begins in, and the pattern below it; "" where there is none.

    Parts of the path that exist are names, whatever signs they hold.
    """
    if not _is_pattern(path) or exists(path):
        return path, ""
    parts, count = path.split("/"), 0
    while count < len(parts) - 1 and (
        not _is_pattern(parts[count]) or exists("/".join(parts[: count + 1]))
    ):
        count += 1
    return "/".join(parts[:count]), "/".join(parts[count:])


def depth_of(pattern: str) -> int | None:
    """How many levels of files a pattern reaches; None for all."""
    return None if not pattern or "**" in pattern else pattern.count("/") + 1


def is_url(text: str) -> bool:
    """Whether a text names a place by a protocol; `x::y` is a name."""
    return "://" in text


def shown(path: str | os.PathLike[str]) -> str:
    """A path as text for a message: names need not be text, and need not be short.

    An address has no password, see `without_passwords`.
    """
    text = os.fsdecode(path).encode("utf-8", "replace").decode().replace("\0", "\\0")
    text = without_passwords(text)
    return text if len(text) <= 260 else f"{text[:120]}...{text[-120:]}"


def reads_heif() -> bool:
    """Whether pictures of the suffixes `HEIF` can be read."""
    return find_spec("pillow_heif") is not None


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _is_litter(name: str) -> bool:
    upwards = name.partition("\\")[0] == ".."  # of an archive: refused, not passed over
    return (name.startswith(".") and not upwards) or name.casefold() in _LITTER


def _matcher(pattern: str) -> Callable[[str], object]:
    if not pattern:
        return lambda _: True
    from fsspec.utils import glob_translate  # Python has its like from 3.13 on

    try:
        return re.compile(glob_translate(pattern)).match
    except (ValueError, re.error) as error:
        raise ImageError(f"'{shown(pattern)}' is not a glob: {error}") from error


def _counted(left_out: Counter[str]) -> str:
    advice = 'pip install "zeroseg[heif]"'
    kinds = [
        f"{count} {suffix}" + (f" ({advice})" if suffix in HEIF else "")
        for suffix, count in sorted(left_out.items())
    ]
    return ", ".join(kinds)


def _files_below(root: str, depth: int | None, unread: list[str]) -> Iterator[str]:
    """Files in a folder and below it, by their paths from there.

    Args:
        root: The folder.
        depth: How many levels of files; None for all.
        unread: Takes the folders that cannot be read.

    Raises:
        OSError: The folder itself cannot be read.
    """
    seen: set[str] = set()
    # A linked folder is taken by the name of its link only if it is nowhere by its own.
    own, linked = deque([""]), deque[str]()
    while own or linked:
        below = (own or linked).popleft()
        place = os.path.join(root, below)
        if (real := os.path.realpath(place)) in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            if not below:
                raise
            unread.append(f"'{shown(below.rstrip('/'))}'")
            continue
        for entry in entries:
            name = below + entry.name
            if not os.path.isdir(entry.path):
                yield name
            elif not _is_litter(entry.name) and (depth is None or name.count("/") + 1 < depth):
                (linked if entry.is_symlink() else own).append(f"{name}/")


def base_of(given: str | Path, name: str) -> Path:
    """Where the files of a picture's result begin.

    Args:
        given: Such a path; or a folder, which ends in a separator or exists, for files that are
            called as the picture is.
        name: The picture's, from which folders and suffix are left out.
    """
    separators = tuple(own for own in (os.sep, os.altsep) if own)
    if not os.fspath(given).endswith(separators) and not Path(given).is_dir():
        return Path(given)
    stem, suffix = os.path.splitext(os.path.basename(name))
    return Path(given, (stem if suffix.lower() in SUFFIXES else stem + suffix) or "result")
