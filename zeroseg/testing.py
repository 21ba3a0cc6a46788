"""Contracts that any component must keep, as test classes to inherit, and scripted stand-ins.

A user's own detector is tested by a class on which pytest runs the tests of the contract:

    class TestMyDetector(DetectorContract):
        def part(self) -> Detector:
            return MyDetector()

The stand-ins answer what they were told to: `ScriptedChat`, `ScriptedTagger`, `ScriptedCaptioner`,
`ScriptedVerifier`, `ScriptedDetector`, `ScriptedConcepts` (a detector that knows pixels),
`ScriptedReviewer`, `ScriptedScorer`, `BoxMasks` and `DenseFusion`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply
from zeroseg.confidence.confidence_estimator import ConfidenceEstimator
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.errors import ZerosegError
from zeroseg.fusion.fusion import Fusion
from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.prompt import Prompt
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.reviewer import Review, Reviewer
from zeroseg.refinement.verifier import Verifier
from zeroseg.values import (
    UNRESOLVED,
    DenseScores,
    Description,
    Detections,
    Geometry,
    Masks,
    Points,
    Selection,
    Tag,
    Usage,
)
from zeroseg.video.propagation import Propagation
from zeroseg.video.seen import Seen
from zeroseg.vocabulary import Vocabulary

Part = TypeVar("Part")


def blank(height: int = 32, width: int = 48, value: int = 127) -> Tensor:
    """An evenly grey image, (3, H, W) uint8."""
    return torch.full((3, height, width), value, dtype=torch.uint8)


def noise(height: int = 32, width: int = 48, seed: int = 0) -> Tensor:
    """An image of noise, the same for the same seed, (3, H, W) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def boxed(
    *boxes: Sequence[float], scores: Sequence[float] | None = None, labels: Sequence[int] = ()
) -> Detections:
    """Detections at given boxes; scores fall and labels rise from 0 unless given."""
    count = len(boxes)
    values = (
        list(scores)
        if scores is not None
        else [0.9 - 0.8 * i / max(count, 1) for i in range(count)]
    )
    index = torch.tensor(list(labels) if labels else list(range(count)), dtype=torch.int64)
    return Detections(
        boxes=torch.tensor([list(box) for box in boxes], dtype=torch.float32).reshape(count, 4),
        scores=torch.tensor(values, dtype=torch.float32),
        labels=index,
        phrases=tuple(f"thing {i}" for i in range(count)),
        prompt_index=torch.arange(count),
    )


