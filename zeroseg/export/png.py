"""Indexed PNG: the exact label map, from which all else is derived."""

from __future__ import annotations

from zeroseg.export.export_format import ExportFormat, Target, Written
from zeroseg.export.label_maps import file_ids, png, voc_palette, written_ids
from zeroseg.export.picture import LabelledPicture


class PngFormat(ExportFormat):
    """`masks/NAME.png` of the vocabulary's ids in the colours of VOC; 16 bits of grey beyond 255.

    With copies of the pictures it is a folder that `--data FOLDER` reads.
    """

    name, summary = "png", "indexed label maps, VOC palette"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._palette = voc_palette()

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        content = png(file_ids(picture), self._palette)
        self.copied(picture)
        self.folder.write(f"masks/{picture.name}.png", content)
        return written_ids(picture, content, self.vocabulary.ids)
