"""Class names in a text, in whatever way people separate them.

The rules: one name a line, or names in one line, separated by commas, semicolons, bars or tabs,
always by the same; or sentences as Grounding DINO is prompted with ("dog . cat ."). Bullets,
list numbers, quotes and comments are taken off. A pasted list, "['dog', 'cat']", is that list. What
could mean two things is refused: in a list, a name stands as it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zeroseg.class_lists.files import read_file, read_structure
from zeroseg.class_lists.values import check_count, is_whole, shown
from zeroseg.errors import VocabularyError

_SEPARATORS = (r"[,，、،､]", r"[;；؛]", r"[|｜]", "•", r"(?:^|\s)\.(?=\s|$)|。")  # noqa: RUF001
_ANY = re.compile("|".join(_SEPARATORS))
_WRAPPED = re.compile(f"(?:{'|'.join(_SEPARATORS[:-1])})$")
_BULLET = re.compile(r"^(?:[-*–•·]|\(?[0-9]+[.)])\s+")  # noqa: RUF001
_COMMENT = re.compile(r"^#.*|\s#\s.*")
_NUMBERED = re.compile(r"^([0-9]+)\s*[\s:,;=|]\s*([^\s0-9:,;=|].*)$")
_HEADER = re.compile(r"(?:id|index|number)s?\s*[,;|\t]\s*(?:name|label|class|classe)s?", re.I)
_NUMBER_LAST = re.compile(r"\D+[,;|\t]\s*[0-9]+")
_QUOTES = ("''", '""', "``", "‘’", "“”", "«»", "「」")  # noqa: RUF001
_NO_NAME = re.compile(r"<[^<>]+>|^[\"'“‘`\[({]|[\[({]$|^[^\[({]*[\])}]|:(\s|$)")  # noqa: RUF001
_WORDS_END = re.compile(r"\.\s|[^\W\d]{2}\.[^\W\d]{2}")
_ABBREVIATION = re.compile(r"\.\w\.$")


def read_text(text: str) -> list[Any] | dict[Any, Any]:
    """The names in a text; by id where every line is an id and a name.

    Raises:
        VocabularyError: There is no name, or it is not plain where one ends.
    """
    text = _unquoted(text.strip("\ufeff \n\r\t"))
    if text[:1] + text[-1:] in ("[]", "()", "{}"):
        return _pasted(text)
    lines = [_COMMENT.sub("", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    check_count(len(lines))
    if not lines:
        raise VocabularyError("no class is named; write names such as 'dog, boat'")
    headed = len(lines) > 1 and _HEADER.fullmatch(lines[0]) is not None
    lines = lines[headed:]
    numbered = [_NUMBERED.match(line) for line in lines]
    if len(lines) > 1 and all(map(_NUMBER_LAST.fullmatch, lines)):
        raise VocabularyError(f"write ids in front of names: '1,dog' instead of {shown(lines[0])}")
    if (headed or len(lines) > 1) and all(numbered):
        return _by_id([(match[1], match[2]) for match in numbered if match])
    if all(_WRAPPED.search(line) for line in lines[:-1]):
        names = _in_one_line(" ".join(lines))
    else:
        names = [_from_one_line(line) for line in lines]
    return _checked([_bare(name) for name in names], text)


def read_plain_file(path: Path) -> list[Any] | dict[Any, Any]:
    """The names in a text file, see `read_text`.

    Raises:
        VocabularyError: It cannot be read, or see `read_text`.
    """
    return read_text(read_file(path))


def read_names(text: str) -> list[Any]:
    """The names in a text, without ids.

    Raises:
        VocabularyError: Ids are with them, or see `read_text`.
    """
    found = read_text(text)
    if isinstance(found, dict):
        raise VocabularyError(f"{shown(text)} holds ids as well; only names belong here")
    return found


def separated(name: str) -> str | None:
    """What in a name would separate names in a text; None where nothing does."""
    found = _ANY.search(name)
    return found[0].strip() if found else None


def _pasted(text: str) -> list[Any] | dict[Any, Any]:
    """A list, tuple or mapping as Python, YAML or JSON print it."""
    brackets = f"[{text[1:-1]}]" if text.startswith("(") else text
    content: list[Any] | dict[Any, Any] = read_structure(brackets)
    return content


def _by_id(pairs: list[tuple[str, str]]) -> dict[str, str]:
    table: dict[str, str] = {}
    for number, name in pairs:
        if number in table:
            raise VocabularyError(f"id {number} stands in front of two names: {shown(name)}")
        table[number] = _bare(name)
    return table


def _in_one_line(line: str) -> list[str]:
    """Names between separators; one at the end ends the last name and begins none."""
    whole = _without_stop(line)
    ended, line = whole != line, whole
    kinds = [kind for kind in _SEPARATORS if re.search(kind, line)]
    if len(kinds) > 1:
        raise VocabularyError(
            f"{shown(line)} is separated in several ways; write all names with commas between"
        )
    if kinds:
        names = re.split(kinds[0], line)
    elif "\t" in line:
        names = re.split(r"\t+", line)
    elif ended and ". " in line:
        names = re.split(r"\.\s+", line)
    elif _WORDS_END.search(line):
        raise VocabularyError(
            f"{shown(line)}: is that one class, several, or a file? Write several with commas "
            f"between, and one as a list: {[line]}; files of names end in .txt, .yaml or .json"
        )
    else:
        names = [line]
    return names[:-1] if len(names) > 1 and not names[-1].strip() else names


def _from_one_line(line: str) -> str:
    name = _without_stop(re.sub(f"(?:{_ANY.pattern})$", "", line))
    if separated(name):
        raise VocabularyError(
            f"the line {shown(line)} holds '{separated(name)}': is that one class or several? "
            f"Write one name a line (other words for a class are `aliases` of a YAML file)"
        )
    return name


def _without_stop(line: str) -> str:
    """Without the period of a sentence; that of an abbreviation, "t.v.", stays."""
    return line if _ABBREVIATION.search(line) else line.rstrip(". ")


def _bare(name: str) -> str:
    """Without bullet, number and quotes."""
    return _unquoted(_BULLET.sub("", name.strip()).strip())


def _unquoted(text: str) -> str:
    """Without the quotes around all of it."""
    inner = text[1:-1]
    quoted = text[:1] + text[-1:] in _QUOTES and text[0] not in inner and text[-1] not in inner
    return inner.strip() if quoted else text


def _checked(names: list[str], text: str) -> list[str]:
    for name in names:
        if _NO_NAME.search(name):
            raise VocabularyError(
                f"{shown(name)} is no name (in {shown(text)}): write names with commas between, "
                f"and ids, colours or aliases in a YAML file with `classes`"
            )
    numbers = [name for name in names if is_whole(name)]
    if numbers and len(numbers) < len(names):
        raise VocabularyError(
            f"numbers stand among the names, {shown(numbers)}; write names alone, one 'ID NAME' a "
            f"line, or a YAML file with `classes` and `ids`"
        )
    return names
