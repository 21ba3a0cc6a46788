"""Two result folders of the same pictures, one picture after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from zeroseg.comparing.difference import Difference, compare_label_maps, together
from zeroseg.errors import ZerosegError
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.results import Results
from zeroseg.values import Failure

Corrected = Literal["none", "a", "b", "both"]
"""Of which folder label maps are as a person left them, where one corrected them."""

CORRECTED: tuple[Corrected, ...] = get_args(Corrected)


class ComparedFolders:
    """What `segment`, `test` or `batch` wrote, twice: pictures of one name are compared.

    Args:
        a: The results of a folder.
        b: Those of another one; its classes may be others, and so may the command that wrote it.
            The same folder twice, corrected in B, tells what people changed.
        corrected: Whose corrected label maps are taken.

    Attributes:
        names: Pictures that both have, in order.
        only_a: Those that A alone has.
        only_b: Those that B alone has.

    Raises:
        ZerosegError: They have no picture in common, or `corrected` is another word.
    """

    def __init__(self, a: Results, b: Results, corrected: Corrected = "none") -> None:
        if corrected not in CORRECTED:
            raise ZerosegError(f"corrected is '{corrected}'; choose one of {', '.join(CORRECTED)}")
        self.a, self.b, self.corrected = a, b, corrected
        self._in_a, self._in_b = _by_name(a), _by_name(b)
        self.names = tuple(name for name in self._in_a if name in self._in_b)
        self.only_a = tuple(name for name in self._in_a if name not in self._in_b)
        self.only_b = tuple(name for name in self._in_b if name not in self._in_a)
        if not self.names:
            raise ZerosegError(
                f"the two have no picture of one name: A has '{self.only_a[0]}', B has "
                f"'{self.only_b[0]}'"
            )

    def pair(self, name: str) -> tuple[LabelledPicture, LabelledPicture]:
        """Both label maps of a picture.

        Raises:
            ZerosegError: One cannot be read, or the picture had failed in that run.
        """
        first, second = self.places(name)
        return self._read(self.a, first, "a"), self._read(self.b, second, "b")

    def _read(self, results: Results, place: int, side: str) -> LabelledPicture:
        corrected = self.corrected in (side, "both")
        try:
            picture = results.label_map(results.found[place], corrected)
        except ZerosegError as error:
            raise ZerosegError(f"{side.upper()}: {error}") from error
        if picture is None:
            raise ZerosegError(f"it had failed in the run of {side.upper()}")
        return picture

    def places(self, name: str) -> tuple[int, int]:
        """Where a picture stands among the results of A, and of B."""
        return self._in_a[name], self._in_b[name]

    def compare(self, name: str) -> Difference | Failure:
        """How a picture differs."""
        try:
            a, b = self.pair(name)
            return compare_label_maps(a.labels, b.labels, a.vocabulary, b.vocabulary, name)
        except ZerosegError as error:
            return Failure(name, "reading", str(error))

    def __iter__(self) -> Iterator[Difference | Failure]:
        """One picture after the other; no more than two label maps are in memory."""
        return map(self.compare, self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class FolderComparison:
    """What differs from A to B.

    Attributes:
        a: The first folder.
        b: The second folder.
        corrected: Whose label maps were corrected ones.
        pictures: Those that both have, the most different first.
        failures: Those that could not be compared.
        only_a: Pictures that A alone has.
        only_b: Pictures that B alone has.
        all: All pixels of the pictures together.
    """

    a: str
    b: str
    corrected: Corrected
    pictures: tuple[Difference, ...]
    failures: tuple[Failure, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    all: Difference

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "a": self.a,
            "b": self.b,
            "corrected": self.corrected,
            "all": {key: own for key, own in self.all.to_dict().items() if key != "name"},
            "pictures": [one.to_dict() for one in self.pictures],
            "failures": {failure.name: failure.message for failure in self.failures},
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
        }


def compare_folders(a: str, b: str, corrected: Corrected = "none") -> FolderComparison:
    """Compare two result folders pixel by pixel; for scores against truth see `zeroseg.compare`.

    Args:
        a: What `segment`, `test` or `batch` wrote, a path or URL.
        b: Another one of the same pictures; classes are matched by name. With `a` twice and
            `corrected="b"`, what people changed.
        corrected: Whose label maps are taken as a person left them, where one corrected them.

    Raises:
        ZerosegError: One of them holds no results, they have no picture in common, or `corrected`
            is another word.

    Example:
        >>> from zeroseg import ZeroShotSegmenter
        >>> from zeroseg.comparing import compare_folders
        >>> segmenter = ZeroShotSegmenter.from_preset("tiny")
        >>> for classes in (["dog", "cat"], ["dog", "boat"]):
        ...     result = segmenter.segment("picture.png", vocabulary=classes)
        ...     _ = result.save(f"out/{classes[1]}/picture")
        >>> found = compare_folders("out/cat", "out/boat")
        >>> found.pictures[0].name, sorted(found.all.ious)
        ('picture', ['background', 'cat', 'dog'])
    """
    compared = ComparedFolders(Results(a), Results(b), corrected)
    return summary(compared, list(compared))


def summary(compared: ComparedFolders, found: Sequence[Difference | Failure]) -> FolderComparison:
    """What has been found of two folders, as one."""
    differences = [one for one in found if isinstance(one, Difference)]
    return FolderComparison(
        a=compared.a.url,
        b=compared.b.url,
        corrected=compared.corrected,
        pictures=tuple(sorted(differences, key=lambda one: (-one.share, one.name))),
        failures=tuple(one for one in found if isinstance(one, Failure)),
        only_a=compared.only_a,
        only_b=compared.only_b,
        all=together(differences),
    )


def _by_name(results: Results) -> dict[str, int]:
    return {result.name: place for place, result in enumerate(results)}