def filled(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Where pixels' centres lie in boxes (N, 4): (N, H, W) bool."""
    y = torch.arange(size[0])[None, :, None] + 0.5
    x = torch.arange(size[1])[None, None, :] + 0.5
    x1, y1, x2, y2 = (boxes[:, i, None, None] for i in range(4))
    return (x > x1) & (x < x2) & (y > y1) & (y < y2)


class ScriptedChat(ChatModel):
    """A chat model with given replies, in turn; it keeps what it was asked.

    Args:
        replies: Texts to answer with, or a function of the conversation. The last text repeats.
        usage: What each answer is said to have cost.
    """

    def __init__(
        self, replies: Sequence[str] | Callable[[Conversation], str], usage: Usage | None = None
    ) -> None:
        super().__init__()
        self.replies = replies
        self.usage = usage or Usage(calls=1, prompt_tokens=10, completion_tokens=2)
        self.asked: list[Conversation] = []

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer from the script."""
        return [Reply(self._answer(conversation), self.usage) for conversation in conversations]

    def _answer(self, conversation: Conversation) -> str:
        self.asked.append(conversation)
        if callable(self.replies):
            return self.replies(conversation)
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


class ScriptedTagger(Tagger):
    """Gives every image the same tags, all with score 1."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        """Answer from the script."""
        return [tuple(Tag(name, 1.0) for name in self.names) for _ in images]


class ScriptedCaptioner(Captioner):
    """Gives every image the same caption."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self.caption = caption

    def forward(self, images: Sequence[Tensor]) -> list[str]:
        """Answer from the script."""
        return [self.caption for _ in images]


class ScriptedDetector(Detector):
    """Finds given boxes where their words are asked for.

    Args:
        boxes: For each prompt x1 y1 x2 y2 in shares of the image's width and height, in [0, 1].
    """

    def __init__(self, boxes: dict[str, Sequence[float]]) -> None:
        super().__init__()
        self.boxes = boxes

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Answer from the script."""
        pairs = zip(images, selections, strict=True)
        return [self._find(image, selection) for image, selection in pairs]

    def _find(self, image: Tensor, selection: Selection) -> Detections:
        found = [i for i, prompt in enumerate(selection.prompts) if prompt in self.boxes]
        height, width = image.shape[1:]
        shares = [self.boxes[selection.prompts[i]] for i in found]
        frame = torch.tensor([width, height, width, height], dtype=torch.float32)
        return Detections(
            boxes=torch.tensor(shares, dtype=torch.float32).reshape(len(found), 4) * frame,
            scores=torch.linspace(0.9, 0.5, len(found)),
            labels=torch.tensor([selection.labels[i] for i in found], dtype=torch.int64),
            phrases=tuple(selection.prompts[i] for i in found),
            prompt_index=torch.tensor(found, dtype=torch.int64),
        )


class BoxMasks(MaskPredictor):
    """Takes every box for its mask: logits 1 inside, -1 outside, at full size."""

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        """Fill the boxes."""
        return [self._fill(i, d) for i, d in zip(images, detections, strict=True)]

    def _fill(self, image: Tensor, found: Detections) -> Masks:
        size = (image.shape[1], image.shape[2])
        return Masks(filled(found.boxes, size).float() * 2 - 1, Geometry.itself(size))


class ScriptedVerifier(Verifier):
    """Finds given prompts present to a given degree, and drops those that are not there at all.

    Args:
        presence: For each prompt how likely it is in any image, in [0, 1]; others are dropped.
    """

    def __init__(self, presence: dict[str, float]) -> None:
        super().__init__()
        self.presence = presence

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Answer from the script."""
        return [self._judge(own) for own in selections]

    def _judge(self, selection: Selection) -> Selection:
        kept = [i for i, prompt in enumerate(selection.prompts) if self.presence.get(prompt)]
        left = selection.keep(kept)
        return replace(left, presence=tuple(self.presence[prompt] for prompt in left.prompts))


class ScriptedReviewer(Reviewer):
    """Gives detections of given classes other ones, in any image.

    Args:
        labels: For a class the one it gets, -1 to take it away; it is then absent.
    """

    def __init__(self, labels: dict[int, int]) -> None:
        super().__init__()
        self.labels = labels

    def forward(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        detections: Sequence[Detections],
        dense: Sequence[DenseScores | None],
        vocabulary: Vocabulary,
    ) -> list[Review]:
        """Answer from the script."""
        absent = frozenset(self.labels)
        told = [[self.labels.get(i, i) for i in found.labels.tolist()] for found in detections]
        return [Review(tuple(labels), absent) for labels in told]


class ScriptedScorer(DenseScorer):
    """Scores given boxes 1 and all else 0, at full size.

    Args:
        boxes: See `ScriptedDetector`.
    """

    def __init__(self, boxes: dict[str, Sequence[float]]) -> None:
        super().__init__()
        self.boxes = boxes

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        """Answer from the script."""
        return [self._score(*pair) for pair in zip(images, selections, strict=True)]

    def _score(self, image: Tensor, selection: Selection) -> DenseScores:
        height, width = image.shape[1:]
        frame = torch.tensor([width, height, width, height], dtype=torch.float32)
        shares = [self.boxes.get(prompt, (0, 0, 0, 0)) for prompt in selection.prompts]
        boxes = torch.tensor(shares, dtype=torch.float32).reshape(len(shares), 4) * frame
        maps = filled(boxes, (height, width)).float()
        presence = maps.flatten(1).amax(1) if len(maps) else maps.new_zeros(0)
        return DenseScores(maps, selection.labels, Geometry.itself((height, width)), presence)


class ScriptedConcepts(ScriptedDetector):
    """A detector that knows pixels: masks, dense scores and presence come with its boxes."""

    gives_dense = True

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Answer from the script."""
        dense = ScriptedScorer(self.boxes)(images, selections)
        found = super().forward(images, selections)
        masks = BoxMasks()(images, found)
        return [replace(f, masks=m, dense=d) for f, m, d in zip(found, masks, dense, strict=True)]


class DenseFusion(Fusion):
    """The highest dense score takes the pixel, the background where none is positive."""

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Paint the dense scores.

        Raises:
            ValueError: There are none.
        """
        if dense is None:
            raise ValueError("DenseFusion needs dense scores")
        background = torch.full(dense.geometry.size, vocabulary.background)
        if not len(dense):
            return background
        best = dense.full().max(0)
        return torch.where(best.values > 0, torch.tensor(dense.labels)[best.indices], background)


class Contract(ABC, Generic[Part]):
    """Tests that every component of a kind passes."""

    @abstractmethod
    def part(self) -> Part:
        """The component under test."""


class ChatModelContract(Contract[ChatModel]):
    """What every chat model keeps. `part` makes one that can answer."""

    def test_no_conversation_is_no_reply(self) -> None:
        assert self.part()([]) == []

    def test_every_conversation_gets_its_reply(self) -> None:
        asked = [
            Conversation((Message("user", f"Say {word}."),)) for word in ("one", "two", "three")
        ]
        replies = self.part()(asked)
        assert len(replies) == 3
        assert all(isinstance(reply.text, str) and reply.usage.calls >= 0 for reply in replies)

    def test_turns_may_come_in_any_order(self) -> None:
        turns = (
            (Message("system", "Be brief."), Message("user", "Say one.")),
            (Message("user", "Say one."), Message("user", "Say two.")),
            (Message("user", "Say one."), Message("assistant", "one"), Message("user", "Again.")),
            (Message("assistant", "Hello."), Message("user", "Say one.")),
        )
        for messages in turns:
            [reply] = self.part()([Conversation(messages)])
            assert reply.refused is None


class TaggerContract(Contract[Tagger]):
    """What every tagger keeps."""

    def test_no_image_has_no_tags(self) -> None:
        assert self.part()([]) == []

    def test_batch_equals_singles_in_any_order(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2), blank(33, 33)]
        together = part(images)
        backwards = part(images[::-1])[::-1]
        for image, tags, again in zip(images, together, backwards, strict=True):
            for other in (part([image])[0], again):
                assert [tag.name for tag in tags] == [tag.name for tag in other]
                assert all(abs(a.score - b.score) < 1e-4 for a, b in zip(tags, other, strict=True))

    def test_a_name_is_given_once(self) -> None:
        for tags in self.part()([noise(40, 56), blank()]):
            assert len({tag.name for tag in tags}) == len(tags)


