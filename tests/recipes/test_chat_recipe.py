from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from benchmarks.recipes.chat import (
    IGNORED,
    Collator,
    Training,
    batches,
    build_model,
    exact,
    export,
    groups,
)
from benchmarks.recipes.chat_questions import (
    DRAM,
    Question,
    class_of,
    draw_classes,
    draw_description,
    draw_phrases,
    draw_question,
    extents,
    mentions,
    post_question,
    pre_question,
)
from benchmarks.recipes.chat_score import Score, score
from benchmarks.recipes.chat_words import build_tokenizer
from benchmarks.recipes.muon import MuonAdamW
from benchmarks.recipes.words import phrases
from zeroseg.chat.chat_model import Conversation, Message
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.world import CATEGORIES, NEVER_DRAWN, STUFF, THINGS
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.lexical import LexicalMatcher
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.reply import parse_answers, parse_labels
from zeroseg.testing import ScriptedChat
from zeroseg.values import UNRESOLVED, Description, Tag
from zeroseg.vocabularies import DRAM as DRAM_VOCABULARY
from zeroseg.vocabulary import Vocabulary

TOKENIZER = build_tokenizer()


def described(tags: str, caption: str | None = None) -> Description:
    return Description(tuple(Tag(name, 0.9) for name in tags.split(", ") if name), caption)


def shown(conversation: Conversation) -> str:
    """What the network gets of a conversation, as text."""
    turns = [{"role": turn.role, "content": turn.content} for turn in conversation.messages]
    text = TOKENIZER.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    return text


class TestWords:
    def test_a_word_of_the_world_is_one_token(self) -> None:
        for phrase in phrases():
            assert len(TOKENIZER.tokenize(phrase)) == 1, phrase
        assert TOKENIZER.tokenize("Potted-Plant, traffic_light") == [
            "potted plant",
            ",",
            "traffic light",
        ]

    def test_other_words_are_spelled(self) -> None:
        ids = TOKENIZER("aeroplane, zebus", add_special_tokens=False)["input_ids"]
        assert TOKENIZER.unk_token_id not in ids
        assert TOKENIZER.decode(ids) == "aeroplane, zebus"

    def test_foreign_letters_and_marks_break_nothing(self) -> None:
        assert TOKENIZER.tokenize("собака {dog}?") == ["<unk>", "dog"]

    @pytest.mark.parametrize("tips", [False, True])
    def test_the_template_shows_what_is_trained_on(self, tips: bool) -> None:
        chat = ScriptedChat(["none"])
        description = described("puppy, stop light", "a puppy? <b>near</b> a wall")
        classes = ["bottle", "cat", "dog"]
        vocabulary = Vocabulary.from_names(classes)
        LLMPreRefiner(chat, tips=tips)([description], vocabulary)
        LLMPostRefiner(chat, tips=tips, retries=0)(["puppy", "a wall"], vocabulary)
        pre, post = chat.asked
        assert shown(pre) == pre_question(description, classes).prompt
        said = {"a wall": "wall", "puppy": "puppy"}
        assert shown(post) == post_question(said, ["background", *classes]).prompt

    def test_a_second_asking_and_other_conversations_are_shown_too(self) -> None:
        first = Message("user", "Which?\n1. dog")
        again = Conversation((first, Message("assistant", "hm"), Message("user", "Once more")))
        assert shown(again) == "<s>1. dog<classes><answer>"
        assert shown(Conversation((Message("user", "Hello"),))) == "<s>Hello<classes><answer>"


