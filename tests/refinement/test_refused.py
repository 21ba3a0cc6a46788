"""What a language model refuses to be asked costs one picture its refinement, and no other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.chat.server import ChatServer, Response, answer, playing, refusal, serving
from zeroseg import ZeroShotSegmenter
from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.errors import ChatError
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.examples import Example, explain
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.segmentation import Segmentation
from zeroseg.stages import PostRefinement
from zeroseg.testing import ScriptedChat
from zeroseg.values import UNRESOLVED, Description, Detections, Tag, Usage
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary

CASES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "cases" / "llm").glob("*.json"))
}
FOUR = Vocabulary.from_names(["dog", "cat", "boat", "person"])
HELD_BACK = refusal(400, "held back", code="content_filter")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def chat(server: ChatServer, **options: Any) -> OpenAIChat:
    return OpenAIChat("m", base_url=server.address, backoff=0.001, timeout=5.0, **options)


def told(*tags: str) -> Description:
    return Description(tuple(Tag(tag, 0.9) for tag in tags))


class Refuses(ChatModel):
    """Answers in lines, but for conversations with a word that it does not want to hear."""

    def __init__(self, *unheard: str, answers: str = "dog") -> None:
        super().__init__()
        self.unheard = unheard
        self.answers = answers
        self.asked: list[str] = []

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        return [self._answer(conversation.messages[-1].content) for conversation in conversations]

    def _answer(self, asked: str) -> Reply:
        self.asked.append(asked)
        if any(word in asked for word in self.unheard):
            return Reply("", Usage(calls=1, refused=1), refused="held back")
        lines = [line.split(". ")[0] for line in asked.split("\n")[1:]]
        numbered = (f"{number}: {self.answers}" for number in lines if number.isdecimal())
        return Reply("\n".join(numbered) or self.answers, Usage(calls=1))


class Numbers(Tagger):
    """Tags a picture of one brightness with "puppy" and its number."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        numbers = (int(image[0, 0, 0]) for image in images)
        return [(Tag("puppy", 0.9), Tag(f"n{number}", 0.8)) for number in numbers]


def pictures(count: int) -> Iterable[Tensor]:
    return (torch.full((3, 32, 32), number, dtype=torch.uint8) for number in range(count))


def segmenter(server: ChatServer) -> ZeroShotSegmenter:
    asking = chat(server)
    built = ZeroShotSegmenter.from_preset(
        "tiny",
        vocabulary=FOUR,
        tagger=Numbers(),
        pre_refiner=LLMPreRefiner(asking),
        post_refiner=LLMPostRefiner(asking),
        batch_size=2,
    )
    assert isinstance(built, ZeroShotSegmenter)
    built.captioner = None
    return built


@pytest.mark.parametrize("name", CASES)
def test_every_picture_has_its_dog_however_the_server_behaves(name: str) -> None:
    with serving(playing(CASES[name])) as server:
        part = LLMPreRefiner(chat(server))
        selections = part([told("puppy", f"n{i}") for i in range(3)], FOUR)
    assert [selection.prompts for selection in selections] == [("dog",)] * 3
    refused = [selection.exchanges[-1].refused is not None for selection in selections]
    assert refused == [False, name == "content_filter_of_one_picture", False]


@pytest.mark.parametrize("name", CASES)
def test_a_run_goes_through_however_the_server_behaves(name: str) -> None:
    with serving(playing(CASES[name])) as server:
        results = list(segmenter(server).stream(pictures(5)))
    assert [result.name for result in results] == [str(i) for i in range(5)]
    assert all(isinstance(result, Segmentation) for result in results)
    prompts = [result.selection.prompts for result in results if isinstance(result, Segmentation)]
    assert prompts == [("dog",)] * 5
    usages = [result.trace.usage for result in results if isinstance(result, Segmentation)]
    refused = [usage.refused for usage in usages]
    assert refused == [0, int(name == "content_filter_of_one_picture"), 0, 0, 0]


def test_a_run_in_which_all_is_refused_ends() -> None:
    with serving([HELD_BACK]) as server:
        results = segmenter(server).stream(pictures(40))
        with pytest.raises(ChatError, match="refused the last 8 different prompts"):
            list(results)
    assert len(server.requests) < 20


def test_a_refused_picture_is_refined_by_rules_and_says_so() -> None:
    part = LLMPreRefiner(Refuses("kitten"))
    described = [told("potted plants", "kitten"), told("kitchen")]
    refused, answered = part(described, DRAM)
    [rules] = LexicalPreRefiner()(described[:1], DRAM)
    assert refused.labels == rules.labels
    assert refused.prompts == ("cat", "potted plant")
    assert answered.prompts == ("dog",)
    [exchange] = refused.exchanges
    assert (exchange.reply, exchange.refused, exchange.usage.refused) == ("", "held back", 1)
    assert answered.exchanges[0].refused is None


