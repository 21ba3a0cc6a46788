"""How well a CLIP knows drawn scenes by the names of their 25 classes.

Presence is read off the pooled embedding: a class is there if its cosine is over a threshold. Label
maps are read off the patches alone: the largest cosine, as the patches leave the network, and
without the last attention.

    python -m benchmarks.recipes.clip_score FOLDER --scenes 500

The thresholds are found without labels, from scenes of seed 1000004, as `zeroseg calibrate` finds
them; `--write` keeps them beside the network. Scenes of seed 13 are for the figures that are
reported: no recipe trains on them or watches them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPModel

from benchmarks.recipes.batches import IMAGE_MEAN, IMAGE_STD
from benchmarks.recipes.cache import VALIDATION_SEED
from benchmarks.recipes.clip_model import SIDE, value_layer
from benchmarks.recipes.clip_texts import encode
from benchmarks.recipes.sam3_score import REPORT_SEED, clear, drawn, written
from zeroseg.drawn.scene import Scene
from zeroseg.drawn.world import CATEGORIES, THINGS
from zeroseg.encoders.published import load_encoder
from zeroseg.refinement.encoder_verifier import EncoderVerifier
from zeroseg.vocabulary import Vocabulary

ALL = Vocabulary.parse("drawn-all")
WORDS = list(CATEGORIES)
READINGS = ("patches", "values")


@dataclass(frozen=True)
class Cosines:
    """What a model says of one scene of H x W pixels: cosines with each class's name.

    Attributes:
        whole: (25,), of the pooled embedding.
        maps: Reading -> (25, H, W), of patches.
    """

    whole: Tensor
    maps: dict[str, Tensor]


@torch.inference_mode()
def look(model: CLIPModel, scene: Scene, words: Tensor) -> Cosines:
    """Compare a scene with words (25, C) of length 1."""
    image = torch.from_numpy(scene.image).permute(2, 0, 1)[None].float() / 255
    image = F.interpolate(image, (SIDE, SIDE), mode="bilinear", antialias=True)
    mean, std = torch.tensor(IMAGE_MEAN), torch.tensor(IMAGE_STD)
    image = ((image - mean[:, None, None]) / std[:, None, None]).to(model.device)
    vision = model.vision_model
    hidden = vision(image, output_hidden_states=True).hidden_states
    values = value_layer(vision.encoder.layers[-1], hidden[-2])

    def cosines(tokens: Tensor) -> Tensor:
        projected = model.visual_projection(vision.post_layernorm(tokens[0]))
        return (F.normalize(projected, dim=-1) @ words.T).cpu()

    def painted(tokens: Tensor) -> Tensor:
        side = round((len(tokens[0]) - 1) ** 0.5)
        cells = cosines(tokens)[1:].T.unflatten(1, (side, side))
        return F.interpolate(cells[None], scene.segments.shape, mode="bilinear")[0]

    maps = {"patches": painted(hidden[-1]), "values": painted(values)}
    return Cosines(cosines(hidden[-1])[0], maps)


def names(model: CLIPModel) -> Tensor:
    """The classes' names as vectors (25, C) of length 1."""
    ids = encode(WORDS).to(model.device)
    output = model.get_text_features(input_ids=ids, attention_mask=(ids > 0).long())
    return F.normalize(output.pooler_output, dim=-1)


