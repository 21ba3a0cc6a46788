"""The fields of a form that say what to segment, for every route that takes pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form

from zeroseg.app.asked import Asked

_TEXT = 20_000
"""Characters of a list of classes, or of a name."""


def asked_in_form(
    classes: Annotated[
        str | None,
        Form(
            max_length=_TEXT,
            description="Names, as in 'dog, boat'; or auto: what is seen.",
            examples=["dog, boat", "auto"],
        ),
    ] = None,
    vocabulary: Annotated[
        str | None,
        Form(
            max_length=_TEXT,
            description="A built-in list, in place of classes.",
            examples=["voc2012"],
        ),
    ] = None,
    instances: Annotated[bool, Form(description="Masks of single things, too.")] = False,
    confidence: Annotated[bool, Form(description="How sure each pixel is, too.")] = False,
    thresholds: Annotated[
        list[str] | None, Form(description="CLASS=SCORE: the least score of a class's boxes.")
    ] = None,
) -> Asked:
    """What a form asks for; see `Asked`."""
    return Asked(
        _given(classes), _given(vocabulary), tuple(thresholds or ()), instances, confidence
    )


def _given(text: str | None) -> str | None:
    """A field of a form that is left empty is not given."""
    return text if text is not None and text.strip() else None
