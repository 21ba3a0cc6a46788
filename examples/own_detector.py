"""Write your own detector in 20 lines: this one finds the reddest part of the picture.

    python examples/own_detector.py

A component is a class with one `forward`; it needs no registration. To test yours, inherit
`zeroseg.testing.DetectorContract`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from zeroseg import Detections, Detector, Selection, ZeroShotSegmenter
from zeroseg.data import DrawnScenes
from zeroseg.refinement import GivenLabels


class RedThings(Detector):
    """One box around all that is strongly red, as an answer to the first prompt."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        return [self._find(i, s) for i, s in zip(images, selections, strict=True)]

    def _find(self, image: Tensor, selection: Selection) -> Detections:
        red, green, blue = image.float()
        y, x = torch.nonzero((red > 150) & (red > 1.8 * green) & (red > 1.8 * blue)).unbind(1)
        if not selection.prompts or not len(x):
            return Detections.empty()
        box = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()
        label = torch.tensor([selection.labels[0]])
        return Detections(
            box[None], torch.ones(1), label, (selection.prompts[0],), torch.zeros(1).long()
        )


def main() -> None:
    segmenter = ZeroShotSegmenter.from_preset(
        "tiny",
        vocabulary=["something red"],
        tagger=None,
        captioner=None,
        pre_refiner=GivenLabels(["something red"]),
        detector=RedThings(),
    )
    for sample in list(DrawnScenes(count=4, seed=1).dataset):
        result = segmenter.segment(sample.image)
        print(f"{sample.name}: {result.areas or 'nothing red'}")


if __name__ == "__main__":
    main()
