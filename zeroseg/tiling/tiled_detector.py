"""A detector that looks at large pictures through windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from zeroseg.detection.detector import Detector
from zeroseg.tiling.dense_canvas import DenseCanvas
from zeroseg.tiling.joining import joined
from zeroseg.tiling.looking import apart, batches, size_of
from zeroseg.tiling.looking_again import looked_again
from zeroseg.tiling.regions import detections_of
from zeroseg.tiling.sighting import Sighting, sightings
from zeroseg.tiling.tiled_candidates import candidates_of, gathered
from zeroseg.tiling.windows import Tiling, Window
from zeroseg.values import Detections, Queries, Selection, check_images


class TiledDetector(Detector):
    """Finds prompts in overlapping windows of a picture, and in the whole of it.

    Windows of several sizes show a thing as small as it is at its own resolution, and one that is
    larger than a window shrunk, but whole. What a border cuts is taken from where it is whole, if
    need be from one more window around it; see `zeroseg.tiling.looking_again`. What is seen twice
    is kept once; see `zeroseg.tiling.joining`. Masks stay at the resolution and place
    that they were found at, and dense scores are blended.

    A picture that is not cut is left to the detector as it is. Of one that is, candidates
    (`Detections.queries`) are kept where something was found.

    Args:
        detector: What looks.
        tiling: Which pictures are cut, and how.
    """

    def __init__(self, detector: Detector, tiling: Tiling) -> None:
        super().__init__()
        self.detector = detector
        self.tiling = tiling
        self.gives_dense = detector.gives_dense  # type: ignore[misc]

    @property
    def side(self) -> int | None:
        """See `Detector.side`."""
        return self.detector.side

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image; see `Detector.forward`."""
        check_images(images)

        def plain(some: list[int]) -> Sequence[Detections]:
            return self.detector([images[i] for i in some], [selections[i] for i in some])

        return apart(self.tiling, images, plain, lambda i: self._find(images[i], selections[i]))

    def _find(self, image: Tensor, selection: Selection) -> Detections:
        """What windows show of a picture."""
        size = size_of(image)
        [none] = self.detector([image], [replace(selection, prompts=(), labels=(), presence=None)])
        if not selection.prompts:
            return none
        canvas, candidates = DenseCanvas(size, self.tiling), list[Queries | None]()

        def look(windows: Sequence[Window], blend: bool = False) -> list[Sighting]:
            seen: list[Sighting] = []
            for window, found in self._found(image, windows, selection):
                seen += sightings(window, replace(found, queries=None, dense=None), size)
                candidates.append(candidates_of(window, found))
                if blend and found.dense is not None:
                    canvas.add(window, found.dense)
            return seen

        first = look(self.tiling.windows(size), blend=True)
        seen = looked_again(first, look, self.tiling, size)
        found = detections_of(joined(seen).regions, size, none)
        found = replace(found, queries=gathered(candidates))
        return replace(found, dense=canvas.scores()) if self.gives_dense else found

    def _found(
        self, image: Tensor, windows: Sequence[Window], selection: Selection
    ) -> Iterator[tuple[Window, Detections]]:
        """What is in windows of a picture."""
        for some in batches(windows, self.tiling.batch_size):
            answers = self.detector([w.cut(image) for w in some], [selection] * len(some))
            yield from zip(some, answers, strict=True)
