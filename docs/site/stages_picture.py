"""Draws docs/images/stages.png: a scene on its way through `tiny`, for the page on the method.

    python -m docs.site.stages_picture docs/images/stages.png

Prints what the stages said in words, which the page repeats.
"""

from __future__ import annotations

import sys

from zeroseg import ZeroShotSegmenter
from zeroseg.data import DrawnScenes
from zeroseg.plotting import boxes_and_points, colored, grid, panels, picture

_SCENES = (0, 5, 8)


def main(file: str, scenes: tuple[int, ...] = _SCENES) -> None:
    """Segment the scenes; save the picture, print the words."""
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary="dram")
    data = DrawnScenes("dram", count=max(scenes) + 1, seed=7).dataset
    rows = []
    for scene in scenes:
        result = segmenter.segment(data[scene].image)
        image, found, vocabulary = result.image, result.detections, result.vocabulary
        boxes = boxes_and_points(image, found, None, vocabulary)
        points = boxes_and_points(image, found, result.points, vocabulary)
        labels = colored(result.label_map, vocabulary)
        columns = [("picture", picture(image)), ("boxes", boxes), ("points", points)]
        rows.append(panels([*columns, ("label map", labels)], height=240))
        print([tag.name for tag in result.description.tags], result.description.caption)
        print(result.selection.prompts, result.areas)
    grid(rows).quantize(256).save(file, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