class TestQuestions:
    @pytest.mark.parametrize(
        ("word", "classes", "expected"),
        [
            ("puppy", "animal, dog, hound", "dog"),
            ("puppy", "animal, pet", "pet"),
            ("puppy", "canine, cat", "canine"),
            ("dog", "puppy, cat", None),
            ("animal", "dog, mammal", None),
            ("lawn", "grass, ground, plant, vegetation", "grass"),
            ("grass", "ground, plant, vegetation", "vegetation"),
            ("houseplant", "container, plant", "plant"),
            ("zebra", "animal, horse", None),
            ("zebra", "zebra", "zebra"),
            ("qwx", "dog, qwx", "qwx"),
        ],
    )
    def test_a_word_stands_for_the_narrowest_class(
        self, word: str, classes: str, expected: str | None
    ) -> None:
        assert class_of(word, classes.split(", ")) == expected

    def test_the_thesaurus_mostly_agrees(self) -> None:
        """Another table, made for photographs, says the same of nearly all words."""
        vocabulary = Vocabulary.from_names([*THINGS, *STUFF])
        matcher = LexicalMatcher(vocabulary)
        words = [word for word in extents() if class_of(word, CATEGORIES)]
        agreed = 0
        for word in words:
            match = matcher.match(word)
            agreed += match is not None and vocabulary.names[match.label] == class_of(
                word, CATEGORIES
            )
        assert agreed / len(words) > 0.9
        for word in NEVER_DRAWN:
            assert class_of(word, CATEGORIES) is None

    def test_a_description_names_things_in_tags_and_caption(self) -> None:
        description = described("man, sky", "a poster of two calves and a wine bottle by the wall")
        assert mentions(description) == ["man", "sky", "calf", "wine bottle", "wall"]
        question = pre_question(description, ["bottle", "cow", "dog", "person"])
        assert question.answer == "bottle, cow, person"
        assert question.present == (True, True, False, True)
        assert pre_question(description, ["cat", "dog"]).answer == "none"

    def test_answers_are_what_the_refiners_read(self) -> None:
        for index in range(200):
            dice = Dice(f"read/{index}")
            classes = draw_classes(dice, held_out=False)
            vocabulary = Vocabulary.from_names(["background", *classes])
            names = ClassNames(vocabulary)
            question = pre_question(draw_description(dice, classes), classes)
            parsed = parse_labels(self.through_tokens(question), names)
            chosen = [vocabulary.names[label] for label in parsed.labels]
            assert parsed.understood
            assert not parsed.dropped
            wanted = zip(classes, question.present, strict=True)
            assert chosen == [name for name, there in wanted if there]
            said = draw_phrases(dice, classes)
            question = post_question(said, vocabulary.names)
            answers = parse_answers(self.through_tokens(question), list(said), names)
            found = [
                None if n == UNRESOLVED else vocabulary.names[n] for n in answers.labels.values()
            ]
            assert found == [class_of(word, vocabulary.names) for word in said.values()]
            assert not answers.dropped

    @staticmethod
    def through_tokens(question: Question) -> str:
        ids = TOKENIZER(question.answer, add_special_tokens=False)["input_ids"]
        text = TOKENIZER.decode(ids)
        assert isinstance(text, str)
        return text

    def test_held_out_lists_are_never_trained_on(self) -> None:
        dice = Dice("lists")
        trained = {draw_classes(dice, held_out=False) for _ in range(400)}
        held_out = {draw_classes(dice, held_out=True) for _ in range(100)}
        assert not trained & held_out
        assert tuple(sorted(DRAM)) in trained
        assert tuple(sorted(THINGS)) in trained
        assert len(held_out) > 60

    def test_dram_is_the_published_list(self) -> None:
        prompts = [DRAM_VOCABULARY.prompts[i] for i in DRAM_VOCABULARY.classes]
        assert sorted(DRAM) == sorted(prompts)

    def test_a_seed_gives_the_same_questions(self) -> None:
        one, other = Dice("same"), Dice("same")
        drawn = [draw_question(one) for _ in range(60)]
        assert drawn == [draw_question(other) for _ in range(60)]
        assert len(set(drawn)) > 55

    def test_questions_are_short_and_of_many_kinds(self) -> None:
        dice = Dice("kinds")
        drawn = [draw_question(dice) for _ in range(400)]
        lengths = [len(TOKENIZER(question.prompt)["input_ids"]) for question in drawn]
        assert max(lengths) < 160
        nothing = sum(question.answer == "none" for question in drawn) / len(drawn)
        assert 0.1 < nothing < 0.5
        numbered = sum(question.answer.startswith("1:") for question in drawn) / len(drawn)
        assert 0.15 < numbered < 0.35


