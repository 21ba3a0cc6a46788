"""What a language model answers, without what it thought before.

Models that think write their thoughts into the same text as the answer, each family with marks of
its own, and servers pass them on more often than not. A thought names what was considered and
rejected; nothing of it may be read as an answer. The marks are those of the models of 2025 and
2026, as the reasoning parsers of vLLM and SGLang list them.
"""

from __future__ import annotations

import re
from enum import Enum, auto


class _Means(Enum):
    """What a mark says about the text behind it."""

    THOUGHT_ENDS = auto()
    THOUGHT = auto()
    ANSWER = auto()
    TURN_ENDS = auto()
    TURN = auto()
    NOTHING = auto()


_THOUGHTS = (
    r"(?:ant)?think(?:ing)?(?:_\w{1,20})?|thoughts?(?:_\w{1,20})?|reason(?:ing)?(?:_\w{1,20})?|"
    "reflect(?:ion)?|scratch_?pad|analysis|monologue|deliberation|rationale|cot|draft"
)
_ANSWERS = "answer|final|final_?answer|output|response|result|solution"
_LESS, _MORE = "(?:[<\u25c1]|&lt;)", "(?:[>\u25b7]|&gt;)"
_ATTRIBUTES = r"(?:\s[^<>]{0,200})?"


def _tag(names: str, closing: bool) -> str:
    """A tag of one of these names, whatever its namespace: `<think>`, `<seed:think lang="en">`."""
    slash = r"/\s*" if closing else ""
    return rf"{_LESS}\s*{slash}(?:[a-z]\w{{0,20}}[:_])?(?:{names}){_ATTRIBUTES}{_MORE}"


def _special(names: str) -> str:
    """A special token: `<|im_end|>`, or with the wide strokes of DeepSeek's."""
    return rf"<[|\uff5c](?:{names})[|\uff5c]>"


