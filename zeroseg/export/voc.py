"""PASCAL VOC: boxes of things as XML, classes as indexed masks."""

from __future__ import annotations

import posixpath
from xml.etree import ElementTree as Xml

from zeroseg.export.export_format import ExportFormat, Spool, Target, Written
from zeroseg.export.label_maps import file_ids, png, voc_palette, written_ids
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region
from zeroseg.export.xml_text import element, text_of


class VocFormat(ExportFormat):
    """`JPEGImages`, `Annotations/NAME.xml`, `SegmentationClass/NAME.png` and the list of names.

    Pixels are counted from 1 and boxes include their last pixel, as in the development kit; boxes
    are those of things. Masks hold the vocabulary's ids. Source:
    http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html.
    """

    name, summary, copies = "voc", "boxes of things as XML, masks of classes", True
    pictures = "JPEGImages/"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._palette, self._names = voc_palette(), Spool(b"")

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        content = png(file_ids(picture), self._palette)
        file = self.copied(picture).removeprefix(self.pictures)
        self.folder.write(f"SegmentationClass/{picture.name}.png", content)
        text = text_of(self._annotation(picture, file))
        self.folder.write(f"Annotations/{picture.name}.xml", text)
        self._names.add(f"{picture.name}\n".encode("utf-8", "backslashreplace"))
        return written_ids(picture, content, self.vocabulary.ids)

    def _annotation(self, picture: LabelledPicture, file: str) -> Xml.Element:
        height, width = picture.size
        root = Xml.Element("annotation")
        element(root, "folder", posixpath.join("JPEGImages", posixpath.dirname(file)).rstrip("/"))
        element(root, "filename", posixpath.basename(file))
        size = element(root, "size")
        for name, value in (("width", width), ("height", height), ("depth", 3)):
            element(size, name, value)
        element(root, "segmented", 1)
        for region in picture.regions:
            if region.label in self.vocabulary.things:
                self._object(root, region)
        return root

    def _object(self, root: Xml.Element, region: Region) -> None:
        found = element(root, "object")
        element(found, "name", self.vocabulary.names[region.label])
        for name, value in (("pose", "Unspecified"), ("truncated", 0), ("difficult", 0)):
            element(found, name, value)
        x1, y1, x2, y2 = region.box
        box = element(found, "bndbox")
        for name, value in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)):
            element(box, name, value)

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        with self.folder.writing("ImageSets/Segmentation/all.txt") as stream:
            self._names.into(stream)