class TestTraining:
    def test_the_loss_is_on_answers_and_classes_only(self) -> None:
        questions = [
            pre_question(described("puppy"), ["dog", "zebu"]),
            pre_question(described("", "grass under the sky"), ["cat", "grass", "person"]),
        ]
        batch = Collator(TOKENIZER)(questions)
        assert batch.ids.shape == batch.mask.shape == batch.targets.shape == batch.present.shape
        for row, question in enumerate(questions):
            told = batch.targets[row] != IGNORED
            answer = TOKENIZER.decode(batch.targets[row][told])
            assert answer == f"{question.answer}</s>" or answer == f"{question.answer} </s>"
            assert torch.equal(batch.ids[row][told], batch.targets[row][told])
            assert int(batch.mask[row].sum()) == int(told.nonzero()[-1]) + 1
        ends = (batch.present[0] >= 0).nonzero()[:, 0]
        assert TOKENIZER.convert_ids_to_tokens(batch.ids[0][ends].tolist()) == ["dog", "##u"]
        assert batch.present[0][ends].tolist() == [1, 0]
        assert batch.present[1][batch.present[1] >= 0].tolist() == [0, 1, 0]

    def test_like_words_start_alike(self) -> None:
        torch.manual_seed(0)
        embeddings = build_model(TOKENIZER).get_input_embeddings().weight.detach()

        def likeness(one: str, other: str) -> float:
            rows = TOKENIZER.convert_tokens_to_ids([one, other])
            return float(torch.cosine_similarity(embeddings[rows[0]], embeddings[rows[1]], dim=0))

        assert likeness("dog", "canine") > 0.6
        assert likeness("puppies", "puppy") > 0.6
        assert likeness("puppy", "dog") > likeness("puppy", "boat") + 0.3

    def test_batches_hold_questions_of_like_length(self) -> None:
        source = batches(Collator(TOKENIZER), Dice("batches"), 8)
        drawn = [next(source) for _ in range(24)]
        used = sum(int(batch.mask.sum()) for batch in drawn)
        assert used / sum(batch.mask.numel() for batch in drawn) > 0.7
        assert all(len(batch.ids) == 8 for batch in drawn)

    def test_what_is_learned_is_said_by_the_exported_model(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        asked = [described("puppy, grass"), described("sky", "a kitten by the wall")]
        classes = ["cat", "dog", "person"]
        collate = Collator(TOKENIZER)
        batch = collate([pre_question(description, classes) for description in asked])
        training = Training(build_model(TOKENIZER)).train()
        optimizer = MuonAdamW(groups(training, 5e-3))
        for group in optimizer.param_groups:
            group["lr"] = 5e-3
        for _ in range(25):
            saying, presence = training.losses(batch)
            optimizer.zero_grad()
            (saying + presence).backward()
            optimizer.step()
        assert all(p.grad is not None for p in training.parameters())
        assert exact(training.eval(), collate, 20) < 1
        torch.save({"ema": training.state_dict()}, tmp_path / "checkpoint.pt")
        export(tmp_path / "chat", tmp_path)
        with safe_open(tmp_path / "chat" / "model.safetensors", "pt") as weights:
            kinds = {weights.get_tensor(key).dtype for key in weights.keys()}  # noqa: SIM118
        assert kinds == {torch.float16}
        chat = TransformersChat.from_pretrained(tmp_path / "chat", dtype="float32")
        vocabulary = Vocabulary.from_names(classes)
        selections = LLMPreRefiner(chat)(asked, vocabulary)
        assert [selection.prompts for selection in selections] == [("dog",), ("cat",)]

    def test_an_untrained_run_cannot_be_exported(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="train first"):
            export(tmp_path / "chat", tmp_path / "nowhere")


class TestScore:
    def test_a_perfect_model_scores_one(self) -> None:
        def answer(conversation: Conversation) -> str:
            data, classes = shown(conversation).removeprefix("<s>").split("<classes>")
            names = classes.removesuffix("<answer>").split(", ")
            if data.startswith("1."):
                lines = [line.split(". ")[1].strip('"') for line in data.split("\n")]
                return "\n".join(f"{i}: {self.decided(p, names)}" for i, p in enumerate(lines, 1))
            return pre_question(self.read(data), names).answer

        found = score(ScriptedChat(answer), seed=3, count=30)
        assert found.f1 == 1
        assert found.phrases > 30
        assert found.resolved / found.phrases > 0.97  # plurals that are no words of the world
        assert found.clean == found.answers > 40

    @staticmethod
    def decided(phrase: str, names: list[str]) -> str:
        words = mentions(described("", phrase)) or mentions(described("", phrase.removesuffix("s")))
        return class_of(words[-1], names) or "none" if words else "none"

    @staticmethod
    def read(data: str) -> Description:
        content = json.loads(data)
        tags = tuple(Tag(name, 1.0) for name in content["tags"])
        return Description(tags, content.get("caption"))

    def test_a_silent_model_scores_nothing(self) -> None:
        found = score(ScriptedChat(["the picture shows nothing of this"]), 3, 10, [DRAM])
        assert (found.f1, found.clean) == (0, 0)
        assert found.resolved < found.phrases

    def test_counts_add_up(self) -> None:
        total = Score(4, 2, 2, 5, 4, 3, 3) + Score(0, 2, 0, 0, 0, 1, 0)
        assert total.f1 == pytest.approx(0.5)
        assert str(total) == (
            "F1 0.500 (precision 0.500, recall 0.500), phrases 0.800 of 5, clean answers 0.750 of 4"
        )
        assert Score().f1 == 1
