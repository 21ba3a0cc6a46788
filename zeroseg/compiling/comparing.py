"""What one class list has and another has not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zeroseg.vocabulary import Vocabulary, as_words


def differences(before: Vocabulary, after: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """What has changed from one vocabulary to another, in the order of the classes.

    Words are compared as words, so that hyphens and case make no difference; ids, colours and
    ignore values are no words.

    Yields:
        A class, or "" for the list as a whole; what of it has changed, such as "words"; and how:
        "+" and what is new, "-" and what is gone.
    """
    names = {as_words(name): name for name in (*after.names, *before.names)}
    order = dict.fromkeys(map(as_words, (*before.names, *after.names)))
    for name in map(names.__getitem__, order):
        old, new = before.find(name), after.find(name)
        if old is None or new is None:
            yield name, "classes", f"{'+' if old is None else '-'} {name}"
            continue
        for what in ("prompts", "words", "aliases"):
            own, other = (
                _listed(getattr(vocabulary, what)[label])
                for vocabulary, label in ((before, old), (after, new))
            )
            yield from ((name, what, said) for said in _changed(own, other))
        kinds = [label in own.stuff for own, label in ((before, old), (after, new))]
        if kinds[0] != kinds[1]:
            yield name, "stuff", "+ stuff" if kinds[1] else "- stuff"
    yield from _of_list(before, after)


def _of_list(before: Vocabulary, after: Vocabulary) -> Iterator[tuple[str, str, str]]:
    backgrounds = [[own.names[own.background]] for own in (before, after)]
    pairs = [
        [f"{own.names[a]} and {own.names[b]}" for a, b in own.look_alikes]
        for own in (before, after)
    ]
    changes: dict[str, Sequence[Sequence[str]]] = {
        "background": backgrounds,
        "look_alikes": pairs,
        "distractors": (before.distractors, after.distractors),
        "exhaustive": (_listed(before.exhaustive), _listed(after.exhaustive)),
    }
    for what, (own, other) in changes.items():
        yield from (("", what, said) for said in _changed(own, other))


def _listed(value: object) -> Sequence[str]:
    if isinstance(value, bool):
        return ["exhaustive"] if value else []
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    old, new = set(map(as_words, before)), set(map(as_words, after))
    yield from (f"- {word}" for word in before if as_words(word) not in new)
    yield from (f"+ {word}" for word in after if as_words(word) not in old)
