"""Few-shot examples from the command line's arguments to the prompt and the result file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chat.server import answer, offering, serving
from zeroseg.cli.few_shot import add_examples, examples_record, with_examples
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import blank


@pytest.fixture(autouse=True)
def _no_keys_and_no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def parsed(*argv: str) -> Namespace:
    parser = ArgumentParser()
    add_examples(parser)
    return parser.parse_args(argv)


def scenes(count: int = 6) -> DrawnScenes:
    return DrawnScenes("drawn", count=count, size=(48, 64), seed=5)


def asking(config: str, address: str, **options: Any) -> ZeroShotSegmenter:
    chat = {
        "class_path": "zeroseg.chat.openai_chat.OpenAIChat",
        "init_args": {"model": "gpt-4o", "base_url": address, "max_retries": 0, **options},
    }
    refiner = "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner"
    parts = yaml.safe_load(Path(config).read_text()) | {
        "pre_refiner": {"class_path": refiner, "init_args": {"chat": chat}}
    }
    return ZeroShotSegmenter.from_config(parts)


def test_without_examples_nothing_happens(config: str) -> None:
    segmenter = ZeroShotSegmenter.from_yaml(config)
    assert with_examples(segmenter, parsed(), None) == ()


def test_examples_are_explained_shown_and_reported(config: str) -> None:
    arguments = parsed("--examples", "2", "--examples-seed", "3")
    data = scenes()
    answers = [answer("It says so.", usage=(50, 5)), answer("So it is.", usage=(50, 5))]
    with serving(answers) as it:
        it.models = offering("gpt-4o")
        segmenter = asking(config, it.address, concurrency=1)
        examples = with_examples(segmenter, arguments, data.dataset)
        assert len(it.requests) == 2
    assert [e.explanation for e in examples] == ["It says so.", "So it is."]
    truth = {data.dataset[i].name: data.dataset[i].target for i in range(len(data.dataset))}
    for example in examples:
        present = set(truth[example.name].unique().tolist()) - {data.vocabulary.background}
        assert set(example.labels) == {data.vocabulary.names[i] for i in present}
        assert [tag.name for tag in example.description.tags] == ["puppy", "boat"]
    prompt = segmenter.pre_refiner.system_prompt(segmenter.vocabulary)
    assert prompt.index('Why: "It says so."') < prompt.index('Why: "So it is."')
    assert examples_record(arguments, examples) == {
        "count": 2,
        "seed": 3,
        "from": "train",
        "names": [example.name for example in examples],
        "usage": {
            "calls": 2,
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "cost": pytest.approx(2 * (50 * 2.5 + 5 * 10) / 1e6),
            "seconds": pytest.approx(0, abs=10),
            "cached": 0,
            "refused": 0,
        },
    }


def test_the_configuration_holds_them_and_nothing_is_asked_again(
    config: str, tmp_path: Path
) -> None:
    with serving([answer("It says so."), answer("dog")]) as it:
        it.models = offering("gpt-4o")
        first = asking(config, it.address)
        with_examples(first, parsed("--examples", "1"), scenes().dataset)
        first.to_yaml(tmp_path / "shown.yaml")
        second = ZeroShotSegmenter.from_yaml(tmp_path / "shown.yaml")
        for segmenter in (first, second):
            segmenter.segment(blank())
        requests = it.requests[1:]
    assert len(requests) == 2
    assert requests[0] == requests[1]
    assert "It says so." in requests[0]["messages"][0]["content"]


def test_no_examples_cost_nothing() -> None:
    record = examples_record(parsed(), ())
    assert record["count"] == record["usage"]["calls"] == 0


def test_a_pre_refiner_without_language_model_refuses_them(config: str) -> None:
    segmenter = ZeroShotSegmenter.from_yaml(config)
    with pytest.raises(ZerosegError, match=r"LLMPreRefiner.*LexicalPreRefiner"):
        with_examples(segmenter, parsed("--examples", "2"), scenes().dataset)


def test_a_data_set_without_that_split_says_so(config: str) -> None:
    with serving([answer("dog")]) as it:
        it.models = offering("gpt-4o")
        segmenter = asking(config, it.address)
    with pytest.raises(ZerosegError, match="--examples-from train"):
        with_examples(segmenter, parsed("--examples", "2"), None)


def test_too_few_samples_and_a_silent_server_are_errors(config: str) -> None:
    with serving([answer("dog")]) as it:
        it.models = offering("gpt-4o")
        segmenter = asking(config, it.address)
    with pytest.raises(ZerosegError, match="7 examples"):
        with_examples(segmenter, parsed("--examples", "7"), scenes(6).dataset)
    with pytest.raises(ChatError, match="gpt-4o"):
        with_examples(segmenter, parsed("--examples", "1"), scenes(6).dataset)


def test_a_number_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--examples", "-1")
    assert "from 0 up" in capsys.readouterr().err
