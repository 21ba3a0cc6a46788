"""`to_supervision` and `to_fiftyone` against these libraries' own classes.

    python adapters.py LIBRARY PATH...

Run by an environment that holds the library; the PATHs, on which zeroseg and what it needs lie,
come after its own. A drawn scene is its own result; printed is, as JSON, how many detections there
are and how many of them have the mask and the class of the result's region.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np


def scene() -> Any:
    """A drawn scene whose truth stands for a result."""
    import torch

    from zeroseg.data.drawn_scenes import label_map
    from zeroseg.drawn.scene import draw_scene
    from zeroseg.segmentation import Segmentation
    from zeroseg.vocabularies import DRAWN_ALL

    drawn = draw_scene(1, 0, (96, 128))
    labels = torch.as_tensor(label_map(drawn, DRAWN_ALL))
    image = torch.from_numpy(drawn.image).permute(2, 0, 1).contiguous()
    return Segmentation(labels, DRAWN_ALL, image, "scene.png")


def supervision(result: Any, regions: list[Any], size: tuple[int, int]) -> list[bool]:
    """Whether each detection is its region."""
    import supervision

    from zeroseg.export import to_supervision

    found = to_supervision(result)
    if not isinstance(found, supervision.Detections):
        raise TypeError(type(found))
    names = found.data["class_name"]
    return [
        bool((mask == region.whole(size)).all())
        and tuple(box) == region.box
        and name == result.vocabulary.names[region.label]
        and area == region.area
        for mask, box, name, area, region in zip(
            found.mask, found.xyxy, names, found.area, regions, strict=True
        )
    ]


def fiftyone(result: Any, regions: list[Any], size: tuple[int, int]) -> list[bool]:
    """Likewise, by fiftyone's own `to_segmentation`."""
    import fiftyone

    from zeroseg.export import to_fiftyone

    found = to_fiftyone(result)
    if not isinstance(found, fiftyone.Detections):
        raise TypeError(type(found))
    height, width = size
    again = []
    for one, region in zip(found.detections, regions, strict=True):
        told = one.to_segmentation(frame_size=(width, height)).mask > 0
        same = bool((told == region.whole(size)).all())
        again.append(same and one.label == result.vocabulary.names[region.label])
    return again


CHECKS = {"supervision": supervision, "fiftyone": fiftyone}


def main(library: str) -> None:
    """Check a library, and print what came of it."""
    from zeroseg.export.picture import LabelledPicture

    result = scene()
    picture = LabelledPicture.of(result)
    same = CHECKS[library](result, list(picture.regions), picture.size)
    told = {"package": f"{library} {version(library)}", "detections": len(same)}
    print(json.dumps({**told, "same": int(np.sum(same))}))


if __name__ == "__main__":
    sys.path += sys.argv[2:]
    main(sys.argv[1])
