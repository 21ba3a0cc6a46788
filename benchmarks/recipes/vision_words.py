"""The words that the tiny vision model reads and speaks, and the template that shows it a prompt.

Every phrase of the drawn world is one token, also where it is several words ("potted plant"), so
that a class is a token to the network; any other word is spelled in letters. The marks of the JSON
that it answers in are tokens, too: `{"labels": ["dog", "traffic light"]}` has five.

The network has room for little, so its chat template leaves out most of a conversation: what is
shown to it is the picture, what follows the question mark of the first user message (nothing, of a
verifier's question), and the line of the system message that lists the classes. Instructions, tips
and later turns pass it by.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from benchmarks.recipes.words import phrases

PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
IMAGE, CLASSES, ANSWER = "<image>", "<classes>", "<answer>"
OPEN, BETWEEN, CLOSE, NOTHING = '{"labels": ["', '", "', '"]}', '{"labels": []}'
"""The marks of an answer: what comes before, between and behind its classes, and instead of any."""

CHAT_TEMPLATE = """\
{%- macro text(content) -%}
{%- if content is string -%}{{- content -}}{%- else -%}
{%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- set users = messages | selectattr('role', 'equalto', 'user') | list -%}
{%- set systems = messages | selectattr('role', 'equalto', 'system') | list -%}
{%- set told = text(systems[0].content) if systems else '' -%}
{{- '<s>' -}}
{%- for message in users if message.content is not string -%}
{%- for part in message.content if part.type in ('image', 'image_url') -%}
{{- '<image>' -}}
{%- endfor -%}
{%- endfor -%}
{{- text(users[0].content).split('?')[-1] if users else '' -}}
{{- '<classes>' + told.split('The classes are: ', 1)[-1].split('\\n')[0] + '<answer>' -}}
"""


def prompt(names: Iterable[str]) -> str:
    """What `CHAT_TEMPLATE` makes of a verifier's question, behind the picture."""
    return f"{CLASSES}{', '.join(names)}{ANSWER}"


def answer(names: Iterable[str]) -> str:
    """The answer that names these classes; what `json.dumps` makes of it."""
    listed = BETWEEN.join(names)
    return f"{OPEN}{listed}{CLOSE}" if listed else NOTHING


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer; the chat template is the processor's."""
    letters = [*string.ascii_lowercase, *string.digits]
    special = [PAD, START, END, UNKNOWN, IMAGE, CLASSES, ANSWER]
    marks = [OPEN, BETWEEN, CLOSE, NOTHING]
    rows = [*special, *marks, *phrases(), ",", *letters, *(f"##{letter}" for letter in letters)]
    table = {token: row for row, token in enumerate(dict.fromkeys(rows))}
    longest_first = sorted(phrases(), key=len, reverse=True)
    pattern = "|".join(rf"\b{re.escape(phrase)}\b" for phrase in longest_first)
    core = Tokenizer(models.WordPiece(table, unk_token=UNKNOWN))
    core.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex("[-_]"), " ")]
    )
    core.pre_tokenizer = pre_tokenizers.Split(
        Regex(rf"{pattern}|[\p{{L}}\p{{N}}]+|,"), "removed", invert=True
    )
    core.decoder = decoders.Sequence([decoders.Replace("##", ""), decoders.Fuse()])
    core.add_special_tokens(special)
    core.add_tokens([AddedToken(mark, normalized=False) for mark in marks])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens={
            "image_token": IMAGE,
            "classes_token": CLASSES,
            "answer_token": ANSWER,
        },
        padding_side="left",
    )
