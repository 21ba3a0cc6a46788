"""Scores pooled over regions: by hand, the contract, and what it is for on drawn scenes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import SamImageProcessor, SamModel

from tests.baselines.conftest import proposals_of
from tests.dense.dense_parts import ask, check_any_company
from tests.encoders.encoder_parts import clip
from tests.masking.conftest import processor, sam_model
from zeroseg.data.drawn_scenes import label_map
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.dense.partition import Partition
from zeroseg.dense.patch_scorer import PatchScorer
from zeroseg.dense.region_scorer import Pooling, RegionScorer
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.masking.everything import EverythingMasks
from zeroseg.masking.mask_proposer import MaskProposer, Proposals
from zeroseg.masking.sam import Sam
from zeroseg.testing import DenseScorerContract, ScriptedScorer, noise
from zeroseg.values import DISTRACTOR, UNRESOLVED, DenseScores, Geometry, Masks, Selection
from zeroseg.vocabularies import DRAWN_ALL

__all__ = ["processor", "sam_model"]


class Rectangles(MaskProposer):
    """The same rectangles in every picture of 4 x 6 pixels."""

    def __init__(self, *boxes: Sequence[float]) -> None:
        super().__init__()
        self.boxes = boxes

    def forward(self, images: Sequence[Tensor]) -> list[Proposals]:
        return [proposals_of(self.boxes, *image.shape[1:]) for image in images]


class Told(DenseScorer):
    """Given maps for whatever is asked."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = maps

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        size = (images[0].shape[1], images[0].shape[2])
        own = Geometry.itself(size)
        return [DenseScores(self.maps, asked.labels, own) for asked in selections]


def pooled(
    maps: Tensor, labels: tuple[int, ...], pooling: Pooling, *boxes: tuple[int, ...]
) -> Tensor:
    prompts = tuple(f"word {i}" for i in range(len(labels)))
    part = RegionScorer(Told(maps), Rectangles(*boxes), pooling, chunk_size=1)
    [found] = part([noise(4, 6)], [Selection(prompts, labels)])
    assert found.labels == labels
    return found.full()


LEFT, CORNER = (0, 0, 3, 4), (0, 0, 2, 2)


def test_a_place_belongs_to_the_smallest_mask() -> None:
    partition = Partition.of(proposals_of([CORNER, LEFT], 4, 6), (4, 6))
    expected = torch.zeros(4, 6, dtype=torch.int64)
    expected[:, :3] = 2
    expected[:2, :2] = 1
    assert torch.equal(partition.index, expected)
    assert torch.equal(partition.covered, expected > 0)


def test_no_mask_leaves_everything_as_it_is() -> None:
    maps = torch.rand(2, 4, 6)
    for pooling in ("mean", "vote"):
        assert torch.equal(pooled(maps, (1, 2), pooling), maps)


def test_a_region_has_the_mean_of_its_places_and_the_rest_its_own() -> None:
    maps = torch.rand(2, 4, 6, generator=torch.Generator().manual_seed(0))
    found = pooled(maps, (1, 2), "mean", CORNER, LEFT)
    corner = torch.zeros(4, 6, dtype=torch.bool)
    corner[:2, :2] = True
    left = torch.zeros(4, 6, dtype=torch.bool)
    left[:, :3] = True
    left &= ~corner
    for own, before in zip(found, maps, strict=True):
        for region in (corner, left):
            torch.testing.assert_close(own[region], before[region].mean().expand(int(region.sum())))
        assert torch.equal(own[:, 3:], before[:, 3:])