class CaptionerContract(Contract[Captioner]):
    """What every captioner keeps."""

    def test_no_image_has_no_caption(self) -> None:
        assert self.part()([]) == []

    def test_batch_equals_singles_in_any_order(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2), blank(33, 33)]
        together = part(images)
        assert together == [part([image])[0] for image in images]
        assert together == part(images[::-1])[::-1]

    def test_captions_are_stripped(self) -> None:
        assert all(caption == caption.strip() for caption in self.part()([noise(), blank()]))


_WORDS = Vocabulary.from_names(["background", "dog", "potted-plant", "traffic-light", "person"])


class PreRefinerContract(Contract[PreRefiner]):
    """What every pre-refiner keeps. `refines` is False for modes that pass raw tags on."""

    refines = True

    def test_nothing_described_is_nothing_selected(self) -> None:
        assert self.part()([], _WORDS) == []

    def test_selects_classes_of_the_vocabulary_but_not_its_background(self) -> None:
        described = [
            Description((Tag("dog", 0.9), Tag("background", 0.8), Tag("spaceship", 0.7)), "a dog"),
            Description(),
        ]
        selections = self.part()(described, _WORDS)
        assert len(selections) == 2
        for selection in selections:
            allowed = set(_WORDS.classes) | (set() if self.refines else {UNRESOLVED})
            assert set(selection.labels) <= allowed

    def test_order_of_images_changes_nothing(self) -> None:
        described = [Description((Tag("dog", 0.9),)), Description((Tag("person", 0.9),), "a man")]
        part = self.part()
        forward, backward = part(described, _WORDS), part(described[::-1], _WORDS)[::-1]
        assert [(s.prompts, s.labels) for s in forward] == [(s.prompts, s.labels) for s in backward]


