"""GeoJSON: polygons with holes, in the coordinates of the picture where it has any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg.export.export_format import ExportFormat, Written, json_bytes
from zeroseg.export.georeference import Georeference, georeference
from zeroseg.export.outlines import Ring, fill
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region

_WHO = "the format geojson, for a picture that may know coordinates,"


class GeoJsonFormat(ExportFormat):
    """`NAME.geojson`, a collection of a `MultiPolygon` for each region.

    Coordinates are those of the picture's own reference system, named as "crs" in the way of
    GeoJSON 2008, which GIS programs read; of a picture without, pixels x y from its upper left
    corner. Outlines run counterclockwise and holes clockwise, as RFC 7946 wants it.
    """

    name, summary = "geojson", "polygons with holes, in the picture's coordinates"

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        place = georeference(picture, _WHO)
        if place is None:
            self.notes["pictures whose files know no coordinates: polygons in pixels"] += 1
        content: dict[str, Any] = {"type": "FeatureCollection", "name": picture.file}
        if place is not None and place.crs is not None:
            content["crs"] = {"type": "name", "properties": {"name": _name_of(place.crs)}}
        content["features"] = [self._feature(r, picture, place) for r in picture.regions]
        text = json_bytes(content)
        self.copied(picture)
        self.folder.write(f"{picture.name}.geojson", text)

        def back() -> Iterator[NDArray[np.bool_]]:
            for feature in json.loads(text)["features"]:
                parts = feature["geometry"]["coordinates"]
                rings = [np.array(ring[:-1], np.float64) for part in parts for ring in part]
                pixels = rings if place is None else [place.pixels(ring) for ring in rings]
                yield fill(pixels, picture.size)

        return Written(picture.regions, back)

    def _feature(
        self, region: Region, picture: LabelledPicture, place: Georeference | None
    ) -> dict[str, Any]:
        about = {"class": picture.class_name(region), "id": self.vocabulary.ids[region.label]}
        score = {} if region.score is None else {"score": region.score}
        parts = [[_closed(ring, place) for ring in p.rings] for p in region.polygons()]
        return {
            "type": "Feature",
            "properties": {**about, **score, **region.makers, "pixels": region.area},
            "geometry": {"type": "MultiPolygon", "coordinates": parts},
        }


def _closed(ring: Ring, place: Georeference | None) -> list[list[float]]:
    """A ring in coordinates that ends where it begins.

    Clockwise with y downwards, as rings are in a picture, is counterclockwise with y upwards.
    """
    corners = ring if place is None else place.coordinates(ring)
    if place is not None and place.transform.determinant < 0:
        corners = corners[::-1]
    closed: list[list[float]] = [*corners.tolist(), corners[0].tolist()]
    return closed


def _name_of(crs: Any) -> str:
    """What a reference system is called: by the register of EPSG, or in full."""
    code = crs.to_epsg()
    return str(crs.to_wkt()) if code is None else f"urn:ogc:def:crs:EPSG::{code}"
