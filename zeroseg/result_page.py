"""A result as a small piece of HTML for notebooks: no script, nothing fetched, all escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg import plotting
from zeroseg.values import Description, Detections, Selection, Trace
from zeroseg.vocabulary import Vocabulary

_SIDE = 480
"""Pixels of the picture's longer side."""

_MOST = 40
"""Tags, prompts and classes that are listed; of more it is said how many."""

_LONGEST = 600
"""Letters of a question or answer that are shown."""


def shown_picture(image: Tensor, label_map: Tensor, vocabulary: Vocabulary) -> str:
    """The overlay as an image element of a few kilobytes.

    Args:
        image: (3, H, W) uint8.
        label_map: (H, W) int64.
        vocabulary: The classes.
    """
    height, width = label_map.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    if scale < 1:
        image = F.interpolate(image[None].float(), size, mode="area")[0].to(torch.uint8)
        label_map = F.interpolate(label_map[None, None].double(), size, mode="nearest-exact")
        label_map = label_map[0, 0].long()
    encoded = io.BytesIO()
    plotting.painted(image, label_map, vocabulary).save(encoded, "JPEG", quality=85)
    data = base64.b64encode(encoded.getvalue()).decode()
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{size[1]}" height="{size[0]}" '
        f'alt="classes in colour">'
    )


def legend(areas: Mapping[str, float], vocabulary: Vocabulary) -> str:
    """A table of the classes found: colour, name, share of the picture."""
    rows = []
    for name, share in list(areas.items())[:_MOST]:
        colour = "#{:02x}{:02x}{:02x}".format(*vocabulary.colors[vocabulary.index(name)])
        swatch = f'<span style="background:{colour};border:1px solid #888">&emsp;</span>'
        rows.append(f"<tr><td>{swatch}</td><td>{escape(name)}</td><td>{share:.1%}</td></tr>")
    if len(areas) > _MOST:
        rows.append(f"<tr><td></td><td>and {len(areas) - _MOST} more</td><td></td></tr>")
    return f"<table>{''.join(rows)}</table>" if rows else "<p>nothing found</p>"


def told(
    description: Description, selection: Selection, detections: Detections, trace: Trace
) -> list[tuple[str, str]]:
    """What was seen, asked and found, and what it took; only what there is.

    Returns:
        Headings and texts, not escaped.
    """
    tags = [f"{tag.name} {tag.score:.2f}" for tag in description.tags]
    seconds = ", ".join(f"{stage} {own:.2f}" for stage, own in trace.seconds.items())
    total = sum(trace.seconds.values())
    found = [
        f"{phrase} {score:.2f}"
        for phrase, score in zip(detections.phrases, detections.scores.tolist(), strict=True)
    ]
    lines = (
        ("tags", _listed(tags)),
        ("caption", description.caption or ""),
        ("looked for", _listed(selection.prompts)),
        ("detections", _listed(found)),
        ("seconds", f"{total:.2f} ({seconds})" if seconds else ""),
        ("language model", _cost(trace) if trace.exchanges else ""),
    )
    return [(heading, text) for heading, text in lines if text]


def page(
    title: str, picture: str, legend: str, lines: Sequence[tuple[str, str]], trace: Trace
) -> str:
    """One element that holds it all.

    Args:
        title: Of the result, not escaped.
        picture: An element, see `shown_picture`.
        legend: Another one, see `legend`.
        lines: See `told`.
        trace: Its exchanges are shown folded.
    """
    rows = "".join(
        f"<tr><th>{escape(heading)}</th><td>{escape(text)}</td></tr>" for heading, text in lines
    )
    asked = "".join(
        f"<details><summary>asked: {escape(purpose)}</summary>"
        f'<pre style="white-space:pre-wrap">{escape(text)}</pre></details>'
        for purpose, text in questions(trace)
    )
    return (
        f'<div class="zeroseg-result"><p><b>{escape(title)}</b></p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">'
        f"{picture}{legend}</div><table>{rows}</table>{asked}</div>"
    )


def questions(trace: Trace) -> list[tuple[str, str]]:
    """What a language model was asked for, and the question with its answer, cut; not escaped."""
    return [
        (own.purpose, f"{_cut(own.prompt)}\n\n{_cut(own.reply or own.refused or '')}")
        for own in trace.exchanges[:_MOST]
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(words[:_MOST]) + more


def _cost(trace: Trace) -> str:
    usage = trace.usage
    price = "of unknown price" if usage.cost is None else f"{usage.cost:.4f} US dollars"
    tokens = usage.prompt_tokens + usage.completion_tokens
    return f"calls {usage.calls}, from cache {usage.cached}, tokens {tokens}, {price}"
