"""Label maps as pictures of ids, and the regions that a reader finds in them."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from zeroseg.data.masks import ids_in
from zeroseg.export.export_format import Written
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import class_regions


def voc_palette() -> NDArray[np.uint8]:
    """(256, 3), the colours of PASCAL VOC's masks: bits of the id, dealt out to the channels.

    Source: `VOClabelcolormap.m` of the VOC development kit, http://host.robots.ox.ac.uk/pascal/VOC.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for place in range(8):
        for channel in range(3):
            palette[:, channel] |= ((ids >> channel & 1) << (7 - place)).astype(np.uint8)
        ids = ids >> 3
    return palette


def png(ids: NDArray[np.integer], palette: NDArray[np.uint8] | None = None) -> bytes:
    """Ids (H, W) as a PNG: grey of 8 or 16 bits, as they are; indexed with a palette for 8."""
    picture = Image.fromarray(ids)
    if palette is not None and ids.dtype == np.uint8:
        picture.putpalette(palette.tobytes())
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    return encoded.getvalue()


def file_ids(picture: LabelledPicture) -> NDArray[np.integer]:
    """The label map in ids of files, (H, W): uint8, or uint16 where files have 16 bits."""
    ids = picture.vocabulary.to_ids(torch.from_numpy(picture.labels)).numpy()
    return ids.astype(np.uint8 if picture.vocabulary.bits == 8 else np.uint16)


def written_ids(
    picture: LabelledPicture, content: bytes, table: Sequence[int], lost: Collection[int] = ()
) -> Written:
    """What a PNG of ids holds, class by class.

    Args:
        picture: What was written.
        content: The PNG.
        table: The id of every class, by index.
        lost: Classes that a reader cannot tell by their id.
    """
    wanted = list(class_regions(picture.labels, range(len(picture.vocabulary))))

    def back() -> Iterator[NDArray[np.bool_]]:
        ids = ids_in(content, f"mask of '{picture.name}'").numpy()
        for region in wanted:
            yield (ids == table[region.label]) & (region.label not in lost)

    return Written(wanted, back)
