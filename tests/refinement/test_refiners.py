from __future__ import annotations

import pytest

from zeroseg.errors import VocabularyError
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.given_labels import GivenLabels
from zeroseg.refinement.lexical_post_refiner import LexicalPostRefiner
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.raw_tags import RawTags
from zeroseg.testing import PostRefinerContract, PreRefinerContract
from zeroseg.values import DISTRACTOR, UNRESOLVED, Description, Selection, Tag
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary


def told(*tags: str, caption: str | None = None) -> Description:
    return Description(tuple(Tag(tag, 0.9) for tag in tags), caption)


def chosen(refiner: PreRefiner, description: Description, vocabulary: Vocabulary) -> Selection:
    [selection] = refiner([description], vocabulary)
    return selection


class TestLexicalPreRefiner(PreRefinerContract):
    def part(self) -> PreRefiner:
        return LexicalPreRefiner()

    def test_tags_and_caption_both_count(self) -> None:
        described = told(
            "puppy", "rose garden", caption="two kittens and a wine bottle on the grass"
        )
        selection = chosen(self.part(), described, DRAM)
        assert selection.prompts == ("bottle", "cat", "dog")
        assert [DRAM.names[label] for label in selection.labels] == ["bottle", "cat", "dog"]

    def test_a_class_is_asked_for_by_its_prompt(self) -> None:
        selection = chosen(self.part(), told("vase", "girl"), DRAM)
        assert selection.prompts == ("person", "potted plant")

    def test_the_background_is_never_selected(self) -> None:
        vocabulary = Vocabulary.from_names(["wall", "dog"], background="wall")
        assert chosen(self.part(), told("brick wall", "hound"), vocabulary).prompts == ("dog",)

    @pytest.mark.parametrize(
        ("mode", "prompts", "labels"),
        [
            ("evidence", ("dog", "bird", "person"), (1, 1, 3)),
            ("classes", ("animal", "person"), (1, 3)),
            ("both", ("animal", "dog", "bird", "person"), (1, 1, 1, 3)),
        ],
    )
    def test_wide_classes_are_asked_for_by_what_was_seen(
        self, mode: str, prompts: tuple[str, ...], labels: tuple[int, ...]
    ) -> None:
        vocabulary = Vocabulary.parse("animal, boat, person")
        described = told("animal", "puppies", "lady", caption="a gull and two dogs")
        part = LexicalPreRefiner(prompts=mode)  # type: ignore[arg-type]
        selection = chosen(part, described, vocabulary)
        assert (selection.prompts, selection.labels) == (prompts, labels)
        if mode == "both":
            assert chosen(LexicalPreRefiner(), described, vocabulary) == selection

    def test_a_wide_class_that_only_its_name_speaks_for_is_asked_for_itself(self) -> None:
        vocabulary = Vocabulary.parse("animal, boat, person")
        assert chosen(self.part(), told("animals"), vocabulary).prompts == ("animal",)

    def test_nothing_that_no_class_covers(self) -> None:
        vocabulary = Vocabulary.parse("dog, other")
        assert chosen(self.part(), told("cat", "puppy", caption="a cat"), vocabulary).labels == (0,)
        assert chosen(self.part(), told("cat"), vocabulary) == Selection()

    def test_unknown_mode_is_refused(self) -> None:
        with pytest.raises(ValueError, match="evidence"):
            LexicalPreRefiner(prompts="evidnce")  # type: ignore[arg-type]


class TestLexicalPostRefiner(PostRefinerContract):
    def part(self) -> PostRefiner:
        return LexicalPostRefiner()

    def test_phrases_become_classes(self) -> None:
        phrases = ["a wooden dining chair", "puppy", "potted - plant", "hot dog", "background", ""]
        names = [DRAM.names[i] if i >= 0 else None for i in self.part()(phrases, DRAM).labels]
        assert names == ["chair", "dog", "potted-plant", None, "background", None]


class TestExactPostRefiner(PostRefinerContract):
    def part(self) -> PostRefiner:
        return ExactPostRefiner()

    def test_other_words_are_not_classes(self) -> None:
        assert self.part()(["puppy", "dogs", "Dog", "potted_plant"], DRAM).labels == (
            UNRESOLVED,
            UNRESOLVED,
            DRAM.index("dog"),
            DRAM.index("potted-plant"),
        )


class TestAllClasses(PreRefinerContract):
    def part(self) -> PreRefiner:
        return AllClasses()

    def test_every_class_but_the_background_in_order(self) -> None:
        selection = chosen(self.part(), Description(), DRAM)
        assert selection.labels == DRAM.classes
        assert "background" not in selection.prompts


class TestRawTags(PreRefinerContract):
    refines = False

    def part(self) -> PreRefiner:
        return RawTags()

    def test_tags_pass_as_they_are_and_exact_ones_are_labelled(self) -> None:
        described = told("hound", "Dog", "traffic light", "potted plant", caption="a hound")
        selection = chosen(self.part(), described, DRAM)
        assert selection.prompts == ("hound", "Dog", "traffic light", "potted plant")
        expected = (UNRESOLVED, DRAM.index("dog"), UNRESOLVED, DRAM.index("potted-plant"))
        assert selection.labels == expected


class TestGivenLabels(PreRefinerContract):
    def part(self) -> PreRefiner:
        return GivenLabels(["dog", "potted plant"])

    def test_the_same_for_every_image_in_the_order_of_the_vocabulary(self) -> None:
        first, second = GivenLabels(["sheep", "dog"])([told("cat"), Description()], DRAM)
        assert first == second
        assert first.prompts == ("dog", "sheep")

    def test_a_name_outside_the_vocabulary_is_an_error(self) -> None:
        with pytest.raises(VocabularyError, match="spaceship"):
            GivenLabels(["spaceship"])([Description()], DRAM)


WORDY = Vocabulary.from_names(
    ["dog", "boat"], words={"dog": ["puppy"]}, distractors=["frame", "text"]
)


@pytest.mark.parametrize("refiner", [LexicalPreRefiner(), AllClasses(), GivenLabels(["dog"])])
def test_a_class_is_asked_for_with_all_its_words_and_beside_distractors(
    refiner: PreRefiner,
) -> None:
    selection = chosen(refiner, told("hound"), WORDY)
    pairs = dict(zip(selection.prompts, selection.labels, strict=True))
    assert pairs["dog"] == pairs["puppy"] == WORDY.index("dog")
    assert selection.prompts[-2:] == ("frame", "text")
    assert selection.labels[-2:] == (DISTRACTOR, DISTRACTOR)


def test_where_nothing_is_asked_for_no_distractor_is() -> None:
    assert chosen(LexicalPreRefiner(), told("cloud"), WORDY) == Selection()
