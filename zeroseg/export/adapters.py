"""Results in memory for other libraries, which are imported only when they are asked for."""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from zeroseg.errors import ZerosegError
from zeroseg.export.picture import LabelledPicture

if TYPE_CHECKING:
    from zeroseg.segmentation import Segmentation


def to_supervision(result: Segmentation, instances: str = "auto") -> Any:
    """A result as `supervision.Detections`: boxes, masks, class indices and scores.

    Args:
        result: What was segmented.
        instances: What the detections are, see `zeroseg.export.exporting.Export`.

    Returns:
        Detections with (N, 4) boxes x1 y1 x2 y2, (N, H, W) masks, class indices of the vocabulary,
        scores (1 where there is none) and, by supervision 0.17 and later, `data["class_name"]`.

    Raises:
        ZerosegError: supervision is not installed.
    """
    library = _needed("supervision")
    picture = LabelledPicture.of(result, instances)
    regions, size = picture.regions, picture.size
    more: dict[str, Any] = {}
    if "data" in {field.name for field in fields(library.Detections)}:
        more["data"] = {"class_name": np.array([picture.class_name(r) for r in regions], str)}
    return library.Detections(
        xyxy=np.array([r.box for r in regions], np.float32).reshape(-1, 4),
        mask=np.array([r.whole(size) for r in regions], bool).reshape(-1, *size),
        class_id=np.array([r.label for r in regions], int),
        confidence=np.array([1.0 if r.score is None else r.score for r in regions]),
        **more,
    )


def to_fiftyone(result: Segmentation, instances: str = "auto") -> Any:
    """A result as `fiftyone.Detections`: instances with their masks.

    Args:
        result: What was segmented.
        instances: What the detections are, see `zeroseg.export.exporting.Export`.

    Returns:
        Detections with a label, a box left top width height in 0..1 and the mask within it. For a
        label map, `fiftyone.Segmentation(mask=result.label_map.numpy())` will do.

    Raises:
        ZerosegError: fiftyone is not installed.
    """
    library = _needed("fiftyone")
    picture = LabelledPicture.of(result, instances)
    height, width = picture.size
    detections = []
    for region in picture.regions:
        x1, y1, x2, y2 = region.box
        box = [x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height]
        detections.append(
            library.Detection(
                label=picture.class_name(region),
                bounding_box=box,
                mask=region.mask,
                confidence=region.score,
            )
        )
    return library.Detections(detections=detections)


def _needed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ZerosegError(f"this needs {package}: pip install {package} ({error})") from error