_HARMONY = r"(?:[^<]{0,100}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>)?"
_HEADER = r"(?:<\|(?:im_start|start_header_id|start)\|>|<start_of_turn>|<\|turn>)\s{0,9}"
_MARKS = (
    (_Means.THOUGHT_ENDS, _tag(_THOUGHTS, closing=True)),
    (_Means.THOUGHT_ENDS, r"\[/think(?:ing)?\]|\[unused17\]|<channel\|>"),
    (
        _Means.THOUGHT_ENDS,
        _special(r"(?:end_of_|end_|/|plamo:end_)(?:thinking|think|thought)\S{0,9}"),
    ),
    (_Means.THOUGHT_ENDS, _special("think(?:ing)?[:_]end|inner_suffix")),
    (_Means.THOUGHT_ENDS, r"<\|close\|>think<\|sep\|>"),
    (_Means.NOTHING, rf"{_LESS}(?:{_THOUGHTS})\s*/{_MORE}"),
    (_Means.THOUGHT, _tag(_THOUGHTS, closing=False)),
    (_Means.THOUGHT, r"\[think(?:ing)?\]|\[unused16\]"),
    (
        _Means.THOUGHT,
        _special(r"(?:[a-z]{1,12}[:_]){0,3}(?:thinking|think|thought)\S{0,9}|inner_prefix"),
    ),
    (_Means.THOUGHT, r"<\|open\|>think<\|sep\|>"),
    (_Means.THOUGHT, r"^\W{0,9}here(?:'s|\u2019s| is) my thought process\W{0,3}:"),
    (_Means.ANSWER, rf"<\|channel\|?>\s*(?:final|answer|response)\b{_HARMONY}"),
    (_Means.THOUGHT, rf"<\|channel\|?>\s*\w+{_HARMONY}"),
    (_Means.ANSWER, r"\bto=user\s{0,9}<\|message\|>|^\s{0,9}final\s{0,9}<\|message\|>"),
    (
        _Means.THOUGHT,
        r"\bto=\w+\s{0,9}<\|message\|>|^\s{0,9}(?:analysis|commentary)\s{0,9}<\|message\|>",
    ),
    (_Means.ANSWER, _special("(?:begin_of|start)_(?:solution|response|text|answer)|content_text")),
    (_Means.ANSWER, r"<\|open\|>response<\|sep\|>"),
    (_Means.ANSWER, r"^\W{0,9}here(?:'s|\u2019s| is) my response\W{0,3}:"),
    (
        _Means.TURN_ENDS,
        _special(r"(?:im_|turn_)?end\w{0,20}|end\u2581of\u2581\w{0,20}|eo[a-z]{1,2}(?:_id)?"),
    ),
    (_Means.TURN_ENDS, _special("return|call") + r"|<\|close\|>\w+<\|sep\|>"),
    (_Means.TURN_ENDS, r"</s>|<eos>|\[EOS\]|<end_of_turn>|<turn\|>"),
    (_Means.TURN_ENDS, rf"{_HEADER}(?:user|system|tool)"),
    (_Means.TURN_ENDS, _special("user|system|tool|observation")),
    (_Means.TURN, rf"{_HEADER}\w*(?:<\|end_header_id\|>)?"),
    (_Means.NOTHING, _special(r"[^<>|\uff5c\s]{1,40}") + "|<s>|<bos>"),
)
_MARK = re.compile(
    "|".join(f"(?P<m{place}>{pattern})" for place, (_, pattern) in enumerate(_MARKS)),
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_TAG = re.compile(
    f"(?P<closes>{_tag(_ANSWERS, closing=True)})|{_tag(_ANSWERS, closing=False)}", re.IGNORECASE
)
_COLON = r"[*_]{0,3}(?: is| are)?\s?[*_]{0,3}[:\uff1a][*_]{0,3}"
_FINAL = "final (?:answer|list|labels?|classes|selection|output|response|result)"
_ELSEWHERE = (
    "\u6700[\u7ec8\u7d42](?:\u7b54\u6848|\u56de\u7b54)|\u7b54\u6848|r\u00e9ponse finale|"
    "respuesta final|resposta final|risposta finale|(?:endg\u00fcltige|finale) antwort"
)
_HEADING = re.compile(
    rf"\b{_FINAL}(?:{_COLON}| is\b| are\b)"
    rf"|^[^\w\n]{{0,9}}{_FINAL}[^\w\n]{{0,9}}$"
    rf"|^[^\w\n]{{0,9}}(?:{_ELSEWHERE}){_COLON}"
    rf"|(?:^[^\w\n]{{0,9}}|[.!?]\s)(?:final|correct(?:ion|ed)|revised|updated|actually)"
    rf"(?: [a-z]{{1,12}}){{0,2}}{_COLON}",
    re.IGNORECASE | re.MULTILINE,
)
_PLAIN_HEADING = re.compile(
    rf"^[^\w\n]{{0,9}}(?:answer|response|output|result){_COLON}", re.IGNORECASE | re.MULTILINE
)
_BRACE = re.compile(r"\\f?boxed\s{0,9}\{|\\[{}]|[{}]")
_BETWEEN_BOXES = re.compile(r"(?:[\s,;$]|\\[,;()\[\]]|and\b)*")
_COMMAND = re.compile(r"\\(?:text|math)[a-z]{0,9}\s{0,9}\{([^{}]*)\}")
_AROUND_ALL = re.compile(r"\A\\(?:text|math)[a-z]{0,9}\s{0,9}\{(.*)\}\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\([{}_&%$#])")
_BLOCK = re.compile(
    r"^[^\S\n]{0,9}(?:```|~~~)(?:[\w+-]{0,20}[^\S\n]{0,9}\n|json\b)?(.*?)(?:```|~~~|\Z)",
    re.MULTILINE | re.DOTALL,
)
_BARE_CHANNEL = re.compile(r"\s*(?:analysis|commentary)(?![a-z_])")
_BARE_THOUGHT = re.compile(r"\s*analysis(?=[^\Wa-z_])")
_BARE_FINAL = re.compile(r"assistant\s{0,9}final")


def final_answer(text: str) -> str:
    r"""What is left of a model's text when thoughts, drafts, channels and wrappers are taken off.

    Known are tags in any case (`<think>`, `<reasoning>`, `<seed:think>`, `[THINK]`), special
    tokens (`<|begin_of_thought|>`, `<|START_THINKING|>`), channels (harmony's, also when the
    special tokens have been stripped, and Gemma's), wrappers around the answer (`<answer>`,
    `\boxed{}`, code fences) and headings such as "Final answer:". Of several answers the last
    one counts. Everything before a closing mark without an opening one is thought: the opening
    one stood in the prompt. Behind an opening mark without a closing one nothing is an answer: the
    thought was cut off.

    Args:
        text: The model's text as it came.

    Returns:
        The answer, "" where there is none. A text without such marks comes back as it was.
    """
    for step in (_of_bare_channels, without_thoughts, _in_tags, _under_heading, _boxed, _fenced):
        text = step(text)
    return text


def ends_in_thought(text: str) -> bool:
    """Whether a thought begins in a text, such as a prompt, that does not end in it."""
    return _apart(text)[1]


def _of_bare_channels(text: str) -> str:
    """Harmony without its special tokens: "analysisThe user ... assistantfinaldog"."""
    if not _BARE_CHANNEL.match(text):
        return text
    finals = list(_BARE_FINAL.finditer(text))
    if finals:
        return text[finals[-1].end() :].strip()
    return "" if _BARE_THOUGHT.match(text) else text


def without_thoughts(text: str) -> str:
    """The text outside of thoughts, of the last channel or turn that answers."""
    return _apart(text)[0]


def is_marked(text: str) -> bool:
    """Whether a text marks where a thought or an answer begins or ends."""
    marks = (_meaning(mark) for mark in _MARK.finditer(text))
    return any(means in (_Means.THOUGHT, _Means.THOUGHT_ENDS, _Means.ANSWER) for means in marks)


def _meaning(mark: re.Match[str]) -> _Means:
    return _MARKS[int((mark.lastgroup or "")[1:])][0]


def _apart(text: str) -> tuple[str, bool]:
    """The text outside of thoughts, of the last channel or turn that answers; if one is open."""
    kept: list[str] = []
    thinking, heard, past = False, True, 0
    for mark in _MARK.finditer(text):
        if heard:
            kept.append(text[past : mark.start()])
        past = mark.end()
        means = _meaning(mark)
        if means is _Means.ANSWER or (means is _Means.THOUGHT_ENDS and not thinking):
            kept.clear()
        if means is _Means.TURN:
            heard = heard or not (thinking or any(map(str.strip, kept)))
        elif means is not _Means.NOTHING:
            heard = means in (_Means.ANSWER, _Means.THOUGHT_ENDS)
            thinking = means is _Means.THOUGHT
    if not past:
        return text, False
    return "".join((*kept, text[past:]) if heard else kept).strip(), thinking


def _in_tags(text: str) -> str:
    """What stands in the last of the answer's tags that is not empty."""
    answer, start, inside, tags = "", 0, True, list(_ANSWER_TAG.finditer(text))
    for tag in tags:
        if not tag["closes"]:
            start, inside = tag.end(), True
        elif inside:
            answer = text[start : tag.start()].strip() or answer
            inside = False
    if not tags:
        return text
    return (text[start:].strip() if inside else "") or answer


def _under_heading(text: str) -> str:
    """What follows the last heading such as "Final answer:", or the only "Answer:"."""
    plain = list(_PLAIN_HEADING.finditer(text))
    headings = [*_HEADING.finditer(text), *(plain if len(plain) == 1 else ())]
    rests = (text[end:].strip() for end in sorted((h.end() for h in headings), reverse=True))
    return next((rest for rest in rests if rest.strip("*_.")), text)


def _boxed(text: str) -> str:
    r"""What stands in the last `\boxed{}`; boxes with nothing but commas between them are one."""
    boxes: list[tuple[int, int, int]] = []
    open_braces: list[re.Match[str]] = []
    for brace in _BRACE.finditer(text):
        if brace[0].endswith("{") and brace[0] != r"\{":
            open_braces.append(brace)
        elif brace[0] == "}" and open_braces:
            opened = open_braces.pop()
            if len(opened[0]) > 1:
                boxes.append((opened.start(), opened.end(), brace.end()))
    cut_off = [brace for brace in open_braces if len(brace[0]) > 1]
    if cut_off:
        return _without_commands(text[cut_off[0].end() :])
    return ", ".join(_without_commands(part) for part in _last_run(text, boxes)) or text


def _last_run(text: str, boxes: list[tuple[int, int, int]]) -> list[str]:
    """Contents of the last boxes that only commas part: a box, or several for one list."""
    run: list[str] = []
    following = None
    for start, inner, end in reversed(boxes):
        gap = None if following is None else _BETWEEN_BOXES.fullmatch(text, end, following)
        if following is not None and gap is None:
            break
        run.insert(0, text[inner : end - 1])
        following = start
    return run


def _without_commands(latex: str) -> str:
    for _ in range(3):
        latex = _COMMAND.sub(r"\1", latex)
        latex = _AROUND_ALL.sub(r"\1", latex.strip())
    return _ESCAPE.sub(r"\1", latex).strip()


def _fenced(text: str) -> str:
    """What stands in the last code block that is not empty."""
    blocks = [block.strip() for block in _BLOCK.findall(text) if block.strip()]
    return blocks[-1] if blocks else text
