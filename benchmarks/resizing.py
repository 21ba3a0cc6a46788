"""What resizing by PIL on 8 bits, as in the published code, does to the embedded family.

    python benchmarks/resizing.py --images 64 --size 500x375

The tagger, captioner, detector and mask predictor of `tiny` are given pictures as PIL resizes them,
in place of tensors resized in floating point; label maps and mIoU over drawn scenes are compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from zeroseg import ZeroShotSegmenter
from zeroseg.data import DrawnScenes
from zeroseg.masking import TopLogits
from zeroseg.metrics import SegmentationScores
from zeroseg.reference import ReferenceBlip2, ReferenceGroundingDino, ReferenceRamPlus, ReferenceSam


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--size", default="500x375", metavar="WIDTHxHEIGHT")
    arguments = parser.parse_args(words)
    width, height = map(int, arguments.size.split("x"))
    data = DrawnScenes(count=arguments.images, size=(height, width), seed=7)
    samples = [data.dataset[number] for number in range(arguments.images)]
    usual = ZeroShotSegmenter.from_preset("tiny")
    by_pil = ZeroShotSegmenter.from_preset(
        "tiny",
        tagger=ReferenceRamPlus.from_pretrained("tiny:ram_plus"),
        captioner=ReferenceBlip2.from_pretrained("tiny:blip2"),
        detector=ReferenceGroundingDino.from_pretrained(
            "tiny:grounding_dino", box_threshold=0.25, text_threshold=0.2, nms_threshold=0.7
        ),
        mask_predictor=ReferenceSam.from_pretrained("tiny:sam", point_sampler=TopLogits(20)),
    )
    maps = []
    for name, system in (("tensors", usual), ("PIL", by_pil)):
        scores = SegmentationScores(system.vocabulary)
        found = list(system.stream([sample.image for sample in samples]))
        for sample, result in zip(samples, found, strict=True):
            scores.update(result.label_map, sample.target)
        maps.append([result.label_map for result in found])
        print(f"resized by {name}: mIoU {float(scores.compute()['miou']):.2%}")
    equal = [float((a == b).float().mean()) for a, b in zip(*maps, strict=True)]
    same = sum(share == 1 for share in equal)
    print(f"pixels of the same class: {sum(equal) / len(equal):.3%}")
    print(f"equal label maps: {same} of {len(equal)}")


if __name__ == "__main__":
    main()
