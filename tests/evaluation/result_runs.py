"""Result folders from random label maps: everything but the models is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroseg.data.sample import Sample, Truth
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.evaluation.record import ImageRecord, record
from zeroseg.evaluation.results import results
from zeroseg.evaluation.run_folder import RunFolder
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

NAMES = ("background", "bird", "boat", "<b>cat</b> & | co `x`", "dog")


class Maps(Samples):
    """Grey pictures with label maps."""

    def __init__(self, targets: Mapping[str, Tensor]) -> None:
        self.targets = dict(targets)

    @property
    def names(self) -> Sequence[str]:
        return tuple(self.targets)

    def image(self, position: int) -> Tensor:
        return torch.full((3, *self.targets[self.names[position]].shape), 128, dtype=torch.uint8)

    def truth(self, position: int) -> Truth:
        return Truth(self.targets[self.names[position]])


def vocabulary(names: Sequence[str] = NAMES) -> Vocabulary:
    return Vocabulary.from_names(names, name="five")


def scenes(count: int, classes: int, seed: int = 0, size: int = 16) -> dict[str, Tensor]:
    """Label maps in stripes; the last class never occurs, and some pixels are void."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for index in range(count):
        rows = torch.randint(0, classes - 1, (size // 4, 1), generator=generator)
        labels = rows.repeat_interleave(4, 0).expand(size, size).clone()
        labels[0, 0] = 255
        found[f"set/{index:03d}"] = labels
    return found


def disturbed(target: Tensor, share: float, classes: int, seed: int) -> Tensor:
    """A prediction with that share of pixels drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    wrong = torch.rand(target.shape, generator=generator) < share
    drawn = torch.randint(0, classes - 1, target.shape, generator=generator)
    return torch.where(wrong | (target == 255), drawn, target)


def records_of(
    targets: Mapping[str, Tensor], share: float, seed: int = 0, names: Sequence[str] = NAMES
) -> list[ImageRecord]:
    """What a system that gets a share of the pixels wrong would have recorded."""
    words = vocabulary(names)
    kept = []
    for index, sample in enumerate(_samples(targets)):
        assert sample.target is not None
        labels = disturbed(sample.target, share, len(words), seed + index)
        kept.append(record(sample, Segmentation(labels, words, sample.image), words))
    return kept


def failed(targets: Mapping[str, Tensor], name: str) -> ImageRecord:
    """The record of an image that failed."""
    [sample] = _samples({name: targets[name]})
    return record(sample, Failure(name, "detector", "no <memory> | left"), vocabulary())


def _samples(targets: Mapping[str, Tensor]) -> list[Sample]:
    whole = Maps(targets)
    return [whole[index] for index in range(len(whole))]


def results_of(
    records: Sequence[ImageRecord], system: str = "tiny", names: Sequence[str] = NAMES
) -> dict[str, Any]:
    """The content of `results.json`."""
    words = vocabulary(names)
    data = SampleData(words, Maps({r.name: torch.zeros(1, 1) for r in records}), 1, 0)
    return {
        **results(records, data),
        "system": system,
        "version": "0.2.0",
        "commit": None,
        "config": {"detector": {"class_path": "a.B", "init_args": {"words": "```<i>"}}},
        "checkpoints": [
            {
                "component": "detector",
                "checkpoint": "groundingdino_swinb_cogcoor.pth",
                "sha256": "0123456789abcdef",
                "trained_on": ["COCO train"],
                "contamination": "yes",
                "note": "labels & <boxes>",
            }
        ],
        "data": {"name": "stripes", "count": len(records), "fingerprint": "00ff"},
        "seeds": {"subset": 0},
        "published": [],
        "background": {"scored": True, "rule": "threshold", "threshold": 0.4, "words": ["sky"]},
    }


def write_run(
    folder: Path,
    records: Sequence[ImageRecord],
    system: str = "tiny",
    names: Sequence[str] = NAMES,
    **changes: Any,
) -> Path:
    """A finished result folder; `changes` replace entries of its results."""
    kept = RunFolder(folder)
    kept.begin({"system": system})
    for one in records:
        kept.add(one, None)
    kept.write_json("results.json", {**results_of(records, system, names), **changes})
    return folder
