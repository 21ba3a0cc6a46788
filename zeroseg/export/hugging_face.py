"""Hugging Face data sets: a folder of pictures and masks that `load_dataset` reads."""

from __future__ import annotations

from typing import Any

from zeroseg.export.export_format import ExportFormat, Spool, Target, Written, json_bytes
from zeroseg.export.label_maps import file_ids, png, voc_palette, written_ids
from zeroseg.export.originals import original, upright
from zeroseg.export.picture import LabelledPicture


class HuggingFaceFormat(ExportFormat):
    """`train/metadata.jsonl`, `train/images` and `train/masks`, with a card that names the classes.

    `datasets.load_dataset(FOLDER)` gives columns image, mask (the vocabulary's ids), and objects:
    boxes x y width height, ids of classes and areas. Pictures always come along. Source:
    https://huggingface.co/docs/datasets/image_dataset.
    """

    name, summary, copies = "datasets", "pictures and masks for datasets.load_dataset", True
    pictures = "train/images/"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._rows, self._palette = Spool(b""), voc_palette()

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        file, suffix = upright(original(picture.source), picture.suffix)
        mask = png(file_ids(picture), self._palette)
        self.folder.write(f"{self.pictures}{picture.name}{suffix}", file)
        self.folder.write(f"train/masks/{picture.name}.png", mask)
        row = {
            "file_name": f"images/{picture.name}{suffix}",
            "mask_file_name": f"masks/{picture.name}.png",
            "objects": self._objects(picture),
        }
        self._rows.add(json_bytes(row) + b"\n")
        return written_ids(picture, mask, self.vocabulary.ids)

    def _objects(self, picture: LabelledPicture) -> dict[str, list[Any]]:
        corners = [region.box for region in picture.regions]
        return {
            "bbox": [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in corners],
            "category": [self.vocabulary.ids[region.label] for region in picture.regions],
            "area": [region.area for region in picture.regions],
        }

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        with self.folder.writing("train/metadata.jsonl") as stream:
            self._rows.into(stream)
        names = zip(self.vocabulary.ids, self.vocabulary.names, strict=True)
        rows = "".join(f"| {own} | {name} |\n" for own, name in names)
        card = (
            "---\ntask_categories:\n- image-segmentation\n---\n\nLabel maps made by zeroseg. "
            f"Pixels without a label are {self.vocabulary.ignore_index}.\n\n| id | class |\n"
            f"|---|---|\n{rows}"
        )
        self.folder.write("README.md", card.encode())
