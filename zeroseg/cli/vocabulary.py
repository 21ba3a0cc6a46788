"""`zeroseg vocabulary`: the words that classes are asked for with, written once and checked."""

from __future__ import annotations

import argparse
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.compiling.compiled import Compiled
    from zeroseg.compiling.proposals import Proposed, WordSource
    from zeroseg.vocabulary import Vocabulary

_EXAMPLES = """\
  zeroseg vocabulary compile names.txt -o classes.yaml        offline
  zeroseg vocabulary compile names.txt --model large --llm NAME -o classes.yaml
  zeroseg vocabulary compile "dog, boat" --llm NAME --llm-url http://localhost:8000/v1 -o c.yaml
  zeroseg vocabulary check classes.yaml                       after you have reviewed it
  zeroseg vocabulary diff names.txt classes.yaml              what it adds
  zeroseg vocabulary show voc2012-compiled                    words that come with the package
  zeroseg segment photos --vocabulary classes.yaml            no language model from now on

A compiled list asks for each class by its name, then by added words, of which the best one counts;
words for what is none of the classes (distractors) claim what merely looks like one. They are
written once, by a language model (--model, --llm) or offline, and reviewed by you: the file says
whose each word is, and what was left out and why. NAME-compiled is a list of the package with its
words, wherever a vocabulary is named; --words compiled is the same for a benchmark's own classes.

exit codes: 0 all is well; 1 compile: some classes got no answer; check: there is something to look
at; diff: they differ; 2 nothing was begun: no such list, or one that breaks a rule"""


def add_parser(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "vocabulary", "compile, show and check class lists", str(__doc__), _EXAMPLES
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_compile(actions)
    for name, summary, places in (
        ("show", "what each class is asked for with", ("vocabulary",)),
        ("diff", "what the second list has and the first has not", ("before", "after")),
        (
            "check",
            "whether a list can be used, and what a reviewer should look at",
            ("vocabulary",),
        ),
    ):
        action = _action(actions, name, summary)
        for place in places:
            action.add_argument(place, metavar="NAME|FILE", help="a list or a file of names")
    parser.set_defaults(run=run)


def _action(
    actions: argparse._SubParsersAction[ArgumentParser], name: str, summary: str
) -> ArgumentParser:
    said = f"{summary[:1].upper()}{summary[1:]}."
    action = actions.add_parser(name, help=summary, description=said)
    options.add_output(action)
    return action


def _add_compile(actions: argparse._SubParsersAction[ArgumentParser]) -> None:
    action = _action(actions, "compile", "write words for every class, with whose they are and why")
    action.add_argument(
        "vocabulary", metavar='NAME|FILE|"A, B, C"', help="a list, a file of names, or names"
    )
    action.add_argument("-o", "--output", required=True, metavar="FILE", help="a .yaml file")
    action.add_argument(
        "--words",
        type=options.natural,
        default=4,
        metavar="N",
        help="further words of a class, at most; each is one more look of the detector; default 4",
    )
    action.add_argument(
        "--distractors",
        type=options.natural,
        default=24,
        metavar="N",
        help="words for what is none of the classes, at most; default 24",
    )
    action.add_argument("--force", action="store_true", help="replace a file that is there")
    offline = "and --llm, words come out of the thesaurus, and of WordNet where wn is installed"
    model_options.add_language_model(model_options.add_system(action, None, offline))


def run(arguments: Namespace) -> int:
    """Carry out an action; see `_EXAMPLES` for the exit code."""
    outlet: Outlet = arguments.outlet
    if arguments.action == "compile":
        return options.given(CompileOptions, arguments).compile(outlet)
    if arguments.action == "diff":
        return _diff(outlet, _read(arguments.before), _read(arguments.after))
    vocabulary = _read(arguments.vocabulary)
    return _show(outlet, vocabulary) if arguments.action == "show" else _check(outlet, vocabulary)


def _read(text: str) -> Vocabulary:
    """A list by its name, a file, or names with commas."""
    found = options.vocabulary(text, None) if "," in text else options.vocabulary(None, text)
    assert found is not None
    return found


@dataclass(frozen=True)
class CompileOptions:
    """What the options of `zeroseg vocabulary compile` say, by their names."""

    vocabulary: str
    output: str
    words: int
    distractors: int
    force: bool
    model: str | None
    changes: Sequence[model_options.Change]
    licence: str | None
    device: str
    llm: str | None
    llm_url: str | None
    llm_cache: str | None

    def compile(self, outlet: Outlet) -> int:
        """Write the file; 1 where classes got no answer.

        Raises:
            ZerosegError: There is no such list or model, or the file cannot be written.
        """
        from zeroseg.compiling import class_file, compile_words
        from zeroseg.writing import write_whole

        vocabulary, output = _read(self.vocabulary), Path(self.output)
        if output.suffix.casefold() not in (".yaml", ".yml"):
            raise ZerosegError(f"--output {output}: class lists with words are .yaml files")
        if output.exists() and not self.force:
            raise ZerosegError(f"'{output}' is there already; --force replaces it")
        sources = self.sources()
        proposed = [source.propose(vocabulary) for source in sources]
        compiled = compile_words(vocabulary, proposed, self.words, self.distractors)
        write_whole(output, class_file(compiled, [source.name for source in sources]))
        _tell(outlet, compiled, proposed, output)
        return 1 if compiled.unanswered else 0

    def sources(self) -> list[WordSource]:
        """Who writes the words: the language model that is named, or what is here."""
        from zeroseg.compiling import ListedKinds, ThesaurusWords, WordNetWords
        from zeroseg.preflight.components import installed

        if self.model is not None or self.llm or self.llm_url:
            return [self._language_model(), ListedKinds()]
        if self.changes:
            raise ZerosegError("--set changes a model; name it with --model")
        found: list[WordSource] = [ThesaurusWords()]
        if installed("wn"):
            try:
                found.append(WordNetWords())
            except ZerosegError as error:
                print(f"note: without WordNet: {error}", file=sys.stderr)
        return [*found, ListedKinds()]

    def _language_model(self) -> WordSource:
        from zeroseg.chat.answer_cache import AnswerCache
        from zeroseg.compiling import ChatWords

        chosen = (self.model or "large", self.changes, self.licence, self.device, None)
        model = model_options.ModelOptions(*chosen, self.llm, self.llm_url, self.llm_cache)
        chat, called = model.chat()
        print(f"language model: {called}", file=sys.stderr)
        kept = model.answers()
        return ChatWords(chat, called, cache=None if kept is None else AnswerCache(kept))


def _tell(outlet: Outlet, compiled: Compiled, proposed: Sequence[Proposed], output: Path) -> None:
    """What came of it, and what it took."""
    from zeroseg.values import Usage

    vocabulary, words = compiled.vocabulary, sum(map(len, compiled.vocabulary.words))
    usages = [exchange.usage for own in proposed for exchange in own.exchanges]
    usage = sum(usages, Usage())
    counts: dict[str, int] = {
        "classes": len(vocabulary.classes),
        "words": words,
        "stuff": len(vocabulary.stuff),
        "look_alikes": len(vocabulary.look_alikes),
        "distractors": len(vocabulary.distractors),
        "left_out": len(compiled.left_out),
        "unanswered": len(compiled.unanswered),
    }
    outlet.line(file=str(output), **counts, calls=usage.calls, cost=usage.cost)
    reasons: dict[str, list[str]] = {}
    for label, why in compiled.unanswered:
        reasons.setdefault(why, []).append(vocabulary.names[label])
    for why, same in reasons.items():
        outlet.failed(f"{options.listed(same)}: {why}; no words of the model")
    said = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in counts.items())
    print(said)
    if usages:
        tokens = usage.prompt_tokens + usage.completion_tokens
        print(f"{usage.calls} calls, {tokens} tokens, {_price(usage.cost)}")
    print(f"{output}: review it, then: zeroseg vocabulary check {output}")


