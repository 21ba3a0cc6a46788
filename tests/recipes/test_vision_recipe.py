"""The recipe of the tiny vision model: what is asked and answered, and that the library agrees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.recipes import cache
from benchmarks.recipes.batches import Batch, make_batch
from benchmarks.recipes.cache import Cache, build
from benchmarks.recipes.detector_prompts import visible
from benchmarks.recipes.vision import Collator, export, middles, processor, questions
from benchmarks.recipes.vision_model import IGNORED, SIDE, Trainee, attention_mask
from benchmarks.recipes.vision_questions import LONGEST, Question, Truth, draw_question
from benchmarks.recipes.vision_score import VisionScore
from benchmarks.recipes.vision_words import NOTHING, answer, build_tokenizer, prompt
from zeroseg.chat.chat_template import ChatTemplate
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.drawn.scene import draw_scene
from zeroseg.drawn.world import CATEGORIES
from zeroseg.refinement.selecting import only, select_classes
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.testing import ScriptedChat, noise
from zeroseg.values import Exchange
from zeroseg.vocabularies import DRAWN_ALL
from zeroseg.vocabulary import Vocabulary

NAMES = ("bird", "potted plant", "xyz")


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "SIDE", 64)
        build(folder, 3, 3, 1)
    return make_batch(Cache.open(folder), np.arange(3), 64)


@pytest.fixture(scope="module")
def model() -> Trainee:
    torch.manual_seed(0)
    return Trainee(build_tokenizer())


def test_a_verifiers_question_becomes_the_prompt_that_is_trained_on() -> None:
    vocabulary = Vocabulary.from_names(["xyz", "bird", "potted-plant"])
    chat = ScriptedChat(["none"])
    every = select_classes(vocabulary.classes, vocabulary)
    VisionVerifier(chat)([noise()], [every], vocabulary)
    reader = processor()
    written = ChatTemplate(reader, "it", False).prompt(chat.asked[0].messages)
    assert written == "<s><image>" + prompt(("bird", "potted-plant", "xyz"))
    image = Image.new("RGB", (40, 30))
    ids = reader(text=[written], images=[[image]], return_tensors="pt")["input_ids"][0]
    assert (ids == reader.image_token_id).sum() == (SIDE // 8) ** 2 + 1
    trained = build_tokenizer()(prompt(NAMES), add_special_tokens=False)["input_ids"]
    assert ids[-len(trained) :].tolist() == trained


@pytest.mark.parametrize("names", [(), ("dog",), ("potted plant", "traffic light", "xyz")])
def test_answers_are_json_and_come_back_from_tokens(names: tuple[str, ...]) -> None:
    text = answer(names)
    assert text == json.dumps({"labels": list(names)})
    tokenizer = build_tokenizer()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_the_answer_alone_is_learned_and_each_class_is_judged_at_its_end() -> None:
    collate = Collator(build_tokenizer())
    asked = collate([[Question(NAMES, (True, False, False)), Question(("dog",), (False,))]])
    name = collate.tokenizer.convert_ids_to_tokens
    assert asked.owners[0].tolist() == [0] * 12 + [1] * 4
    assert asked.places[0].tolist() == [*range(12), *range(4)]
    told = [name(int(i)) for i in asked.targets[0] if i != IGNORED]
    assert told == ['{"labels": ["', "bird", '"]}', "</s>", NOTHING, "</s>"]
    judged = {
        name(int(asked.ids[0, i])): float(asked.present[0, i])
        for i in range(asked.ids.shape[1])
        if asked.present[0, i] >= 0
    }
    assert judged == {"bird": 1, "potted plant": 0, "##z": 0, "dog": 0}


def test_questions_see_the_picture_and_themselves_alone() -> None:
    seen = attention_mask(torch.tensor([[0, 0, 1, -1]]), 2)[0, 0] == 0
    wanted = ["100000", "110000", "111000", "111100", "110010", "110001"]
    assert ["".join(str(int(x)) for x in row) for row in seen] == wanted


def test_the_training_forward_is_that_of_the_library(model: Trainee, batch: Batch) -> None:
    """Four questions side by side answer as each would alone, through the stock network."""
    images = torch.nn.functional.interpolate(batch.images[:1], (SIDE, SIDE))
    collate = Collator(build_tokenizer())
    pair = [Question(NAMES, (True, False, False)), Question(("dog", "sky"), (True, True))]
    asked = collate([pair])
    reader = processor()
    start = f"<s>{reader.image_token * ((SIDE // 8) ** 2 + 1)}"
    with torch.no_grad():
        hidden = model._read(model._see(images), asked)[0]
        for k, question in enumerate(pair):
            ours = model.vision.lm_head(hidden[asked.owners[0] == k])
            row = collate.tokens(start + prompt(question.names) + question.answer)
            theirs = model.vision(input_ids=torch.tensor([row]), pixel_values=images).logits[0]
            torch.testing.assert_close(ours, theirs[-len(ours) :], atol=1e-3, rtol=1e-3)


def test_everything_that_is_kept_gets_a_gradient(model: Trainee, batch: Batch) -> None:
    asked = Collator(build_tokenizer())(questions(batch, np.random.default_rng(0)))
    sum(model.losses(batch.images, middles(batch), asked).values()).backward()
    without = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert {name.split(".")[-2] for name in without} == {"post_layernorm"}  # LLaVA takes none


def test_lists_are_sorted_and_true(batch: Batch) -> None:
    truth, rng = Truth.of(batch), np.random.default_rng(0)
    for index in range(3):
        known = truth.known(index)
        clear = {category for _, category, _ in visible(batch, index)}
        assert {c for c in CATEGORIES if known.get(c, False)} >= clear
        drawn = [draw_question(rng, known) for _ in range(60)]
        for question in drawn:
            assert list(question.names) == sorted(set(question.names))
            assert 0 < len(question.names) <= LONGEST
            for name, there in zip(question.names, question.present, strict=True):
                assert there == known.get(name, False)
        assert any(not any(question.present) for question in drawn)
        assert any(set(question.names) >= clear for question in drawn)


def test_the_score_counts_hits_alarms_and_misses() -> None:
    scene = draw_scene(13, 0, (64, 64))
    kinds = {region.category for region in scene.regions}
    absent = next(name for name in CATEGORIES if name not in kinds)
    total, every = VisionScore(), select_classes(DRAWN_ALL.classes, DRAWN_ALL)
    named = [label for label in every.labels if DRAWN_ALL.prompts[label] in {*kinds, absent}]
    total.add(only(every, named), scene)
    assert total.summary()["recall"] == 1
    assert int(total.alarms.sum()) == 1 and int(total.misses.sum()) == 0
    assert total.summary()["clean"] == 0
    total.add(only(every, []), scene)
    assert total.summary()["recall"] == 0.5


def test_an_export_is_a_stock_checkpoint_that_answers(model: Trainee, tmp_path: Path) -> None:
    torch.save({"ema": model.state_dict()}, tmp_path / "checkpoint.pt")
    export(tmp_path / "out", tmp_path)
    chat = TransformersChat.from_pretrained(tmp_path / "out", max_new_tokens=3, dtype="float32")
    vocabulary = Vocabulary.from_names(["dog", "sky"])
    every = select_classes(vocabulary.classes, vocabulary)
    [verified] = VisionVerifier(chat, retries=0)([noise()], [every], vocabulary)
    [exchange] = verified.exchanges
    assert isinstance(exchange, Exchange) and exchange.refused is None
    assert exchange.usage.prompt_tokens == 1 + (SIDE // 8) ** 2 + 1 + 5
