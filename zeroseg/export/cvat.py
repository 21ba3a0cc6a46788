"""CVAT for images 1.1: one XML of all pictures, regions as masks or polygons."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from zeroseg.errors import ImageError
from zeroseg.export.export_format import ExportFormat, Spool, Target, Written
from zeroseg.export.outlines import fill
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region
from zeroseg.export.xml_text import element, text_of
from zeroseg.rle import run_lengths

_FILE = "annotations.xml"

WITHOUT_AREA = ("polyline", "points", "tag", "skeleton")
"""Shapes that hold no pixel."""


class CvatFormat(ExportFormat):
    """`annotations.xml`, to be uploaded as annotations of a task of the same pictures.

    A mask is run lengths row by row within its box, pixels outside and inside in turn, beginning
    outside. Source: https://docs.cvat.ai/docs/manual/advanced/xml_format.
    """

    name, summary = "cvat", "masks or polygons, CVAT for images 1.1"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._images = Spool(b"")

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        height, width = picture.size
        file = self.copied(picture).removeprefix(self.pictures)
        about = {"id": picture.number - 1, "name": file, "width": width, "height": height}
        image = element(Xml.Element("annotations"), "image", **about)
        for order, region in enumerate(picture.regions):
            self._shape(image, region, order, picture)
        text = text_of(image)
        self._images.add(text)

        def back() -> Iterator[NDArray[np.bool_]]:
            for shape in Xml.fromstring(text):
                yield drawn(shape, picture.size)

        return Written(picture.regions, back)

    def _shape(
        self, image: Xml.Element, region: Region, order: int, picture: LabelledPicture
    ) -> None:
        about = {"label": picture.class_name(region), "source": _source(region), "occluded": 0}
        if self.target.shapes == "polygons":
            points = ";".join(f"{x:.2f},{y:.2f}" for x, y in self.ring(region))
            element(image, "polygon", **about, points=points, z_order=order)
            return
        height, width = region.mask.shape
        runs = ", ".join(map(str, run_lengths(region.mask.ravel())))
        place = {"left": region.left, "top": region.top, "width": width, "height": height}
        element(image, "mask", **about, rle=runs, **place, z_order=order)

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        with self.folder.writing(_FILE) as stream:
            stream.write(b"<?xml version='1.0' encoding='utf-8'?>\n<annotations>\n")
            stream.write(b"<version>1.1</version>\n")
            stream.write(text_of(self._meta()))
            self._images.into(stream)
            stream.write(b"</annotations>\n")

    def _meta(self) -> Xml.Element:
        meta = Xml.Element("meta")
        labels = element(element(meta, "task"), "labels")
        for index in self.vocabulary.classes:
            label = element(labels, "label")
            element(label, "name", self.vocabulary.names[index])
            element(label, "color", "#{:02x}{:02x}{:02x}".format(*self.vocabulary.colors[index]))
            element(label, "attributes", "")
        return meta


def _source(region: Region) -> str:
    """Who made a region, in CVAT's words: a person, a model, or both."""
    if region.made_by.startswith("person"):
        return "manual"
    return "semi-auto" if region.named_by else "auto"


def drawn(shape: Xml.Element, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of a shape, (H, W) bool: those whose centre lies in it.

    Raises:
        ImageError: It is damaged, or of a kind that is not known; the message begins with "its".
    """
    told = shape.attrib
    try:
        if shape.tag == "polygon":
            return fill([[point.split(",") for point in told["points"].split(";")]], size)
        if shape.tag == "box":
            x1, y1, x2, y2 = (float(told[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
            return fill([[(x1, y1), (x2, y1), (x2, y2), (x1, y2)]], size)
        if shape.tag == "mask":
            return _mask(shape, size)
    except (LookupError, TypeError, ValueError) as error:
        raise ImageError(f"its {shape.tag} is damaged: {error}") from error
    raise ImageError(f"its shape '{shape.tag}' is not known: make it a polygon or a mask")


def _mask(shape: Xml.Element, size: tuple[int, int]) -> NDArray[np.bool_]:
    left, top, width, height = (int(shape.attrib[n]) for n in ("left", "top", "width", "height"))
    runs = [int(run) for run in shape.attrib["rle"].split(",")]
    if min(runs) < 0 or sum(runs) != height * width:
        raise ValueError(f"its runs are of {sum(runs)} pixels, not {width} x {height}")
    if left < 0 or top < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"{width} x {height} pixels at {left} {top} lie outside the picture")
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return Region(part, left, top, 0).whole(size)
