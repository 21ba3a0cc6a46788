"""The client against `transformers serve`, a server that others have written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from tests.chat.conversations import ask
from tests.chat.tiny_vision import FAMILIES
from tests.chat.transformers_server import CHAT, VISION, serve
from zeroseg import LLMPostRefiner, LLMPreRefiner, OpenAIChat, TransformersChat
from zeroseg.chat.chat_model import Conversation, Message, Picture
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import ChatError
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.selecting import select_classes
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.testing import blank, noise
from zeroseg.values import UNRESOLVED, Description, Selection, Tag
from zeroseg.vocabularies import DRAM, DRAWN_ALL


def chat(address: str, model: str | None = CHAT, **options: object) -> OpenAIChat:
    return OpenAIChat(model, base_url=address, backoff=0.01, max_retries=1, **options)  # type: ignore[arg-type]


def test_it_answers_in_words_and_counts_tokens(language_server: str) -> None:
    [reply] = chat(language_server)([ask("Which?")])
    assert reply.complete
    assert reply.refused is None
    assert reply.usage.prompt_tokens > 0
    assert reply.usage.completion_tokens > 0


DESCRIBED = [
    Description((Tag("puppy", 0.9), Tag("boat", 0.5)), "a puppy in a boat"),
    Description((Tag("kitten", 0.9),)),
    Description((Tag("woman", 0.9), Tag("chair", 0.8)), "a woman on a chair"),
    Description((Tag("cloud", 0.9),)),
]


def test_pre_refinement_is_the_same_as_in_this_process(language_server: str) -> None:
    def refiner(model: OpenAIChat | TransformersChat) -> PreRefiner:
        return LLMPreRefiner(model, tips=False)

    served = refiner(chat(language_server))(DESCRIBED, DRAM)
    own = refiner(TransformersChat.from_pretrained("tiny:chat"))(DESCRIBED, DRAM)
    assert [selection.prompts for selection in served] == [selection.prompts for selection in own]
    assert "dog" in served[0].prompts


def test_post_refinement_is_the_same_as_in_this_process(language_server: str) -> None:
    phrases = ["puppy", "kitten", "sailboat", "armchair", "cloud"]
    served, own = (
        LLMPostRefiner(model, batch_size=12, tips=False)(phrases, DRAM).labels
        for model in (chat(language_server), TransformersChat.from_pretrained("tiny:chat"))
    )
    assert served == own
    assert any(label != UNRESOLVED for label in served)


def test_entries_that_it_does_not_know_are_found_out(language_server: str) -> None:
    known = {"chat_template_kwargs": {"enable_thinking": False}}
    assert chat(language_server, extra=known)([ask("Which?")])[0].text
    with pytest.raises(ChatError, match=r"top_k.*`extra`"):
        chat(language_server, extra={"top_k": 1})([ask("Which?")])


class TestModels:
    def test_it_lists_what_it_has(self, language_server: str) -> None:
        offers = {offer.id for offer in chat(language_server).offers()}
        assert offers == {CHAT, VISION, *(f"{VISION}-{family}" for family in FAMILIES)}

    def test_a_model_is_fine_by_its_name_or_its_folder(self, language_server: str) -> None:
        folder = Path(__file__).parents[2] / "zeroseg" / "drawn" / "tiny" / "chat"
        for name in (CHAT, f"{CHAT}@main", str(folder)):
            assert chat(language_server, name).check() == []

    def test_an_unknown_one_is_an_error_that_lists_the_others(self, language_server: str) -> None:
        with pytest.raises(ChatError, match=f"'nobody/nothing'.*{CHAT}"):
            chat(language_server, "nobody/nothing").check()
        with pytest.raises(ChatError, match="nobody/nothing"):
            chat(language_server, "nobody/nothing")([ask("Which?")])

    def test_of_several_none_is_asked_unless_it_is_named(
        self, language_server: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ChatError, match=f"It offers: {CHAT}"):
            chat(language_server, None).check()
        monkeypatch.setenv("ZEROSEG_LLM", CHAT)
        assert chat(language_server, None).check() == []

    def test_a_server_of_one_model(self, tmp_path: Path) -> None:
        with serve({CHAT: "tiny:chat"}, tmp_path, CHAT) as address:
            assert chat(address, None)([ask("Which?")])[0].text
            with pytest.raises(ChatError, match=rf"does not know the model 'm'.*{CHAT}"):
                chat(address, "m")([ask("Which?")])


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_are_seen_as_in_this_process(family: str, language_server: str) -> None:
    pictures = [Picture(noise(40, 56, 1)), Picture(noise(40, 56, 2)), Picture(noise(96, 40, 1), 48)]
    asked = [Conversation((Message("user", "What?", (picture,)),)) for picture in pictures]
    asked.append(Conversation((Message("user", "Same?", tuple(pictures[:2])),)))
    # One at a time: that server's Qwen2-VL mixes up requests that it is asked at once.
    part = chat(language_server, f"{VISION}-{family}", max_tokens=12, concurrency=1)
    served = part(asked)
    model, processor = FAMILIES[family]()
    own = TransformersChat(model=model, processor=processor, max_new_tokens=12)(asked)
    for there, here in zip(served, own, strict=True):
        assert there.usage.prompt_tokens == here.usage.prompt_tokens
        assert there.usage.completion_tokens == here.usage.completion_tokens
        # That server leaves special tokens, which random models say too, in an answer.
        assert re.sub(r"<[|\w]+>", "", there.text).strip() == here.text
    assert len({reply.text for reply in served}) == len(asked)


@pytest.mark.parametrize("family", FAMILIES)
def test_verification_is_the_same_as_in_this_process(
    family: str, language_server: str, tmp_path: Path
) -> None:
    short = tmp_path / "short.txt"  # these small models read 1024 bytes
    short.write_text("Look for $classes.", encoding="utf-8")
    images = [noise(40, 56, 1), blank(40, 56)]
    asked = [Selection(("dog", "cat"), (DRAM.index("dog"), DRAM.index("cat")))] * 2
    model, processor = FAMILIES[family]()
    here = TransformersChat(model=model, processor=processor, max_new_tokens=12)
    there = chat(language_server, f"{VISION}-{family}", max_tokens=12, concurrency=1)
    own, served = (
        VisionVerifier(part, template=short, retries=0)(images, asked, DRAM)
        for part in (here, there)
    )
    for one, other in zip(own, served, strict=True):
        [local], [remote] = one.exchanges, other.exchanges
        assert re.sub(r"<[|\w]+>", "", remote.reply).strip() == local.reply != ""
        assert remote.usage.prompt_tokens == local.usage.prompt_tokens
        assert other.prompts == one.prompts
    assert own[0].exchanges[0].reply != own[1].exchanges[0].reply


def test_what_is_seen_means_the_same_over_a_server(language_server: str) -> None:
    scenes = [draw_scene(11, index, (128, 128)) for index in range(3)]
    images = [torch.from_numpy(scene.image).permute(2, 0, 1).contiguous() for scene in scenes]
    asked = [select_classes(DRAWN_ALL.classes, DRAWN_ALL)] * len(scenes)
    here = TransformersChat.from_pretrained("tiny:vision")
    there = chat(language_server, VISION, concurrency=1)
    own, served = (VisionVerifier(part)(images, asked, DRAWN_ALL) for part in (here, there))
    assert [selection.prompts for selection in served] == [selection.prompts for selection in own]
    for selection, scene in zip(served, scenes, strict=True):
        kinds = {region.category for region in scene.regions}
        seen = {DRAWN_ALL.prompts[label] for label in selection.labels}
        assert len(seen & kinds) > len(seen - kinds) + len(kinds - seen)
