"""`zeroseg vocabulary`: compiled with and without a model, then shown, compared and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import wn
import yaml

from tests.chat.server import answer, serving
from tests.chat.transformers_server import CHAT
from zeroseg.cli.main import main
from zeroseg.vocabulary import Vocabulary

ANSWER = json.dumps(
    {
        "kind": "thing",
        "wording": "",
        "same": [{"word": "zqdog", "reason": "what the model says"}],
        "narrower": [],
        "look_alikes": [{"word": "wolf", "reason": ""}],
    }
)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys, proxies, kept answers and the user's own wordnets."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ZEROSEG_LLM", "ZEROSEG_CACHE", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(wn.config, "_dbpath", tmp_path / "none" / "wn.db")


@pytest.fixture
def names(tmp_path: Path) -> str:
    file = tmp_path / "names.txt"
    file.write_text("dog\nboat\nsky\n")
    return str(file)


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[dict[str, Any]]:
    """What the command tells programs."""
    assert main(["vocabulary", words[0], "--json", *words[1:]]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class TestOffline:
    def test_from_names_to_a_checked_file(
        self, names: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        [line] = told(capsys, "compile", names, "-o", "mine.yaml")
        assert line["calls"] == 0 and line["unanswered"] == 0 and line["words"] >= 6
        classes = Vocabulary.from_yaml("mine.yaml")
        assert classes.names == ("background", "dog", "boat", "sky")
        assert classes.words[1] == ("hound", "puppy") and classes.stuff == (3,)
        text = Path("mine.yaml").read_text()
        assert "- hound                     # narrower; thesaurus" in text
        assert told(capsys, "check", "mine.yaml") == []
        changes = told(capsys, "diff", names, "mine.yaml", code=1)
        assert {"class": "dog", "what": "words", "change": "+ hound"} in changes
        assert told(capsys, "diff", "mine.yaml", "mine.yaml") == []

    def test_a_file_is_not_replaced_unasked(
        self, names: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("mine.yaml").write_text("mine")
        assert main(["vocabulary", "compile", names, "-o", "mine.yaml"]) == 2
        assert "is there already; --force" in capsys.readouterr().err
        assert Path("mine.yaml").read_text() == "mine"
        assert main(["vocabulary", "compile", names, "-o", "mine.yaml", "--force"]) == 0

    def test_as_few_words_as_wanted(self, capsys: pytest.CaptureFixture[str]) -> None:
        few = ("--words", "1", "--distractors", "0")
        [line] = told(capsys, "compile", "dog, boat", "-o", "few.yaml", *few)
        assert (line["words"], line["distractors"]) == (2, 0)

    def test_an_empty_wordnet_is_a_note(
        self, names: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["vocabulary", "compile", names, "-o", "a.yaml"]) == 0
        assert "note: without WordNet: wn has no wordnet yet" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("argv", "says"),
        [
            (["compile", "gone.txt", "-o", "a.yaml"], "gone.txt"),
            (["compile", "voc", "-o", "a.yaml"], "did you mean voc2012"),
            (["compile", "voc2012", "-o", "a.txt"], "are .yaml files"),
            (["compile", "dog, boat", "-o", "a.yaml", "--set", "x=1"], "name it with --model"),
            (["compile", "dog, boat", "-o", "a.yaml", "--model", "tiny"], "asks no language model"),
            (["compile", "dog, boat", "-o", "a.yaml", "--model", "tine"], "did you mean tiny"),
            (["show", "nothing"], "there is no vocabulary 'nothing'"),
            (["check", "ade847-compiled"], "no added words for ade847"),
        ],
    )
    def test_what_cannot_be_begun(
        self, argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["vocabulary", *argv]) == 2
        assert says in capsys.readouterr().err
        assert not Path("a.yaml").exists()


class TestFiles:
    def test_a_word_of_two_classes_is_no_class_file(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("bad.yaml").write_text("{classes: [dog, cat], words: {dog: [hound], cat: [hound]}}")
        assert main(["vocabulary", "check", "bad.yaml"]) == 2
        assert "'hound' would mean 'dog' and 'cat'" in capsys.readouterr().err

    def test_what_a_reviewer_should_look_at(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = "{classes: [dog, cat], words: {dog: [animal, kitten]}, distractors: [puppy]}"
        Path("odd.yaml").write_text(text)
        found = told(capsys, "check", "odd.yaml", code=1)
        assert [(own["class"], own["word"]) for own in found] == [
            ("dog", "animal"),
            ("dog", "kitten"),
            (None, "puppy"),
        ]
        assert "means more than dog" in found[0]["problem"]

    def test_show_has_every_word(self, capsys: pytest.CaptureFixture[str]) -> None:
        *classes, rest = told(capsys, "show", "voc2012-compiled")
        by_name = {own["class"]: own for own in classes}
        assert len(by_name) == 20 and "truck" in rest["distractors"]
        assert by_name["sofa"]["asked"] == ["sofa", "couch", "loveseat"]
        assert by_name["sofa"]["alike"] == ["chair"] and by_name["sofa"]["is"] == "thing"
        assert main(["vocabulary", "show", "voc2012-compiled"]) == 0
        assert "loveseat" in capsys.readouterr().out


class TestLanguageModel:
    def test_a_server_writes_the_words(self, capsys: pytest.CaptureFixture[str]) -> None:
        with serving([answer(ANSWER)]) as server:
            named = ("--llm", "gpt-4o", "--llm-url", server.address)
            [line] = told(capsys, "compile", "dog,", "-o", "a.yaml", *named)
        assert (line["words"], line["distractors"], line["calls"]) == (1, 1, 1)
        assert Vocabulary.from_yaml("a.yaml").words == ((), ("zqdog",))
        assert "# same; gpt-4o: what the model says" in Path("a.yaml").read_text()

    def test_a_model_without_answers_leaves_the_names(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """`tiny:chat` reads class lists, descriptions and phrases, and knows no such question."""
        short = "pre_refiner.init_args.chat.init_args.max_new_tokens=8"
        model = ("--model", "tiny-llm", "--device", "cpu", "--set", short)
        [line] = told(capsys, "compile", "dog,", "-o", "a.yaml", *model, code=1)
        assert (line["words"], line["unanswered"]) == (0, 1)
        classes = Vocabulary.from_yaml("a.yaml")
        assert classes.names == ("background", "dog") and classes.prompts[1] == "dog"
        assert "\n# dog: " in Path("a.yaml").read_text()

    def test_end_to_end_over_a_server_of_others(
        self, language_server: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = Path("system.yaml")
        chat = {"model": CHAT, "base_url": language_server, "backoff": 0.01, "max_tokens": 8}
        entry = {"class_path": "zeroseg.chat.openai_chat.OpenAIChat", "init_args": chat}
        refiner = "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner"
        config.write_text(
            yaml.safe_dump({"pre_refiner": {"class_path": refiner, "init_args": {"chat": entry}}})
        )
        argv = ("compile", "dog,", "-o", "a.yaml", "--model", str(config))
        [line] = told(capsys, *argv, "--llm-cache", "kept", code=1)
        assert line["calls"] == 2 and line["unanswered"] == 1 and Path("kept").is_dir()
        assert told(capsys, "check", "a.yaml") == []
