"""A tagger and a verifier that look at large pictures through windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.verifier import Verifier
from zeroseg.tiling.looking import apart, batches, size_of
from zeroseg.tiling.windows import Tiling
from zeroseg.values import Selection, Tag, check_images
from zeroseg.vocabulary import Vocabulary


class TiledTagger(Tagger):
    """Names what is in any window of a picture, as sure as in the window where it is surest.

    Args:
        tagger: What names it.
        tiling: Which pictures are cut, and how.
    """

    def __init__(self, tagger: Tagger, tiling: Tiling) -> None:
        super().__init__()
        self.tagger = tagger
        self.tiling = tiling

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        """Tag every image; those of one that is cut by falling score. See `Tagger.forward`."""
        check_images(images)
        return apart(
            self.tiling,
            images,
            lambda some: self.tagger([images[i] for i in some]),
            lambda i: self._tags(images[i]),
        )

    def _tags(self, image: Tensor) -> tuple[Tag, ...]:
        best: dict[str, float] = {}
        for some in batches(self.tiling.windows(size_of(image)), self.tiling.batch_size):
            for tags in self.tagger([window.cut(image) for window in some]):
                best |= {tag.name: max(tag.score, best.get(tag.name, 0)) for tag in tags}
        ranked = sorted(best.items(), key=lambda own: (-own[1], own[0]))
        return tuple(Tag(name, score) for name, score in ranked)


class TiledVerifier(Verifier):
    """Keeps of a selection what is in any window, as likely as in the window where it is likeliest.

    Args:
        verifier: What judges a window.
        tiling: Which pictures are cut, and how.
    """

    def __init__(self, verifier: Verifier, tiling: Tiling) -> None:
        super().__init__()
        self.verifier = verifier
        self.tiling = tiling

    @property
    def waits(self) -> bool:
        """See `Verifier.waits`."""
        return self.verifier.waits

    def require(self, vocabulary: Vocabulary) -> None:
        """See `Verifier.require`."""
        self.verifier.require(vocabulary)

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Judge the prompts of each image; see `Verifier.forward`."""
        check_images(images)

        def plain(some: list[int]) -> Sequence[Selection]:
            chosen = [selections[i] for i in some]
            return self.verifier([images[i] for i in some], chosen, vocabulary)

        def cut(i: int) -> Selection:
            return _united(selections[i], list(self._judged(images[i], selections[i], vocabulary)))

        return apart(self.tiling, images, plain, cut)

    def _judged(self, image: Tensor, selection: Selection, classes: Any) -> Iterator[Selection]:
        for some in batches(self.tiling.windows(size_of(image)), self.tiling.batch_size):
            shown = [window.cut(image) for window in some]
            yield from self.verifier(shown, [selection] * len(some), classes)


def _united(before: Selection, judged: Sequence[Selection]) -> Selection:
    """What any window keeps of a selection."""
    best: dict[str, float] = {}
    for own in judged:
        presence = own.presence or (1.0,) * len(own.prompts)
        for prompt, likely in zip(own.prompts, presence, strict=True):
            best[prompt] = max(likely, best.get(prompt, 0.0))
    kept = before.keep([i for i, prompt in enumerate(before.prompts) if prompt in best])
    known = any(own.presence is not None for own in judged)
    exchanges = [said for own in judged for said in own.exchanges[len(before.exchanges) :]]
    return replace(
        kept,
        presence=tuple(best[prompt] for prompt in kept.prompts) if known else None,
        exchanges=(*before.exchanges, *exchanges),
    )