def test_most_places_decide_however_sure_the_others_are() -> None:
    maps = torch.zeros(2, 4, 6)
    maps[0] = 0.5
    maps[0, 0, :3], maps[1, 0, :3] = 0.0, 1.0  # a quarter of the region, surer than the others
    maps[1, 1:, :3] = 0.4
    assert bool((pooled(maps, (1, 2), "mean", LEFT)[1, :, :3] > 0.5).all())
    found = pooled(maps, (1, 2), "vote", LEFT)
    height = (3 * 1.0 + 9 * 0.5) / 12  # the mean of the highest scores
    torch.testing.assert_close(found[0, :, :3], torch.full((4, 3), 0.75 * height))
    torch.testing.assert_close(found[1, :, :3], torch.full((4, 3), 0.25 * height))


def test_words_of_a_class_vote_together_and_what_has_none_alone() -> None:
    maps = torch.zeros(5, 4, 6)
    for row, best in enumerate((0, 1, 2, 3)):
        maps[best, row, :3] = 1.0
    labels = (7, 7, UNRESOLVED, UNRESOLVED, DISTRACTOR)
    found = pooled(maps, labels, "vote", LEFT)[:, 0, 0]
    assert found.tolist() == [0.5, 0.5, 0.25, 0.25, 0.0]
    maps[:4] *= 0.5
    maps[4, :3, :3] = 1.0  # three quarters of the places, and the last word of a class
    shares = pooled(maps, (7, 7, 8, UNRESOLVED, 7), "vote", LEFT)[:, 0, 0] / 0.875
    assert shares.tolist() == [0.75, 0.75, 0.0, 0.25, 0.75]


def test_a_large_picture_is_pooled_at_a_bounded_size() -> None:
    part = RegionScorer(
        ScriptedScorer({"dog": (0, 0, 0.5, 1)}), Rectangles((0, 0, 700, 400)), side=64
    )
    [found] = part([noise(400, 1000)], [ask("dog", "sky")])
    assert found.maps.shape == (2, 26, 64)
    assert found.geometry.size == (400, 1000)
    assert float(found.maps[0, 0, 0]) == pytest.approx(5 / 7, abs=0.02)
    assert float(found.maps[0, 0, -1]) == 0


def test_presence_is_handed_on() -> None:
    scorer = ScriptedScorer({"dog": (0, 0, 0.5, 1)})
    [found] = RegionScorer(scorer, Rectangles(LEFT))([noise(4, 6)], [ask("dog", "sky")])
    assert found.presence is not None
    assert found.presence.tolist() == [1, 0]


class TestContract(DenseScorerContract):
    @pytest.fixture(autouse=True)
    def _parts(self, sam_model: SamModel, processor: SamImageProcessor) -> None:
        self.proposer = everything(sam_model, processor)

    def part(self) -> DenseScorer:
        return RegionScorer(PatchScorer(*clip(), templates="none"), self.proposer)


def everything(model: SamModel, processor: SamImageProcessor) -> EverythingMasks:
    return EverythingMasks(
        Sam(model, processor), 3, iou_threshold=-9.0, stability_threshold=0.0, nms_threshold=0.7
    )


@pytest.mark.parametrize("pooling", ["mean", "vote"])
def test_company_and_sizes_change_nothing(
    sam_model: SamModel, processor: SamImageProcessor, pooling: Pooling
) -> None:
    scorer = PatchScorer(*clip(), templates="none")
    check_any_company(RegionScorer(scorer, everything(sam_model, processor), pooling))


def test_variants_share_the_parts() -> None:
    part = RegionScorer(ScriptedScorer({}), Rectangles(LEFT))
    other = part.variant(pooling="vote", scope=True)
    assert (part.pooling, part.scope) == ("mean", False)
    assert (other.pooling, other.scope) == ("vote", True)
    assert other.scorer is part.scorer and other.proposer is part.proposer


