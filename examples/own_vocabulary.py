"""Bring your own vocabulary: names, a background, other words for a class, colours and file ids.

    python examples/own_vocabulary.py [OUTPUT_FOLDER]

Wider or narrower classes need no training: refinement decides that a kitten is an animal.
"""

import sys
from pathlib import Path

from zeroseg import Vocabulary, ZeroShotSegmenter
from zeroseg.data import DrawnScenes

VOCABULARY = Vocabulary.from_names(
    ["nothing", "animal", "vehicle", "person"],
    background="nothing",
    ids=[0, 10, 20, 30],
    colors=[(0, 0, 0), (230, 120, 30), (40, 110, 220), (220, 40, 90)],
    aliases={"person": ["kid", "adult"]},
)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/own_vocabulary")
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=VOCABULARY)
    for sample in list(DrawnScenes(VOCABULARY, count=3, seed=1).dataset):
        result = segmenter.segment(sample.image)
        files = result.save(folder / sample.name)
        print(f"{sample.name}: {result.areas} -> {files['overlay']}")


if __name__ == "__main__":
    main()
