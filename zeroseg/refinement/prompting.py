"""Writing prompts: templates, tips drawn from a vocabulary, and text quoted as data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from zeroseg.errors import PresetError
from zeroseg.refinement.lexical import LexicalMatcher, matcher_of
from zeroseg.values import Description
from zeroseg.vocabulary import Vocabulary, as_words

_WORDS_IN_TIPS = 160
_WORDS_A_CLASS = 12


def read_template(path: str | Path | None, default: str, known: Sequence[str]) -> Template:
    """Read a prompt template: plain text with placeholders such as `$classes`.

    Args:
        path: The user's own file; None for the one that comes with zeroseg.
        default: Name of the file that comes with zeroseg.
        known: Placeholders that can be filled; the first one must occur. A dollar sign is `$$`.

    Raises:
        PresetError: The file cannot be read, or has a placeholder that nothing fills, or lacks
            the first one.
    """
    source = Path(path) if path is not None else files("zeroseg.refinement") / "templates" / default
    try:
        template = Template(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PresetError(f"cannot read the prompt template {source}: {error}") from error
    matches = list(Template.pattern.finditer(template.template))
    if any(match.group("invalid") is not None for match in matches):
        raise PresetError(f"{source} has a lone $; write $$ for a dollar sign")
    used = [match.group("named") or match.group("braced") for match in matches]
    stray = sorted({name for name in used if name and name not in known})
    if stray:
        raise PresetError(
            f"{source} has unknown placeholders {['$' + name for name in stray]}; "
            f"known: {['$' + name for name in known]}"
        )
    if known[0] not in used:
        raise PresetError(f"{source} does not say where the classes go: it needs ${known[0]}")
    return template


def fill(template: Template, values: Mapping[str, str]) -> str:
    """The template with its values; what an empty value leaves behind is closed up."""
    return re.sub(r"\n{3,}", "\n\n", template.substitute(values)).strip()


def class_names(vocabulary: Vocabulary, background: bool = False) -> tuple[str, ...]:
    """The names for a prompt: sorted, so that the order of a vocabulary changes no answer."""
    chosen = range(len(vocabulary)) if background else vocabulary.classes
    return tuple(sorted(vocabulary.names[index] for index in chosen))


def labels_schema(names: Sequence[str]) -> dict[str, Any]:
    """JSON schema of an answer that lists some of these classes, under "labels"."""
    label = {"type": "string", "enum": list(names)}
    return _object(labels={"type": "array", "items": label})


def numbered_schema(names: Sequence[str]) -> dict[str, Any]:
    """JSON schema of an answer that gives numbers one of these classes each, or "none"."""
    label = {"type": "string", "enum": list(dict.fromkeys((*names, "none")))}
    answer = _object(number={"type": "integer"}, label=label)
    return _object(answers={"type": "array", "items": answer})


def _object(**properties: Any) -> dict[str, Any]:
    """JSON schema of an object with these entries and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def quoted(value: object) -> str:
    """Text from outside as one line of JSON in which no mark-up, quote or new line is left."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("`", "\\u0060")


def described(description: Description) -> str:
    """A description as one line of JSON."""
    tags = [" ".join(tag.name.split()) for tag in description.tags]
    content: dict[str, object] = {"tags": tags}
    if description.caption is not None:
        content["caption"] = " ".join(description.caption.split())
    return quoted(content)


def equivalences(matcher: LexicalMatcher, labels: Sequence[int] | None = None) -> list[str]:
    """For each class, or some, other words for it, from its aliases and the thesaurus."""
    vocabulary = matcher.vocabulary
    chosen = vocabulary.classes if labels is None else labels
    room = max(3, min(_WORDS_A_CLASS, _WORDS_IN_TIPS // max(len(chosen), 1)))
    lines = []
    for label in sorted(chosen, key=lambda index: vocabulary.names[index]):
        words = _words_for(label, matcher)[:room]
        if words:
            lines.append(f"- {', '.join(words)}: {vocabulary.names[label]}")
    return lines


def _words_for(label: int, matcher: LexicalMatcher) -> list[str]:
    vocabulary, thesaurus = matcher.vocabulary, matcher.thesaurus
    concept = thesaurus.find(tuple(vocabulary.prompts[label].split()))
    narrower = thesaurus.narrower(concept) if concept else ()
    own = (as_words(vocabulary.names[label]), as_words(vocabulary.prompts[label]))
    words = dict.fromkeys((*vocabulary.aliases[label], *narrower))
    matches = {word: matcher.match(word) for word in words if as_words(word) not in own}
    return [word for word, match in matches.items() if match and match.label == label]


def company(matcher: LexicalMatcher) -> list[str]:
    """For each kind of scene those classes of the vocabulary that it usually holds."""
    lines = []
    for setting, things in matcher.thesaurus.settings.items():
        matches = (matcher.match(thing) for thing in things)
        labels = {match.label for match in matches if match} - {matcher.vocabulary.background}
        names = sorted(matcher.vocabulary.names[label] for label in labels)
        if len(names) > 1:
            lines.append(f"- {setting}: {', '.join(names)}")
    return lines


@lru_cache(maxsize=64)
def advice(vocabulary: Vocabulary, scenes: bool, labels: tuple[int, ...] | None = None) -> str:
    """Advice drawn from the vocabulary alone; empty where there is none to give.

    Args:
        vocabulary: The classes.
        scenes: Whether to tell what usually occurs together, too.
        labels: Indices of the classes whose words are told; None tells those of all.
    """
    matcher = matcher_of(vocabulary)
    parts = []
    words = equivalences(matcher, labels)
    if words:
        parts.append("\n".join(("Words that mean a class, among many others:", *words)))
    together = company(matcher) if scenes else []
    if together:
        parts.append("\n".join(("What such scenes often hold:", *together)))
    return "\n\n".join(parts)