def test_scope_tells_the_scorer_of_the_regions() -> None:
    image, asked = [noise(40, 56)], [ask("dog", "sky")]
    scorer = PatchScorer(*clip(), templates="none")
    proposer = Rectangles((0, 0, 28, 40), (28, 0, 56, 40))
    found = [RegionScorer(scorer, proposer, scope=own)(image, asked)[0] for own in (False, True)]
    assert float((found[0].maps - found[1].maps).abs().max()) > 1e-3
    told = Told(scorer.within(image, asked, proposer(image))[0].full())
    [expected] = RegionScorer(told, proposer)(image, asked)
    torch.testing.assert_close(found[1].maps, expected.maps, atol=1e-4, rtol=1e-3)
    plain = ScriptedScorer({"dog": (0, 0, 0.5, 1)})  # reads none
    [same] = RegionScorer(plain, Rectangles(LEFT), scope=True)([noise(4, 6)], [ask("dog")])
    assert torch.equal(same.full(), plain([noise(4, 6)], [ask("dog")])[0].full())


class Coarse(DenseScorer):
    """What is true of drawn scenes, as eight by eight places show it."""

    def __init__(self, truths: Sequence[Tensor]) -> None:
        super().__init__()
        self.truths = truths

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        return [self._score(*each) for each in zip(images, selections, self.truths, strict=True)]

    def _score(self, image: Tensor, selection: Selection, truth: Tensor) -> DenseScores:
        labels = torch.tensor(selection.labels)[:, None, None]
        maps = F.adaptive_avg_pool2d((truth == labels).float(), 8)
        size = (image.shape[1], image.shape[2])
        return DenseScores(maps, selection.labels, Geometry(size, size, size, at_once=True))


class Outlines(MaskProposer):
    """Every region of drawn scenes, outlined as it is."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        super().__init__()
        self.scenes = scenes

    def forward(self, images: Sequence[Tensor]) -> list[Proposals]:
        return [self._propose(scene) for scene in self.scenes]

    def _propose(self, scene: Scene) -> Proposals:
        segments = torch.from_numpy(scene.segments)
        inside = torch.stack([segments == i for i in range(len(scene.regions))])
        size = (inside.shape[1], inside.shape[2])
        boxes, scores = torch.zeros(len(inside), 4), torch.ones(len(inside))
        masks = Masks(torch.where(inside, 9.0, -9.0), Geometry.itself(size))
        return Proposals(masks, boxes, scores, inside.sum((1, 2)).float())


@pytest.mark.parametrize("pooling", ["mean", "vote"])
def test_edges_of_coarse_maps_become_those_of_masks(pooling: Pooling) -> None:
    scenes = [draw_scene(7, i, (128, 128)) for i in range(3)]
    images = [torch.from_numpy(scene.image).permute(2, 0, 1).contiguous() for scene in scenes]
    truths = [label_map(scene, DRAWN_ALL) for scene in scenes]
    classes = DRAWN_ALL.classes
    asked = [Selection(tuple(DRAWN_ALL.prompts[i] for i in classes), classes)] * len(scenes)
    coarse = Coarse(truths)
    right = []
    for part in (coarse, RegionScorer(coarse, Outlines(scenes), pooling)):
        maps = [torch.tensor(own.labels)[own.full().argmax(0)] for own in part(images, asked)]
        same = [(one == other).float().mean() for one, other in zip(maps, truths, strict=True)]
        right.append(float(torch.stack(same).mean()))
    assert right[0] < 0.92 and right[1] > 0.96


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "pooling is 'max', expected one of"),
        ({"side": 0}, "side is 0, expected at least 1"),
        ({"chunk_size": 0}, "chunk_size is 0, expected at least 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegionScorer(ScriptedScorer({}), Rectangles(LEFT), **options)  # type: ignore[arg-type]


def test_parts_in_each_others_place_are_refused() -> None:
    with pytest.raises(TypeError, match="a DenseScorer is expected where Rectangles was given"):
        RegionScorer(Rectangles(LEFT), Rectangles(LEFT))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a MaskProposer is expected where ScriptedScorer"):
        RegionScorer(ScriptedScorer({}), ScriptedScorer({}))  # type: ignore[arg-type]
