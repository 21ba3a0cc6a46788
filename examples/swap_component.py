"""Swap a component: the same segmenter with and without point prompts, and with other points.

    python examples/swap_component.py [PICTURE]

Without a picture, a drawn scene is used. An ablation is a component swapped, never a flag.
"""

import sys

from zeroseg import Sam, ZeroShotSegmenter
from zeroseg.data import DrawnScenes
from zeroseg.masking import SpreadPoints


def main() -> None:
    picture = sys.argv[1] if len(sys.argv) > 1 else DrawnScenes(seed=1).dataset[0].image
    predictors = {
        "20 points of highest logit": Sam.from_pretrained("tiny:sam"),
        "20 points, spread out": Sam.from_pretrained("tiny:sam", point_sampler=SpreadPoints(20)),
        "boxes only": Sam.from_pretrained("tiny:sam", point_sampler=None),
    }
    for name, predictor in predictors.items():
        segmenter = ZeroShotSegmenter.from_preset("tiny", mask_predictor=predictor)
        result = segmenter.segment(picture)
        areas = ", ".join(f"{label} {area:.1%}" for label, area in result.areas.items())
        print(f"{name}: {areas or 'nothing found'}")


if __name__ == "__main__":
    main()
