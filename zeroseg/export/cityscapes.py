"""Cityscapes: label ids under the names that its own scripts look for."""

from __future__ import annotations

import numpy as np

from zeroseg.export.export_format import ExportFormat, Target, Written
from zeroseg.export.label_maps import png, written_ids
from zeroseg.export.picture import LabelledPicture
from zeroseg.vocabularies import CITYSCAPES

_PICTURE, _MASK = "_leftImg8bit", "_gtFine_labelIds.png"


class CityscapesFormat(ExportFormat):
    """`CITY/NAME_gtFine_labelIds.png`, grey, of the raw label ids.

    Classes are known by name; those that are none of the 19 become "unlabeled", id 0, and so does
    what has no label. Source: https://github.com/mcordts/cityscapesScripts, `helpers/labels.py`.
    """

    name, summary = "cityscapes", "grey label ids, files called as Cityscapes'"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        known = CITYSCAPES.by_name(self.vocabulary)
        other = CITYSCAPES.ids[CITYSCAPES.background]
        self._table = tuple(other if i is None else CITYSCAPES.ids[i] for i in known)
        self._lost = {index for index, own in enumerate(known) if own is None}

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        table = np.zeros(max(picture.vocabulary.ignore_index, len(self._table)) + 1, np.uint8)
        table[: len(self._table)] = self._table
        for index in self._lost.intersection(np.unique(picture.labels).tolist()):
            self.notes[f"pictures with {self.vocabulary.names[index]}, no class of Cityscapes"] += 1
        content = png(table[picture.labels])
        base = picture.name.removesuffix(_PICTURE)
        self.copied(picture)
        self.folder.write(f"{base}{_MASK}", content)
        return written_ids(picture, content, self._table, self._lost)