def test_a_refusal_is_not_asked_about_again() -> None:
    model = Refuses("kitten")
    LLMPreRefiner(model, retries=3)([told("kitten")], DRAM)
    LLMPostRefiner(model, retries=3)(["kitten"], DRAM)
    assert len(model.asked) == 2


def test_a_correction_that_is_refused_leaves_the_picture_to_the_rules() -> None:
    part = LLMPreRefiner(Refuses("That is not the list", answers="well..."))
    [selection] = part([told("kitten")], DRAM)
    assert selection.prompts == ("cat",)
    assert [exchange.refused for exchange in selection.exchanges] == [None, "held back"]


@pytest.mark.parametrize("reply", ["", "  ", '{"data": {"status": "done"}}'])
def test_an_answer_that_says_nothing_is_told_of(reply: str) -> None:
    [selection] = LLMPreRefiner(ScriptedChat([reply]))([told("kitten")], DRAM)
    assert selection.prompts == ()
    assert len(selection.exchanges) == 2 and all(said.dropped for said in selection.exchanges)
    found = LLMPostRefiner(ScriptedChat([reply]))(["gizmo"], DRAM)
    assert found.labels == (UNRESOLVED,)
    assert all(said.dropped for said in found.exchanges)


def test_every_picture_of_a_batch_tells_that_its_phrases_were_refused() -> None:
    box, whole = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.zeros(1, dtype=torch.int64)
    found = [
        Detections(box, torch.ones(1), whole + label, (phrase,), whole)
        for phrase, label in (("gizmo a", UNRESOLVED), ("gizmo b", UNRESOLVED), ("dog", 0))
    ]
    stage = PostRefinement(LLMPostRefiner(Refuses("gizmo")), FOUR)
    _, asked = stage(found)
    assert [any(said.refused for said in own) for own in asked] == [True, True, False]
    assert sum((said.usage for said in asked[1]), Usage()) == Usage()


class TestPhrases:
    def test_a_refused_phrase_is_unresolved_and_the_others_are_not(self) -> None:
        words = [f"gizmo {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
        cache: dict[str, str] = {}
        model = Refuses("gizmo k")
        found = LLMPostRefiner(model, cache=cache)(words, DRAM)
        unresolved = [w for w, i in zip(words, found.labels, strict=True) if i == UNRESOLVED]
        assert unresolved == ["gizmo k"]
        assert len(cache) == 25
        assert sum(exchange.refused is not None for exchange in found.exchanges) == len(
            [exchange for exchange in found.exchanges if not exchange.reply]
        )

    def test_where_no_part_is_answered_it_ends(self) -> None:
        model = Refuses("gizmo")
        found = LLMPostRefiner(model, retries=2)([f"gizmo {i}" for i in range(32)], DRAM)
        assert set(found.labels) == {UNRESOLVED}
        assert len(model.asked) == 5

    def test_it_is_asked_when_it_occurs_again(self) -> None:
        model = Refuses("gizmo")
        part = LLMPostRefiner(model)
        part(["gizmo"], DRAM)
        model.unheard = ()
        assert part(["gizmo"], DRAM).labels == (DRAM.index("dog"),)

    def test_over_http(self) -> None:
        def picky(request: dict[str, Any]) -> Response:
            asked = request["messages"][-1]["content"]
            good = "\n".join(f"{i}: dog" for i in range(1, asked.count("\n") + 1))
            return HELD_BACK if "gizmo" in asked else answer(good)

        with serving(picky) as server:
            found = LLMPostRefiner(chat(server))(["puppy", "gizmo", "kitty", "whelp"], DRAM)
        assert [label == UNRESOLVED for label in found.labels] == [False, True, False, False]


def test_an_example_may_stay_unexplained() -> None:
    examples = [Example(told("kitten"), ("cat",)), Example(told("puppy"), ("dog",))]
    first, second = explain(examples, Refuses("kitten", answers="because"), DRAM)
    assert (first.explanation or None, second.explanation) == (None, "because")
    assert first.exchanges[0].refused == "held back"


def test_a_question_and_its_parts_are_refused_once() -> None:
    with serving([HELD_BACK]) as server:
        refiner = LLMPostRefiner(chat(server))
        for name in ("gizmo", "gadget"):
            found = refiner([f"{name} {i}" for i in range(16)], DRAM)
            assert set(found.labels) == {UNRESOLVED}
    assert len(server.requests) >= 8
