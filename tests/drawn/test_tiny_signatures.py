"""Signatures of `tiny:sam3`, from drawn scenes without labels, mean something."""

from __future__ import annotations

import torch

from zeroseg import ZeroShotSegmenter
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.fusion.estimating import estimated, read
from zeroseg.fusion.settling import settle
from zeroseg.fusion.signature_pool import SignaturePool
from zeroseg.fusion.things_and_stuff import ThingsAndStuff

UNLABELLED, SCENES = 12, 18


def test_the_background_is_told_without_a_threshold() -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny-sam3", vocabulary="person, horse, car, table")
    vocabulary = segmenter.vocabulary
    pool = SignaturePool(ThingsAndStuff())
    segmenter.fusion = pool
    scenes = DrawnScenes(vocabulary, SCENES, (128, 128), seed=7).dataset
    samples = [scenes[place] for place in range(SCENES)]
    segmenter.segment([sample.image for sample in samples])
    known = estimated(pool.seen[:UNLABELLED], vocabulary, True, {}, fewest=100)
    assert int(known.known.sum()) >= 3
    assert known.background is not None and 0.7 < known.background < 0.95
    right = dict[tuple[str, float], int]()
    for threshold in (0.02, 0.98):
        plain = ThingsAndStuff(threshold=threshold)
        for scores, sample in zip(pool.seen[UNLABELLED:], samples[UNLABELLED:], strict=True):
            assert sample.target is not None
            truth = sample.target[2::4, 2::4].reshape(1, -1)  # the middles of what was averaged
            for name, labels in (
                ("plain", plain.decided(read(scores), vocabulary)),
                ("settled", settle(read(scores), known, plain, vocabulary)),
            ):
                key = name, threshold
                right[key] = right.get(key, 0) + int(torch.eq(labels, truth).sum())
    for threshold in (0.02, 0.98):
        assert right["settled", threshold] > right["plain", threshold]
    assert abs(right["settled", 0.02] - right["settled", 0.98]) < 0.02 * right["settled", 0.02]