class PostRefinerContract(Contract[PostRefiner]):
    """What every post-refiner keeps."""

    def test_no_phrase_has_no_label(self) -> None:
        assert self.part()([], _WORDS).labels == ()

    def test_a_class_stands_for_itself(self) -> None:
        phrases = ["dog", "potted plant", "traffic-light"]
        assert self.part()(phrases, _WORDS).labels == (1, 2, 3)

    def test_labels_are_classes_or_unresolved(self) -> None:
        labels = self.part()(["dog", "qwertz", "###"], _WORDS).labels
        assert len(labels) == 3
        assert all(UNRESOLVED <= label < len(_WORDS) for label in labels)


class DetectorContract(Contract[Detector]):
    """What every detector keeps. `selections` may be overridden where words matter."""

    def selections(self) -> tuple[Selection, Selection]:
        """What the two test images are asked for."""
        return Selection(("dog", "person"), (1, 4)), Selection(("potted plant",), (2,))

    def test_no_image_has_no_detection(self) -> None:
        assert self.part()([], []) == []

    def test_nothing_asked_is_nothing_found(self) -> None:
        [found] = self.part()([noise()], [Selection()])
        assert len(found) == 0

    def test_boxes_lie_in_the_image_and_answer_their_prompt(self) -> None:
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        selections = self.selections()
        for image, selection, found in zip(
            images, selections, self.part()(images, selections), strict=True
        ):
            height, width = image.shape[1:]
            limit = torch.tensor([width, height, width, height]) + 1e-3
            assert bool((found.boxes.cpu() >= -1e-3).all() and (found.boxes.cpu() <= limit).all())
            answers = zip(found.prompt_index.tolist(), found.labels.tolist(), strict=True)
            for prompt, label in answers:
                assert label in (selection.labels[prompt], UNRESOLVED)

    def test_batch_equals_singles_in_any_order(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        selections = self.selections()
        together = part(images, selections)
        backwards = part(images[::-1], selections[::-1])[::-1]
        for position, found in enumerate(together):
            assert part.gives_dense == (found.dense is not None)
            [alone] = part([images[position]], [selections[position]])
            for other in (alone, backwards[position]):
                assert other.phrases == found.phrases
                assert torch.equal(other.labels, found.labels)
                torch.testing.assert_close(other.boxes, found.boxes, atol=1e-2, rtol=1e-4)
                torch.testing.assert_close(other.scores, found.scores, atol=1e-4, rtol=1e-4)
                if found.masks is not None and other.masks is not None:
                    _close(other.masks.logits, found.masks.logits)
                if found.dense is not None and other.dense is not None:
                    _close(other.dense.maps, found.dense.maps)


class VerifierContract(Contract[Verifier]):
    """What every verifier keeps."""

    vocabulary = _WORDS

    def test_no_image_has_no_selection(self) -> None:
        assert self.part()([], [], self.vocabulary) == []

    def test_nothing_is_added(self) -> None:
        selections = [Selection(("dog", "person"), (1, 4)), Selection()]
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        for before, after in zip(
            selections, self.part()(images, selections, self.vocabulary), strict=True
        ):
            known = list(zip(before.prompts, before.labels, strict=True))
            assert all(p in known for p in zip(after.prompts, after.labels, strict=True))

    def test_batch_equals_singles(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        selections = [Selection(("dog", "person"), (1, 4)), Selection(("person",), (4,))]
        together = part(images, selections, self.vocabulary)
        for image, selection, found in zip(images, selections, together, strict=True):
            [alone] = part([image], [selection], self.vocabulary)
            assert (alone.prompts, alone.labels) == (found.prompts, found.labels)


class ReviewerContract(Contract[Reviewer]):
    """What every reviewer keeps. `found` may be overridden where more than boxes is looked at."""

    vocabulary = _WORDS

    def found(self) -> tuple[Detections, Detections]:
        """What was found in the two test images: some doubtful, some without a class."""
        first = boxed((2, 2, 30, 30), (3, 3, 30, 30), (30, 4, 50, 36), labels=[1, 4, UNRESOLVED])
        return first, boxed((0, 0, 40, 56), scores=[0.4], labels=[2])

    def review(self, part: Reviewer, *positions: int) -> list[Review]:
        """What a reviewer says of some of the test images."""
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        selection = Selection(("dog", "potted plant", "person"), (1, 2, 4))
        found = self.found()
        count = len(positions)
        return part(
            [images[i] for i in positions],
            [selection] * count,
            [found[i] for i in positions],
            [None] * count,
            self.vocabulary,
        )

    def test_no_image_has_no_review(self) -> None:
        assert self.review(self.part()) == []

    def test_nothing_is_found_by_it(self) -> None:
        for found, review in zip(self.found(), self.review(self.part(), 0, 1), strict=True):
            assert len(review.labels) == len(found)
            for before, after in zip(found.labels.tolist(), review.labels, strict=True):
                known = (UNRESOLVED, *self.vocabulary.classes)
                assert after in known if before in self.vocabulary.classes else after == before

    def test_batch_equals_singles_in_any_order(self) -> None:
        part = self.part()
        together = self.review(part, 0, 1)
        assert [own.labels for own in together] == [
            self.review(part, position)[0].labels for position in (0, 1)
        ]
        assert self.review(part, 1, 0)[0].absent == together[1].absent


class DenseScorerContract(Contract[DenseScorer]):
    """What every dense scorer keeps."""

    def test_no_image_has_no_scores(self) -> None:
        assert self.part()([], []) == []

    def test_one_map_a_prompt_at_the_size_of_its_image(self) -> None:
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        selections = [Selection(("dog", "person"), (1, 4)), Selection()]
        first, second = self.part()(images, selections)
        assert first.full().shape == (2, 40, 56)
        assert first.labels == (1, 4)
        assert second.full().shape == (0, 56, 40)
        assert bool(((first.maps >= 0) & (first.maps <= 1)).all())

    def test_batch_equals_singles(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        selections = [Selection(("dog", "person"), (1, 4)), Selection(("person",), (4,))]
        for image, selection, found in zip(
            images, selections, part(images, selections), strict=True
        ):
            [alone] = part([image], [selection])
            _close(alone.maps, found.maps)


def _close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


class MaskPredictorContract(Contract[MaskPredictor]):
    """What every mask predictor keeps."""

    def test_no_image_has_no_mask(self) -> None:
        assert self.part()([], []) == []

    def test_no_box_has_no_mask(self) -> None:
        [masks] = self.part()([noise()], [Detections.empty()])
        assert masks.full().shape == (0, 32, 48)

    def test_one_mask_a_box_at_the_size_of_its_image(self) -> None:
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        found = [boxed((4, 4, 30, 30), (10, 8, 50, 36)), boxed((0, 0, 40, 56))]
        first, second = self.part()(images, found)
        assert first.full().shape == (2, 40, 56)
        assert second.full().shape == (1, 56, 40)

    def test_batch_equals_singles_in_any_order(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2)]
        found = [boxed((4, 4, 30, 30), (10, 8, 50, 36)), boxed((3, 5, 30, 50))]
        together = part(images, found)
        backwards = part(images[::-1], found[::-1])[::-1]
        for position, masks in enumerate(together):
            [alone] = part([images[position]], [found[position]])
            for other in (alone, backwards[position]):
                _close(other.logits, masks.logits)

    def test_encodings_made_before_change_nothing(self) -> None:
        part = self.part()
        images = [noise(40, 56, 1), noise(56, 40, 2), noise(32, 32, 3)]
        found = [boxed((4, 4, 30, 30)), Detections.empty(), boxed((3, 5, 30, 30))]
        encodings = part.encode(images)
        if encodings is not None:
            plain, given = part(images, found), part(images, found, encodings)
            for one, other in zip(plain, given, strict=True):
                _close(other.logits, one.logits)

    def test_a_persons_prompt_is_answered_by_one_mask_or_refused(self) -> None:
        part, image = self.part(), noise(40, 56)
        box, clicks = (4.0, 4.0, 30.0, 30.0), ((10.0, 10.0, True), (28.0, 9.0, False))
        prompts = [Prompt(box), Prompt(box, clicks), Prompt(None, clicks[:1]), Prompt(None, clicks)]
        for prompt in prompts:
            if not part.promptable:
                try:
                    part.prompted(image, prompt)
                except ZerosegError:
                    continue
                raise AssertionError("a predictor that is not promptable answers")
            fresh = part.prompted(image, prompt)
            assert fresh.full().shape == (1, 40, 56)
            _close(part.prompted(image, prompt, part.encode([image])).logits, fresh.logits)

    def test_a_persons_box_is_answered_as_a_detectors_is(self) -> None:
        plain, image = self.part().with_points(None), noise(40, 56)
        if plain is not None and plain.promptable:
            [masks] = plain([image], [boxed((4, 4, 30, 30))])
            _close(plain.prompted(image, Prompt((4, 4, 30, 30))).logits, masks.logits)


class PointSamplerContract(Contract[PointSampler]):
    """What every point sampler keeps."""

    def scene(self) -> tuple[Detections, Masks]:
        """Two boxes whose masks are their own discs."""
        found = boxed((4, 4, 24, 24), (20, 10, 44, 30))
        [masks] = BoxMasks()([blank(32, 48)], [found])
        return found, masks

    def test_points_lie_in_the_image(self) -> None:
        found, masks = self.scene()
        points = self.part()(found, masks)
        assert len(points) == len(found)
        real = points.xy[points.labels != -10]
        assert bool((real >= 0).all() and (real <= torch.tensor([48.0, 32.0])).all())

    def test_a_box_gets_the_same_points_in_any_company(self) -> None:
        found, masks = self.scene()
        part = self.part()
        together = part(found, masks)
        alone = part(found.select(torch.tensor([1])), replace(masks, logits=masks.logits[1:]))
        torch.testing.assert_close(alone.xy[0], together.xy[1])

    def test_no_box_has_no_point(self) -> None:
        found, masks = self.scene()
        none = self.part()(
            found.select(torch.zeros(2, dtype=torch.bool)), replace(masks, logits=masks.logits[:0])
        )
        assert isinstance(none, Points)
        assert len(none) == 0


class FusionContract(Contract[Fusion]):
    """What every fusion keeps."""

    vocabulary = _WORDS

    def test_background_where_nothing_stands(self) -> None:
        [masks] = BoxMasks()([blank()], [Detections.empty()])
        labels = self.part()(masks, Detections.empty(), self.vocabulary)
        assert labels.shape == (32, 48)
        assert bool((labels == self.vocabulary.background).all())

    def test_a_lone_mask_is_painted_in_its_class(self) -> None:
        found = boxed((8, 4, 24, 20), labels=[2])
        [masks] = BoxMasks()([blank()], [found])
        labels = self.part()(masks, found, self.vocabulary)
        assert labels.dtype == torch.int64
        assert bool((labels[4:20, 8:24] == 2).all())
        assert int((labels == 2).sum()) == 16 * 16

    def test_the_higher_score_wins(self) -> None:
        found = boxed((0, 0, 30, 30), (10, 10, 40, 30), labels=[1, 4])
        [masks] = BoxMasks()([blank()], [found])
        labels = self.part()(masks, found, self.vocabulary)
        assert int(labels[15, 15]) == 1
        assert int(labels[15, 35]) == 4

    def test_what_is_unresolved_is_not_painted(self) -> None:
        found = boxed((0, 0, 30, 30), labels=[UNRESOLVED])
        [masks] = BoxMasks()([blank()], [found])
        labels = self.part()(masks, found, self.vocabulary)
        assert bool((labels == self.vocabulary.background).all())


class ConfidenceEstimatorContract(Contract[ConfidenceEstimator]):
    """What every confidence estimator keeps."""

    vocabulary = _WORDS

    def test_maps_and_score_are_shares_at_the_size_of_the_image(self) -> None:
        found = boxed((8, 4, 24, 20), (20, 6, 40, 30), labels=[2, 4])
        [masks] = BoxMasks()([blank()], [found])
        labels = torch.zeros(32, 48, dtype=torch.int64)
        labels[4:20, 8:24], labels[6:30, 24:40] = 2, 4
        sure = self.part()(labels, masks, found, self.vocabulary)
        assert sure.margin is not None
        for values in (sure.probability, sure.margin):
            assert values.shape == (32, 48)
            assert bool(((values >= 0) & (values <= 1)).all())
        assert 0 <= sure.score <= 1

    def test_a_higher_score_makes_nothing_less_sure(self) -> None:
        labels = torch.zeros(32, 48, dtype=torch.int64)
        labels[4:20, 8:24] = 2
        sure = []
        for score in (0.3, 0.9):
            found = boxed((8, 4, 24, 20), scores=[score], labels=[2])
            [masks] = BoxMasks()([blank()], [found])
            sure.append(self.part()(labels, masks, found, self.vocabulary).probability[10, 10])
        assert float(sure[0]) <= float(sure[1])

    def test_nothing_found_is_no_failure(self) -> None:
        [masks] = BoxMasks()([blank()], [Detections.empty()])
        labels = torch.full((32, 48), self.vocabulary.background)
        sure = self.part()(labels, masks, Detections.empty(), self.vocabulary)
        assert sure.probability.shape == (32, 48)


class PropagationContract(Contract[Propagation]):
    """What every propagation keeps. `keyframe` may be another one."""

    vocabulary = _WORDS

    def keyframe(self, found: Detections | None = None) -> tuple[Tensor, Seen]:
        """A picture of noise and two boxes on it."""
        image = noise(48, 64)
        found = boxed((4, 4, 24, 24), (20, 10, 44, 30), labels=[1, 4]) if found is None else found
        [masks] = BoxMasks()([image], [found])
        return image, Seen(found, masks, Selection(("dog", "person"), (1, 4)))

    def frames(self) -> list[Tensor]:
        """What follows."""
        return [noise(48, 64, seed) for seed in (1, 2, 3)]

    def test_no_frame_shows_nothing(self) -> None:
        assert self.part()(*self.keyframe(), self.vocabulary)([]) == []

    def test_frames_at_once_are_as_one_by_one(self) -> None:
        part, frames = self.part(), self.frames()
        together = part(*self.keyframe(), self.vocabulary)(frames)
        carry = part(*self.keyframe(), self.vocabulary)
        alone = [carry([frame])[0] for frame in frames]
        assert len(together) == len(frames)
        for one, other in zip(together, alone, strict=True):
            assert one.detections.labels.tolist() == other.detections.labels.tolist()
            _close(one.masks.logits, other.masks.logits)

    def test_it_begins_anew_on_every_keyframe(self) -> None:
        part, frames = self.part(), self.frames()
        first = part(*self.keyframe(), self.vocabulary)(frames)
        again = part(*self.keyframe(), self.vocabulary)(frames)
        for one, other in zip(first, again, strict=True):
            _close(one.masks.logits, other.masks.logits)

    def test_what_it_carries_lies_in_the_frame(self) -> None:
        image, seen = self.keyframe()
        for own in self.part()(image, seen, self.vocabulary)(self.frames()):
            assert own.masks.size == (48, 64)
            boxes, limits = own.detections.boxes, torch.tensor([64.0, 48.0, 64.0, 48.0])
            assert bool((boxes >= 0).all() and (boxes <= limits).all())
            if own.origin is not None:
                assert own.origin.tolist() == sorted(set(own.origin.tolist()))
                assert bool((own.origin < len(seen)).all())

    def test_after_an_empty_keyframe_it_goes_on(self) -> None:
        carry = self.part()(*self.keyframe(Detections.empty()), self.vocabulary)
        assert [own.masks.size for own in carry(self.frames())] == [(48, 64)] * 3
