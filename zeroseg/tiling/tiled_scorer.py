"""A dense scorer that looks at large pictures through windows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.tiling.dense_canvas import DenseCanvas
from zeroseg.tiling.looking import apart, batches, size_of
from zeroseg.tiling.windows import Tiling
from zeroseg.values import DenseScores, Selection, check_images


class TiledScorer(DenseScorer):
    """Scores the windows of a picture, and blends what they say; see `DenseCanvas`.

    A picture that is not cut is left to the scorer as it is.

    Args:
        scorer: What scores.
        tiling: Which pictures are cut, and how.
    """

    def __init__(self, scorer: DenseScorer, tiling: Tiling) -> None:
        super().__init__()
        self.scorer = scorer
        self.tiling = tiling

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        """Score the prompts of each image; see `DenseScorer.forward`."""
        check_images(images)

        def plain(some: list[int]) -> Sequence[DenseScores]:
            return self.scorer([images[i] for i in some], [selections[i] for i in some])

        return apart(self.tiling, images, plain, lambda i: self._score(images[i], selections[i]))

    def _score(self, image: Tensor, selection: Selection) -> DenseScores:
        if not selection.prompts:
            return self.scorer([image], [selection])[0]
        canvas = DenseCanvas(size_of(image), self.tiling)
        for some in batches(self.tiling.windows(size_of(image)), self.tiling.batch_size):
            answers = self.scorer([w.cut(image) for w in some], [selection] * len(some))
            for window, scores in zip(some, answers, strict=True):
                canvas.add(window, scores)
        return canvas.scores()
