"""The stand-ins keep the contracts that they stand in for, and the contracts catch offenders."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from zeroseg.chat.chat_model import ChatModel, Conversation, Message
from zeroseg.detection.detector import Detector
from zeroseg.fusion.fusion import Fusion
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.testing import (
    BoxMasks,
    CaptionerContract,
    ChatModelContract,
    DetectorContract,
    FusionContract,
    MaskPredictorContract,
    ScriptedCaptioner,
    ScriptedChat,
    ScriptedDetector,
    ScriptedTagger,
    TaggerContract,
    blank,
    boxed,
    noise,
)
from zeroseg.values import DenseScores, Detections, Masks, Selection, Tag, Usage
from zeroseg.vocabulary import Vocabulary


class TestScriptedChat(ChatModelContract):
    def part(self) -> ChatModel:
        return ScriptedChat(["yes"])

    def test_replies_come_in_turn_and_the_last_repeats(self) -> None:
        chat = ScriptedChat(["one", "two"], Usage(calls=1, prompt_tokens=7))
        asked = [Conversation((Message("user", str(i)),)) for i in range(3)]
        replies = chat(asked)
        assert [reply.text for reply in replies] == ["one", "two", "two"]
        assert replies[0].usage.prompt_tokens == 7
        assert chat.asked == asked
        [echo] = ScriptedChat(lambda c: c.messages[-1].content.upper())(
            [Conversation((Message("user", "ok"),))]
        )
        assert echo.text == "OK"


class TestScriptedTagger(TaggerContract):
    def part(self) -> Tagger:
        return ScriptedTagger("dog", "sea")


class TestScriptedCaptioner(CaptionerContract):
    def part(self) -> Captioner:
        return ScriptedCaptioner("a dog by the sea")


class TestScriptedDetector(DetectorContract):
    def part(self) -> Detector:
        return ScriptedDetector({"dog": [0, 0, 0.5, 0.5], "potted plant": [0.5, 0.5, 1, 1]})

    def test_only_what_is_asked_and_known_is_found(self) -> None:
        [found] = self.part()([blank(32, 48)], [Selection(("cat", "dog"), (3, 1))])
        assert found.boxes.tolist() == [[0, 0, 24, 16]]
        assert (found.labels.tolist(), found.prompt_index.tolist()) == ([1], [1])


class TestBoxMasks(MaskPredictorContract):
    def part(self) -> MaskPredictor:
        return BoxMasks()

    def test_a_mask_is_its_box(self) -> None:
        [masks] = self.part()([blank(8, 8)], [boxed((2, 1, 5, 3))])
        inside = torch.zeros(8, 8, dtype=torch.bool)
        inside[1:3, 2:5] = True
        assert torch.equal(masks.full()[0] > 0, inside)


def test_noise_is_the_same_for_the_same_seed() -> None:
    assert torch.equal(noise(seed=3), noise(seed=3))
    assert not torch.equal(noise(seed=3), noise(seed=4))
    assert noise().dtype == blank().dtype == torch.uint8


class LooksAtItsNeighbours(Tagger):
    """Names the size of its batch."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        return [(Tag(f"one of {len(images)}", 1.0),) for _ in images]


class LeavesTheImage(Detector):
    """Finds a box that is larger than the image."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        return [
            boxed((0, 0, 999, 9), labels=[s.labels[0]]) if s.prompts else Detections.empty()
            for s in selections
        ]


class LastWins(Fusion):
    """Paints in the wrong order."""

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        labels = torch.full(masks.size, vocabulary.background)
        for mask, label in zip(masks.full(), detections.labels.tolist(), strict=True):
            labels[mask > 0] = label
        return labels


class _Tagger(TaggerContract):
    def part(self) -> Tagger:
        return LooksAtItsNeighbours()


class _Detector(DetectorContract):
    def part(self) -> Detector:
        return LeavesTheImage()


class _Fusion(FusionContract):
    def part(self) -> Fusion:
        return LastWins()


@pytest.mark.parametrize(
    "broken",
    [
        _Tagger().test_batch_equals_singles_in_any_order,
        _Detector().test_boxes_lie_in_the_image_and_answer_their_prompt,
        _Fusion().test_the_higher_score_wins,
        _Fusion().test_what_is_unresolved_is_not_painted,
    ],
)
def test_a_contract_catches_offenders(broken: object) -> None:
    with pytest.raises(AssertionError):
        broken()  # type: ignore[operator]
