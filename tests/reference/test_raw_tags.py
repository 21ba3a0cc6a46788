"""Tags as they are, and the caption behind the last one."""

from __future__ import annotations

from zeroseg.reference import ReferenceRawTags
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.testing import PreRefinerContract
from zeroseg.values import UNRESOLVED, Description, Selection, Tag
from zeroseg.vocabularies import DRAM


def chosen(*tags: str, caption: str | None = None) -> Selection:
    described = Description(tuple(Tag(tag, 0.9) for tag in tags), caption)
    [selection] = ReferenceRawTags()([described], DRAM)
    return selection


class TestReferenceRawTags(PreRefinerContract):
    refines = False

    def part(self) -> PreRefiner:
        return ReferenceRawTags()

    def test_the_caption_is_glued_to_the_last_tag(self) -> None:
        selection = chosen("cat", "dog", caption="a hound ")
        assert selection.prompts == ("cat", "dog: a hound")
        assert selection.labels == (DRAM.index("cat"), UNRESOLVED)

    def test_there_may_be_only_one_of_them(self) -> None:
        assert chosen(caption="a hound").prompts == ("a hound",)
        assert chosen("cat", "dog", caption=" ").prompts == ("cat", "dog")
