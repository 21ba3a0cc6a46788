"""Pictures in conversations."""

from __future__ import annotations

import base64
import io

import pytest
import torch
from PIL import Image

from tests.chat.server import answer, serving
from zeroseg.chat.cached_chat import CachedChat
from zeroseg.chat.chat_model import Conversation, Message, Picture
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.images import read_image


def pixels(height: int = 30, width: int = 60, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def show(*pictures: Picture) -> Conversation:
    return Conversation((Message("system", "Look."), Message("user", "What?", pictures)))


@pytest.mark.parametrize(
    ("longest", "size"),
    [(None, (30, 60)), (100, (30, 60)), (60, (30, 60)), (20, (10, 20)), (1, (1, 1))],
)
def test_its_longest_side_is_as_asked(longest: int | None, size: tuple[int, int]) -> None:
    picture = Picture(pixels(), longest)
    assert picture.size == size
    assert picture.image().size == size[::-1]


def test_it_is_known_by_what_it_shows() -> None:
    picture = Picture(pixels())
    same = [Picture(pixels().clone()), Picture(pixels(), 60), Picture(pixels(), 1000)]
    others = [Picture(pixels(seed=1)), Picture(pixels(), 59), Picture(pixels(60, 30))]
    assert all(picture == other and hash(picture) == hash(other) for other in same)
    assert all(picture != other for other in others)
    assert picture != "picture"


@pytest.mark.parametrize("bad", [torch.zeros(3, 4, 4), torch.zeros(4, 4, dtype=torch.uint8)])
def test_what_is_no_picture_is_refused(bad: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Picture(bad)
    with pytest.raises(ValueError, match="longest_side"):
        Picture(pixels(), 0)


def test_it_is_sent_before_the_words_without_loss() -> None:
    with serving([answer("dog")]) as server:
        OpenAIChat("m", base_url=server.address)([show(Picture(pixels()), Picture(pixels(), 20))])
    system, user = server.requests[0]["messages"]
    assert system == {"role": "system", "content": "Look."}
    first, second, words = user["content"]
    assert words == {"type": "text", "text": "What?"}
    kind, data = first["image_url"]["url"].split(",")
    assert (first["type"], kind) == ("image_url", "data:image/png;base64")
    assert torch.equal(read_image(Image.open(io.BytesIO(base64.b64decode(data)))), pixels())
    small = base64.b64decode(second["image_url"]["url"].split(",")[1])
    assert Image.open(io.BytesIO(small)).size == (20, 10)


def test_it_stays_with_the_user_s_words_where_there_is_no_system_role() -> None:
    from zeroseg.chat.request_form import folded

    [message] = folded(show(Picture(pixels())).messages)
    assert message == Message("user", "Look.\n\nWhat?", (Picture(pixels()),))


def test_the_trace_tells_its_size() -> None:
    assert show(Picture(pixels(), 20)).text() == "Look.\n\n[picture 20 x 10]\nWhat?"


def test_answers_are_kept_by_what_is_shown() -> None:
    with serving([answer("dog")]) as server:
        part = CachedChat(OpenAIChat("m", base_url=server.address))
        for picture in (pixels(), pixels(), pixels(seed=1)):
            part([show(Picture(picture))])
        part([show()])
        part([show(Picture(pixels(seed=2))), show(Picture(pixels(seed=2)))])
    assert len(server.requests) == 4
