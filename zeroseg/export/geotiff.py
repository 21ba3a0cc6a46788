"""GeoTIFF: label maps that lie where their pictures do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zeroseg.export.export_format import ExportFormat, Target, Written
from zeroseg.export.georeference import georeference, opened, require_rasterio, write_raster
from zeroseg.export.label_maps import file_ids
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import class_regions

_WHO = "the format geotiff"


class GeoTiffFormat(ExportFormat):
    """`NAME.tif` of the vocabulary's ids, with the coordinates of its picture and the colours.

    The ignore index is "no data". Needs `pip install "zeroseg[geo]"`.
    """

    name, summary = "geotiff", "label maps with the picture's coordinates"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._rasterio = require_rasterio(_WHO)

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        content = self._encoded(picture)
        self.copied(picture)
        self.folder.write(f"{picture.name}.tif", content)
        wanted = list(class_regions(picture.labels, range(len(self.vocabulary))))

        def back() -> Iterator[NDArray[np.bool_]]:
            with opened(self._rasterio, content) as raster:
                ids = torch.from_numpy(raster.read(1).astype(np.int64))
            labels = self.vocabulary.from_ids(ids).numpy()
            for region in wanted:
                yield labels == region.label

        return Written(wanted, back)

    def _encoded(self, picture: LabelledPicture) -> bytes:
        ids = file_ids(picture)
        place = georeference(picture, _WHO)
        if place is None:
            self.notes["pictures whose files know no coordinates"] += 1
        height, width = picture.size
        profile: dict[str, Any] = {"driver": "GTiff", "height": height, "width": width, "count": 1}
        profile |= {"dtype": ids.dtype.name, "nodata": self.vocabulary.ignore_index}
        profile |= {"compress": "deflate"}
        if place is not None:
            profile |= {"crs": place.crs, "transform": place.transform}
        return write_raster(self._rasterio, ids, self._colors(), **profile)

    def _colors(self) -> dict[int, tuple[int, ...]] | None:
        if self.vocabulary.bits == 16:
            return None
        colors = zip(self.vocabulary.ids, self.vocabulary.colors, strict=True)
        return {own: (*color, 255) for own, color in colors}
