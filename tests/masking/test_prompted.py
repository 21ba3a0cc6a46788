"""Masks that a person asks for: by boxes, by clicks, with what is known of the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from zeroseg.correcting.prompting import Prompting
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.masking import DetectorMasks, Sam
from zeroseg.masking.prompt import Prompt
from zeroseg.values import Detections

SCENE = draw_scene(7, 1, (128, 128))
IMAGE = torch.from_numpy(np.asarray(SCENE.image)).permute(2, 0, 1).contiguous()


@pytest.fixture(scope="module")
def sam() -> Sam:
    return Sam.from_pretrained("tiny:sam")


def thing(scene: Scene = SCENE) -> tuple[np.ndarray, Prompt, tuple[float, float]]:
    """The largest thing of a scene, the box around it, and a place in its middle."""
    things = [n for n, own in enumerate(scene.regions) if own.thing]
    mask = max((scene.segments == n for n in things), key=lambda own: own.sum())
    rows, columns = np.where(mask)
    x1, y1, x2, y2 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    middle = len(rows) // 2
    box = Prompt((float(x1), float(y1), float(x2), float(y2)))
    return mask, box, (float(columns[middle]) + 0.5, float(rows[middle]) + 0.5)


def iou(found: Tensor, mask: np.ndarray) -> float:
    inside = found.numpy() > 0
    return float((inside & mask).sum() / (inside | mask).sum())


def test_a_persons_box_is_answered_as_a_detectors_is(sam: Sam) -> None:
    mask, prompt, _ = thing()
    own = sam.prompted(IMAGE, prompt)
    found = Detections(
        torch.tensor([prompt.box]), torch.ones(1), torch.tensor([1]), ("x",), torch.tensor([0])
    )
    [expected] = sam.with_points(None)([IMAGE], [found])
    assert torch.equal(own.logits, expected.logits) and iou(own.full()[0], mask) > 0.7


def test_what_is_known_of_a_picture_changes_nothing(sam: Sam) -> None:
    _, prompt, (x, y) = thing()
    for asked in (prompt, Prompt(prompt.box, ((x, y, True),)), Prompt(None, ((x, y, True),))):
        fresh = sam.prompted(IMAGE, asked)
        assert torch.equal(fresh.logits, sam.prompted(IMAGE, asked, sam.encode([IMAGE])).logits)
        assert fresh.full().shape == (1, 128, 128)


def test_a_click_is_answered_by_a_mask_around_it_and_one_beside_is_kept_out(sam: Sam) -> None:
    held, kept_out, once = 0, 0, []
    for index in range(8):
        scene = draw_scene(7, index, (256, 256))
        image = torch.from_numpy(scene.image).permute(2, 0, 1).contiguous()
        mask, _, (x, y) = thing(scene)
        inside = sam.prompted(image, Prompt(None, ((x, y, True),))).full()[0]
        held += bool(inside[int(y), int(x)] > 0)
        once.append(iou(inside, mask))
        outside = np.argwhere((inside.numpy() > 0) & ~mask)
        row, column = outside[len(outside) // 2]
        beside = (float(column) + 0.5, float(row) + 0.5, False)
        mended = sam.prompted(image, Prompt(None, ((x, y, True), beside))).full()[0]
        kept_out += bool(mended[row, column] <= 0)
    assert held >= 6 and np.mean(once) > 0.35
    assert kept_out >= 6


def test_a_network_that_answers_to_points_is_shown_them_bare(sam: Sam) -> None:
    bare = sam.with_points(None)
    bare.square_sides = ()
    assert sam.square_sides
    for places in ([[40.0, 40.0]], [[40.0, 40.0], [60.0, 70.0]]):
        prompt = Prompt(None, tuple((x, y, True) for x, y in places))
        scale = sam.frame / 128
        with torch.no_grad():
            stock = sam.model(
                image_embeddings=sam.encode([IMAGE])[0],
                input_points=torch.tensor([[places]]) * scale,
                input_labels=torch.ones(1, 1, len(places), dtype=torch.int64),
                multimask_output=len(places) == 1,
            )
        masks, scores = stock.pred_masks[0, 0], stock.iou_scores[0, 0]
        cell = int(40 * scale * masks.shape[-1] / sam.frame)
        best = max(range(len(masks)), key=lambda n: (bool(masks[n, cell, cell] > 0), scores[n]))
        found = bare.prompted(IMAGE, prompt).logits[0]
        torch.testing.assert_close(found, masks[best], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("box", "clicks", "said"),
    [
        (None, (), "needs a box"),
        (None, ((3.0, 3.0, False),), "point on the object"),
        ((1.0, 1.0, 1.0, 5.0), (), "x1 < x2"),
        (None, ((float("nan"), 1.0, True),), "numbers"),
    ],
)
def test_prompts_that_mean_nothing_are_refused(box: object, clicks: object, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        Prompt(box, clicks)  # type: ignore[arg-type]


def test_prompts_that_lead_out_of_the_picture_are_refused(sam: Sam) -> None:
    for prompt in (Prompt((0, 0, 129, 5)), Prompt(None, ((5, -1, True),))):
        with pytest.raises(ImageError, match="leads out of the picture of 128 x 128"):
            sam.prompted(IMAGE, prompt)


def test_detectors_masks_answer_to_nobody() -> None:
    assert not DetectorMasks().promptable
    with pytest.raises(ZerosegError, match="no promptable masks: DetectorMasks"):
        DetectorMasks().prompted(IMAGE, Prompt((0, 0, 5, 5)))


def test_the_last_pictures_are_kept_and_no_more(sam: Sam) -> None:
    read: list[str] = []
    prompting, prompt = Prompting(sam, kept=2), Prompt((10, 10, 60, 60))

    def image(name: str) -> Tensor:
        read.append(name)
        return IMAGE

    for name in "abacab":
        mask = prompting.mask(name, lambda name=name: image(name), prompt)  # type: ignore[misc]
    assert read == ["a", "b", "c", "b"] and prompting.name == "Sam"
    assert mask.shape == (128, 128) and mask.any()