@dataclass
class ClipScore:
    """Collects the answers to many scenes, then sums up.

    A class of which there are only regions too small to be asked for is neither right nor wrong in
    presence; the label maps have every pixel.
    """

    confusion: dict[str, Tensor] = field(
        default_factory=lambda: {
            name: torch.zeros(len(WORDS), len(WORDS), dtype=torch.int64) for name in READINGS
        }
    )
    hits: Tensor = field(default_factory=lambda: torch.zeros(len(WORDS)))
    alarms: Tensor = field(default_factory=lambda: torch.zeros(len(WORDS)))
    misses: Tensor = field(default_factory=lambda: torch.zeros(len(WORDS)))

    def add(self, found: Cosines, scene: Scene, thresholds: Tensor) -> None:
        """Take in one scene, with thresholds (25,)."""
        segments = torch.from_numpy(scene.segments).long()
        there = {r.category for r in scene.regions}
        clearly = {r.category for r in scene.regions if clear(r, segments.numel())}
        for i, said in enumerate((found.whole > thresholds).tolist()):
            self.hits[i] += said and WORDS[i] in clearly
            self.misses[i] += not said and WORDS[i] in clearly
            self.alarms[i] += said and WORDS[i] not in there
        truth = torch.tensor([WORDS.index(r.category) for r in scene.regions])[segments]
        for name, cosines in found.maps.items():
            pairs = (truth * len(WORDS) + cosines.argmax(0)).flatten()
            counts = torch.bincount(pairs, minlength=len(WORDS) ** 2)
            self.confusion[name] += counts.view(len(WORDS), -1)

    def ious(self, reading: str) -> np.ndarray:
        """IoU of each class in the label maps; NaN if it never occurs."""
        table = self.confusion[reading]
        hits = table.diagonal()
        return (hits / (table.sum(0) + table.sum(1) - hits)).numpy()

    def f1(self) -> Tensor:
        """Presence F1 of each class."""
        return 2 * self.hits / (2 * self.hits + self.alarms + self.misses)

    def summary(self) -> dict[str, float]:
        """The figures."""
        hits, alarms, misses = (float(x.sum()) for x in (self.hits, self.alarms, self.misses))
        figures = {
            "presence F1": 2 * hits / max(1, 2 * hits + alarms + misses),
            "precision": hits / max(1, hits + alarms),
            "recall": hits / max(1, hits + misses),
        }
        for reading in READINGS:
            ious = self.ious(reading)
            figures[f"{reading} mIoU"] = float(np.nanmean(ious))
            figures[f"{reading} things"] = float(np.nanmean(ious[: len(THINGS)]))
            figures[f"{reading} stuff"] = float(np.nanmean(ious[len(THINGS) :]))
        return figures


@torch.inference_mode()
def score(model: CLIPModel, scenes: Iterable[Scene], thresholds: Tensor) -> ClipScore:
    """Compare all scenes with the names of all classes."""
    total, words = ClipScore(), names(model)
    for scene in scenes:
        total.add(look(model, scene, words), scene, thresholds)
    return total


@torch.inference_mode()
def verified(verifier: EncoderVerifier, scenes: Iterable[Scene]) -> Tensor:
    """What the component says of scenes, (N, 25)."""
    images = (torch.from_numpy(scene.image).permute(2, 0, 1) for scene in scenes)
    return torch.cat([verifier.scores([image], ALL) for image in images])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of an exported model")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=REPORT_SEED)
    parser.add_argument("--calibrating", type=int, default=400, help="scenes for the thresholds")
    parser.add_argument("--write", action="store_true", help="keep the thresholds in presence.yaml")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    verifier = EncoderVerifier(
        *load_encoder(args.model, "clip_score"), "tiny:clip", templates="none"
    )
    watched = verified(verifier, drawn(VALIDATION_SEED, args.calibrating))
    found = verifier.calibrate(watched, ALL)
    if args.write:
        found.to_yaml(args.model / "presence.yaml")
    limits = torch.tensor([own.threshold for own in found.classes.values()])
    total, words = ClipScore(), names(verifier.model)
    for scene in drawn(args.seed, args.scenes):
        whole = verified(verifier, [scene])[0]
        total.add(replace(look(verifier.model, scene, words), whole=whole), scene, limits)
    print(f"{args.scenes} scenes of seed {args.seed}: {written(total.summary())}")
    print(f"presence F1 {written(dict(zip(WORDS, total.f1().tolist(), strict=True)))}")
    for reading in READINGS:
        ious = dict(zip(WORDS, total.ious(reading).tolist(), strict=True))
        print(f"IoU by {reading} {written(ious)}")


if __name__ == "__main__":
    main()
