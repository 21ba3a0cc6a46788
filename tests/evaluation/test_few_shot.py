"""Few-shot examples from a data set to the prompt and the result file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bad_inputs.stand_ins import content
from tests.chat.server import answer, offering, serving
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.evaluation.few_shot import FewShot
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import blank


@pytest.fixture(autouse=True)
def _no_keys_and_no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def scenes(count: int = 6) -> DrawnScenes:
    return DrawnScenes("drawn", count=count, size=(48, 64), seed=5)


def asking(address: str, **options: Any) -> ZeroShotSegmenter:
    chat = {
        "class_path": "zeroseg.chat.openai_chat.OpenAIChat",
        "init_args": {"model": "gpt-4o", "base_url": address, "max_retries": 0, **options},
    }
    refiner = "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner"
    asking = {"class_path": refiner, "init_args": {"chat": chat}}
    return ZeroShotSegmenter.from_config({**content(), "pre_refiner": asking})


def test_examples_are_explained_shown_and_reported() -> None:
    data = scenes()
    answers = [answer("It says so.", usage=(50, 5)), answer("So it is.", usage=(50, 5))]
    with serving(answers) as it:
        it.models = offering("gpt-4o")
        segmenter = asking(it.address, concurrency=1)
        record = FewShot(2, 3).show(segmenter, data.dataset)
        assert len(it.requests) == 2
    examples = segmenter.pre_refiner.examples
    assert [e.explanation for e in examples] == ["It says so.", "So it is."]
    truth = {data.dataset[i].name: data.dataset[i].target for i in range(len(data.dataset))}
    for example in examples:
        present = set(truth[example.name].unique().tolist()) - {data.vocabulary.background}
        assert set(example.labels) == {data.vocabulary.names[i] for i in present}
        assert [tag.name for tag in example.description.tags] == ["puppy"]
    prompt = segmenter.pre_refiner.system_prompt(segmenter.vocabulary)
    assert prompt.index('Why: "It says so."') < prompt.index('Why: "So it is."')
    assert record == {
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


def test_the_configuration_holds_them_and_nothing_is_asked_again(tmp_path: Path) -> None:
    with serving([answer("It says so."), answer("dog")]) as it:
        it.models = offering("gpt-4o")
        first = asking(it.address)
        FewShot(1).show(first, scenes().dataset)
        first.to_yaml(tmp_path / "shown.yaml")
        second = ZeroShotSegmenter.from_yaml(tmp_path / "shown.yaml")
        for segmenter in (first, second):
            segmenter.segment(blank())
        requests = it.requests[1:]
    assert len(requests) == 2
    assert requests[0] == requests[1]
    assert "It says so." in requests[0]["messages"][0]["content"]


@pytest.mark.parametrize("place", [".", "rows/full", "runs/measured"])
def test_a_run_that_goes_on_keeps_its_examples(place: str, tmp_path: Path) -> None:
    with serving([answer("It says so.")]) as it:
        it.models = offering("gpt-4o")
        first, second = asking(it.address), asking(it.address)
        record = FewShot(1, 2).show(first, scenes().dataset)
        assert FewShot(1, 2).show_earlier(second, tmp_path) is None  # there is no run
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        run = {"seeds": {"subset": 0, "examples": record}, "config": first.config}
        (tmp_path / place / "run.json").write_text(json.dumps(run))
        for other in (FewShot(2, 2), FewShot(1, 3), FewShot(1, 2, "val")):
            assert other.show_earlier(second, tmp_path) is None
        assert FewShot(1, 2).show_earlier(second, tmp_path) == record
        assert len(it.requests) == 1
    assert second.config == first.config
    shown, kept = first.pre_refiner.examples, second.pre_refiner.examples
    assert [e.to_dict() for e in shown] == [e.to_dict() for e in kept]


def test_a_pre_refiner_without_language_model_refuses_them(tmp_path: Path) -> None:
    segmenter = ZeroShotSegmenter.from_config(content())
    with pytest.raises(ZerosegError, match=r"LLMPreRefiner.*LexicalPreRefiner"):
        FewShot(2).show(segmenter, scenes().dataset)
    with pytest.raises(ZerosegError, match=r"LLMPreRefiner.*LexicalPreRefiner"):
        FewShot(2).show_earlier(segmenter, tmp_path)


def test_too_few_samples_and_a_silent_server_are_errors() -> None:
    with serving([answer("dog")]) as it:
        it.models = offering("gpt-4o")
        segmenter = asking(it.address)
    with pytest.raises(ZerosegError, match="7 examples"):
        FewShot(7).show(segmenter, scenes(6).dataset)
    with pytest.raises(ChatError, match="gpt-4o"):
        FewShot(1).show(segmenter, scenes(6).dataset)
