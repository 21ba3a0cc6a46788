"""What is left of a model's text, in the shapes that the models of 2025 and 2026 give it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zeroseg.chat.final_answer import ends_in_thought, final_answer

CASES = Path(__file__).parents[1] / "cases" / "llm"
DRAFT = 'Perhaps {"labels": ["cat"]}? Or a boat, <b>cat</b>.\nThe answer: cat, I think.'
ANSWER = "dog, person"

AROUND_A_THOUGHT = [
    ("<think>", "</think>"),
    ("<THINK>\n", "\n</THINK>\n\n"),
    ("<think >", "< / think >"),
    ('<thinking lang="en">', "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<scratch_pad>", "</scratch_pad>"),
    ("<analysis>", "</analysis>"),
    ("<draft>", "</draft>"),
    ("<antThinking>", "</antThinking>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<chain_of_thought>", "</chain_of_thought>"),
    ("<thinking_process>", "</thinking_process>"),
    ("<REASONING_SCRATCHPAD>", "</REASONING_SCRATCHPAD>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("[THINK]", "[/THINK]"),
    ("[unused16]", "[unused17]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>\n"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_TEXT|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|think:start|>", "<|think:end|>"),
    ("<|think|>", "<|/think|>"),
    ("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>"),
    ("<|content_thinking|>", "<|end_message|><|message_model|><|content_text|>"),
    ("<|channel>thought\n", "<channel|>"),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>commentary<|message|>cat<|end|>"
        "<|start|>assistant<|channel|>final <|constrain|>json<|message|>",
    ),
    ("analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|start|>assistant to=self<|message|>", "<|eom|><|start|>assistant to=user<|message|>"),
    ("Here is my thought process:\n", "\nHere is my response:\n"),
    ("Here's my thought process: ", "\n\nHere's my response: "),
]
AROUND_AN_ANSWER = [
    ("<answer>", "</answer>"),
    ("<Answer type='list'>\n", "\n</Answer>\nThat is all, cat."),
    ("<final>", "</final>"),
    ("<final_answer>", "</final_answer>"),
    ("<output>", "</output>"),
    ("<response>", "</response>"),
    ("I found: <answer>", ""),
    ("<answer>cat</answer> No, wait: <answer>", "</answer>"),
    ("<answer><final>", "</final></answer>"),
    ("", "</answer> cat"),
    (r"So it is \boxed{", "}."),
    (r"$\boxed{\text{", r"}}$"),
    (r"\[ \boxed{\textbf{\text{", r"}}} \]"),
    (r"\boxed{cat} was wrong. \boxed{", "} is right."),
    (r"**Final Answer**" "\n\n" r"\boxed{", "}"),
    ("Draft: cat\n\nFinal answer: ", ""),
    ("Draft: cat\n\n**Final Answer:** ", ""),
    ("Cat, perhaps. The final answer is ", ""),
    ("cat\n### Final answer\n", ""),
    ("Perhaps cat. Actually: ", ""),
    ("cat\nCorrected list: ", ""),
    ("cat\n\nAnswer:\n", ""),
    ("cat\n\nResponse: ", ""),
    ("cat\n\n\u6700\u7ec8\u7b54\u6848\uff1a", ""),
    ("cat\n\nR\u00e9ponse finale : ", ""),
    ("```\n", "\n```"),
    ("```text\n", "\n```"),
    ("```", "```"),
    ("Here you are:\n```\n", "\n```\nThere is no cat."),
    ("~~~\n", "\n~~~"),
    ("```\n", ""),
    ("```\ncat\n```\nBut better:\n```\n", "\n```"),
    ("", "<|im_end|>"),
    ("", "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd the cat?"),
    ("", "<end_of_turn>\n<start_of_turn>user\ncat?"),
    ("", "<|return|>"),
    ("", "</s>"),
    ("", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
    ("<|im_start|>assistant\n", "<|im_end|>"),
    ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
]


@pytest.mark.parametrize(("opening", "closing"), AROUND_A_THOUGHT)
def test_thoughts_are_taken_off(opening: str, closing: str) -> None:
    thought = opening + DRAFT + closing
    assert final_answer(thought + ANSWER) == ANSWER
    assert final_answer(opening + closing + ANSWER) == ANSWER
    assert final_answer(f"{thought}\n{thought}\n{ANSWER}\n") == ANSWER
    assert final_answer(thought) == ""


@pytest.mark.parametrize(("opening", "closing"), AROUND_A_THOUGHT)
def test_a_thought_that_was_cut_off_answers_nothing(opening: str, closing: str) -> None:
    assert final_answer(opening + DRAFT) == ""


@pytest.mark.parametrize(("opening", "closing"), AROUND_A_THOUGHT)
def test_before_a_closing_mark_alone_all_is_thought(opening: str, closing: str) -> None:
    assert final_answer(DRAFT + closing + ANSWER) == ANSWER


@pytest.mark.parametrize(("opening", "closing"), AROUND_AN_ANSWER)
def test_wrappers_are_taken_off(opening: str, closing: str) -> None:
    wrapped = opening + ANSWER + closing
    assert final_answer(wrapped) == ANSWER
    assert final_answer(f"<think>{DRAFT}</think>\n{wrapped}") == ANSWER
    assert final_answer(f"{DRAFT}</think>\n{wrapped}") == ANSWER
    as_json = json.dumps({"labels": ["dog", "person"], "n": {"a": 1}})
    assert final_answer(opening + as_json + closing) == as_json


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>a<think>b</think>c</think>dog", "dog"),
        ("<think>I may say <think> once more.</think>dog", "dog"),
        ("<thinking>a<reflection>b</reflection>c</thinking><output>dog</output>", "dog"),
        ("<think/>dog", "dog"),
        ("dog<think>Was that right?</think>", "dog"),
        ("dog\n<think>Was that", "dog"),
        ("<think>maybe <answer>cat</answer>", ""),
        ("<answer></answer>", ""),
        ("<answer>dog</answer><answer>", "dog"),
        (r"\boxed{dog}, \boxed{cat}", "dog, cat"),
        (r"\boxed{dog} and $\boxed{\text{cat}}$", "dog, cat"),
        (r"\boxed{\{\"labels\": [\"dog\"]\}}".replace(r"\"", '"'), '{"labels": ["dog"]}'),
        (r"\boxed{dog, cat", "dog, cat"),
        ("Final answer: dog\nWait.\nFinal answer: cat", "cat"),
        ("Final answer: dog\n\nFinal answer:", "dog\n\nFinal answer:"),
        ("1. ```dog```\n2. ```cat```", "1. ```dog```\n2. ```cat```"),
        ("analysisThe user wants a list. A cat?assistantfinaldog", "dog"),
        ("analysis The user wants.\nassistant final dog", "dog"),
        ("analysisA cat?assistantcommentaryHm.assistantfinal{}", "{}"),
        ("analysisThe user wants a list, a ca", ""),
        ("</think>", ""),
        ("<think>", ""),
        ("<|channel|>final<|message|>dog", "dog"),
        ("<|channel|>analysis<|message|>cat<|end|>", ""),
    ],
)
def test_nested_repeated_and_half(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n dog \n",
        "dog, cat",
        '{"labels": ["dog"]}',
        '["think", "thought"]',
        "I think this is a dog. Thinking of it, the answer is a cat.",
        "think, thought, reasoning, answer",
        "The reflection of a dog",
        "analysis, final",
        "analysis: dog",
        "The dog in the final picture",
        "finally a dog",
        "1 < 2, [dog] {cat} <b>bold</b> <dog>",
        "Answer: cat\nQuestion: puppy\nAnswer: dog",
        "The dog box: {boxed}",
        "1. dog\n2. `cat`",
        "a | b |> c <| d",
        "labels: dog\nreasoning: none",
    ],
)
def test_a_text_without_marks_comes_back_as_it_was(text: str) -> None:
    assert final_answer(text) == text


def test_the_case_at_hand() -> None:
    case = json.loads((CASES / "only_the_end_of_a_thought.json").read_text())
    said = case["rules"][0]["body"]["choices"][0]["message"]["content"]
    assert json.loads(final_answer(said)) == {"labels": ["dog"]}


@pytest.mark.parametrize(("opening", "closing"), AROUND_A_THOUGHT)
def test_a_prompt_may_begin_a_thought(opening: str, closing: str) -> None:
    before = f"<|im_start|>user\n{opening}a{closing}dog<|im_end|>\n<|im_start|>assistant\n"
    assert ends_in_thought(before + opening)
    assert not ends_in_thought(before + opening + closing)
    assert not ends_in_thought(before)


PIECES = (
    "< </ <think> </think> <| <|channel|>a <|start|> <|end|> <answer> </answer> [think ` ``` "
    "\\boxed{ \\boxed{a}, \\text{ { } analysis assistantfinal final\u00a0answer: &lt;think * a"
)


@pytest.mark.parametrize(
    "piece", [*PIECES.split(" "), "\n", " ", "```\n", ".\n", "&lt;think ", "here is my "]
)
def test_is_linear_in_what_it_reads(piece: str) -> None:
    """No figure is compared: where a pattern backtracks, this never ends."""
    final_answer(piece * (200_000 // len(piece)))
    final_answer("analysis" + piece * (200_000 // len(piece)) + "x")