def _price(cost: float | None) -> str:
    return "price unknown" if cost is None else f"${cost:.4f}"


def _show(outlet: Outlet, vocabulary: Vocabulary) -> int:
    from rich.box import SIMPLE
    from rich.table import Table

    from zeroseg.cli.report import Terminal, plain

    table = Table("class", "asked for by", "is", "looks like", "aliases", box=SIMPLE)
    alike: dict[int, list[str]] = {}
    for pair in vocabulary.look_alikes:
        for own, other in (pair, pair[::-1]):
            alike.setdefault(own, []).append(vocabulary.names[other])
    for label in vocabulary.classes:
        asked = [vocabulary.prompts[label], *vocabulary.words[label]]
        kind = "stuff" if label in vocabulary.stuff else "thing"
        name, like = vocabulary.names[label], alike.get(label, [])
        aliases = list(vocabulary.aliases[label])
        cells = (name, ", ".join(asked), kind, ", ".join(like), ", ".join(aliases))
        table.add_row(*map(plain, cells))
        outlet.line(
            **{"class": name, "asked": asked, "is": kind, "alike": like, "aliases": aliases}
        )
    Terminal().print(table)
    outlet.line(
        background=vocabulary.names[vocabulary.background], distractors=vocabulary.distractors
    )
    count = sum(1 + len(vocabulary.words[label]) for label in vocabulary.classes)
    print(f"{vocabulary.name}: {len(vocabulary.classes)} classes, {count} words")
    if vocabulary.distractors:
        print(f"distractors: {', '.join(vocabulary.distractors)}")
    return 0


def _diff(outlet: Outlet, before: Vocabulary, after: Vocabulary) -> int:
    from zeroseg.compiling import differences

    found = list(differences(before, after))
    for name, what, change in found:
        outlet.line(**{"class": name or None, "what": what, "change": change})
        print(f"{name or 'the list'}: {what}: {change}")
    if not found:
        print("the same classes and words")
    return 1 if found else 0


def _check(outlet: Outlet, vocabulary: Vocabulary) -> int:
    from zeroseg.compiling import doubts

    found = list(doubts(vocabulary))
    for label, word, why in found:
        name = None if label is None else vocabulary.names[label]
        outlet.line(**{"class": name, "word": word, "problem": why})
        print(f"{name or 'distractors'}: {word}: {why}")
    count = sum(map(len, vocabulary.words))
    said = f"{len(found)} to look at" if found else "every word stands for one class"
    print(f"{len(vocabulary.classes)} classes, {count} further words: {said}")
    return 1 if found else 0
