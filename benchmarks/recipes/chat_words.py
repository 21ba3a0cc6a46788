"""The words that the tiny chat model reads and speaks, and the template that shows it a prompt.

Every word of the drawn world is one token, also where it is several words ("potted plant"), so that
a class is a token to the network. Any other word is spelled in letters; marks other than commas,
colons, full stops and new lines are passed over.

The network has room for little, so its chat template leaves out most of a conversation: what is
shown to it is the description, or the numbered phrases, that follows the question of the first
user message, and the line of the system message that lists the classes. Instructions, tips and
examples, which it could not follow anyway, and later turns pass it by.
"""

from __future__ import annotations

import re
import string

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from benchmarks.recipes.words import phrases
from zeroseg.drawn import captions

PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
CLASSES, ANSWER = "<classes>", "<answer>"
NONE = "none"
MOST_PHRASES = 12
"""Phrases in the longest question that the model is trained on."""

CHAT_TEMPLATE = """\
{%- set users = messages | selectattr('role', 'equalto', 'user') | list -%}
{%- set systems = messages | selectattr('role', 'equalto', 'system') | list -%}
{%- set asked = users[0]['content'].split('?\\n', 1)[-1] -%}
{%- set told = systems[0]['content'] if systems else '' -%}
{%- set classes = told.split('The classes are: ', 1)[-1].split('\\n')[0] -%}
{{- '<s>' + asked.replace('<description>\\n', '').replace('\\n</description>', '') -}}
{{- '<classes>' + classes + '<answer>' -}}
"""


def prompt(data: str, classes: str) -> str:
    """What `CHAT_TEMPLATE` makes of a conversation.

    Args:
        data: A description as JSON, or numbered phrases, one to a line.
        classes: Names of classes, separated by commas.
    """
    return f"{START}{data}{CLASSES}{classes}{ANSWER}"


def known() -> list[str]:
    """Everything that is one token, in a fixed order."""
    things = [*phrases(), *captions.PLURALS.values()]
    words = [word for thing in things for word in thing.split()]
    other = ["tags", "caption", "background", "other", "unlabeled", "void", NONE]
    numbers = [str(number) for number in range(33)]
    return list(dict.fromkeys([*things, *words, *sorted(captions.WORDS), *other, *numbers]))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, with the chat template."""
    letters = [*string.ascii_lowercase, *string.digits]
    special = [PAD, START, END, UNKNOWN, CLASSES, ANSWER]
    rows = [*special, *known(), *",:.\n", *letters, *(f"##{letter}" for letter in letters)]
    table = {token: row for row, token in enumerate(dict.fromkeys(rows))}
    longest_first = sorted(known(), key=len, reverse=True)
    pattern = "|".join(rf"\b{re.escape(word)}\b" for word in longest_first)
    core = Tokenizer(models.WordPiece(table, unk_token=UNKNOWN))
    core.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex("[-_]"), " ")]
    )
    core.pre_tokenizer = pre_tokenizers.Split(
        Regex(rf"{pattern}|[\p{{L}}\p{{N}}]+|[,:.\n]"), "removed", invert=True
    )
    core.decoder = decoders.WordPiece(cleanup=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens=[CLASSES, ANSWER],
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
    )
