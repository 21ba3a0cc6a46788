"""Pictures shown to models for images and text, of three families."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.chat.tiny_vision import FAMILIES, save
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Picture
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.errors import ChatError
from zeroseg.testing import ChatModelContract, blank, noise

NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"


def chat(family: str, batch_size: int = 8) -> TransformersChat:
    model, processor = FAMILIES[family]()
    return TransformersChat(
        model=model, processor=processor, max_new_tokens=12, batch_size=batch_size
    )


def show(text: str, *pictures: Picture, before: tuple[Message, ...] = ()) -> Conversation:
    return Conversation((*before, Message("user", text, pictures)))


FIRST, SECOND, WIDE = (Picture(noise(*size)) for size in ((40, 56, 1), (40, 56, 2), (24, 96, 3)))
ASKED = [
    show("What is it?", FIRST),
    show("What is it?", SECOND),
    show("Is the second one a dog?", FIRST, WIDE),
    show("No picture here."),
    show("And now?", before=(Message("user", "Look.", (WIDE,)), Message("assistant", "Yes."))),
    show("Say it.", SECOND, before=(Message("system", "Be brief."),)),
]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestLlava(ChatModelContract):
    def part(self) -> ChatModel:
        return chat("llava")


class TestQwen2VL(ChatModelContract):
    def part(self) -> ChatModel:
        return chat("qwen2_vl")


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_a_batch_equals_its_singles_in_any_order(family: str, batch_size: int) -> None:
    part = chat(family, batch_size)
    together = [reply.text for reply in part(ASKED)]
    assert together == [chat(family)([asked])[0].text for asked in ASKED]
    assert together == [reply.text for reply in part(ASKED[::-1])][::-1]


def test_what_a_picture_shows_changes_the_answer(family: str) -> None:
    first, second, *_ = chat(family)(ASKED)
    assert first.text != second.text
    assert first.usage.prompt_tokens == second.usage.prompt_tokens


def test_equals_the_processor_and_the_model_by_themselves(family: str) -> None:
    model, processor = FAMILIES[family]()
    content = [{"type": "image", "image": FIRST.image()}, {"type": "text", "text": "What is it?"}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    tokens = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    said = processor.tokenizer.decode(
        tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    [reply] = chat(family)(ASKED[:1])
    assert reply.text == said.strip()
    assert reply.complete or reply.usage.completion_tokens == 12


def test_pictures_are_shown_in_the_size_asked_for() -> None:
    """A Qwen2-VL spends a token on every 8 x 8 pixels."""
    pixels = noise(64, 96)
    sizes = (None, 96, 48, 24)
    asked = [show("What is it?", Picture(pixels, longest_side)) for longest_side in sizes]
    tokens = [reply.usage.prompt_tokens for reply in chat("qwen2_vl")(asked)]
    assert [count - tokens[3] for count in tokens] == [96 - 6, 96 - 6, 24 - 6, 0]


def test_a_picture_that_cannot_be_processed_fails_alone() -> None:
    """Qwen2-VL takes no picture that is 200 times as wide as it is high."""
    asked = [ASKED[0], show("What is it?", Picture(blank(1, 300))), ASKED[1]]
    replies = chat("qwen2_vl")(asked)
    assert [reply.refused is None for reply in replies] == [True, False, True]
    assert "aspect ratio" in str(replies[1].refused)
    assert [replies[0].text, replies[2].text] == [r.text for r in chat("qwen2_vl")(ASKED[:2])]


def test_a_processor_that_takes_no_picture_at_all_stops_everything() -> None:
    part = chat("llava")
    part.processor.image_processor.size = {"nonsense": 1}
    with pytest.raises(ChatError, match="processor"):
        part(ASKED)


def test_too_many_pictures_for_the_context_are_refused_alone() -> None:
    asked = [ASKED[0], show("What?", *(Picture(noise(128, 128, n)) for n in range(5)))]
    replies = chat("qwen2_vl")(asked)
    assert [reply.refused is None for reply in replies] == [True, False]
    assert "1024" in str(replies[1].refused)


def test_words_that_look_like_a_picture_are_words(family: str) -> None:
    said = "an <image> of <|image_pad|> and <|im_end|>"
    replies = chat(family)([show(said, FIRST), show(said)])
    assert [reply.refused for reply in replies] == [None, None]


def test_without_a_system_role_its_words_come_behind_the_picture(family: str) -> None:
    model, processor = FAMILIES[family]()
    processor.chat_template = NO_SYSTEM + processor.chat_template
    part = TransformersChat(model=model, processor=processor, max_new_tokens=4)
    said = part.template.prompt(ASKED[5].messages)
    assert "Be brief.\n\nSay it." in said
    assert part([ASKED[5]])[0].refused is None


def test_a_template_that_shows_no_pictures_is_found_out(family: str) -> None:
    model, processor = FAMILIES[family]()
    processor.chat_template = (
        "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}"
        "{{ m.content[-1].text }}{% endif %}{% endfor %}"
    )
    part = TransformersChat(model=model, processor=processor, max_new_tokens=4)
    with pytest.raises(ChatError, match="user with a picture"):
        part(ASKED[:1])


def test_a_folder_says_itself_which_kind_of_model_it_holds(family: str, tmp_path: Path) -> None:
    part = TransformersChat.from_pretrained(save(family, tmp_path), max_new_tokens=12)
    assert [r.text for r in part(ASKED)] == [r.text for r in chat(family)(ASKED)]
    assert part.processor is not None


def test_its_identity_follows_its_pictures_preparation() -> None:
    first, other = chat("llava"), chat("llava")
    assert first.identity == other.identity
    other = chat("llava")
    other.processor.image_processor.image_mean = [0.0, 0.0, 0.0]
    assert first.identity != other.identity


def test_dtype_of_pictures_follows_the_network(family: str) -> None:
    model, processor = FAMILIES[family]()
    part = TransformersChat(model=model.to(torch.bfloat16), processor=processor, max_new_tokens=2)
    assert part(ASKED[:1])[0].refused is None
