"""COCO-Object of the field's tables: the 80 things of COCO 2017, and background."""

from __future__ import annotations

from zeroseg.data.coco81 import Coco81
from zeroseg.data.coco_maps import MapForm

_CONVERTED = MapForm("instanceTrainIds", "_instanceTrainIds", {index: index for index in range(81)})


class CocoObject(Coco81):
    """COCO-Object: the classes of COCO-81, whose "unlabeled" is its background.

    The field makes it of the maps of COCO-Stuff by taking all that is no thing for background
    (GroupViT's converter, which writes `*_instanceTrainIds.png`). Such maps are read where they
    are there, then stuffthingmaps, then instances_*.json, whose overlaps are settled otherwise.
    """

    catalogued = "coco-object"
    maps_first = True
    forms = (_CONVERTED, *Coco81.forms)
