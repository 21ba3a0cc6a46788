"""All formats by name."""

from __future__ import annotations

from zeroseg.errors import ZerosegError
from zeroseg.export.cityscapes import CityscapesFormat
from zeroseg.export.coco import CocoFormat
from zeroseg.export.coco_panoptic import CocoPanopticFormat
from zeroseg.export.cvat import CvatFormat
from zeroseg.export.export_format import ExportFormat
from zeroseg.export.geojson import GeoJsonFormat
from zeroseg.export.geotiff import GeoTiffFormat
from zeroseg.export.hugging_face import HuggingFaceFormat
from zeroseg.export.label_studio import LabelStudioFormat
from zeroseg.export.labelme import LabelMeFormat
from zeroseg.export.png import PngFormat
from zeroseg.export.voc import VocFormat
from zeroseg.export.yolo import YoloFormat

FORMATS: dict[str, type[ExportFormat]] = {
    kind.name: kind
    for kind in (
        PngFormat,
        CityscapesFormat,
        CocoFormat,
        CocoPanopticFormat,
        YoloFormat,
        VocFormat,
        LabelMeFormat,
        CvatFormat,
        LabelStudioFormat,
        GeoTiffFormat,
        GeoJsonFormat,
        HuggingFaceFormat,
    )
}
"""A new format is a file of this folder, and a line here."""


def format_called(name: str) -> type[ExportFormat]:
    """The format of this name.

    Raises:
        ZerosegError: There is none; the message lists all.
    """
    if name not in FORMATS:
        raise ZerosegError(f"there is no format '{name}'; choose one of {', '.join(FORMATS)}")
    return FORMATS[name]
