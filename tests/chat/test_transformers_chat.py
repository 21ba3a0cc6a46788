from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from zeroseg.chat.chat_model import ChatModel, Conversation, Message
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import ChatModelContract

WORDS = "be brief what is in the picture a dog and two cats say one three user system".split()
SPECIAL = ["<unk>", "<s>", "<end>"]
TEMPLATE = (
    "<s>{% for m in messages %}{{ m.role }} {{ m.content | lower }} <end>{% endfor %}"
    "{% if add_generation_prompt %}say {% endif %}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    """Words as tokens, without a padding token, as Llama's tokenizer comes."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", bos_token="<s>", eos_token="<end>"
    )
    fast.chat_template = TEMPLATE
    return fast


def network(seed: int = 0) -> LlamaForCausalLM:
    """A random Llama that is sure of what it says."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=None,
    )
    return LlamaForCausalLM(config)


def chat(max_new_tokens: int = 8, batch_size: int = 8) -> TransformersChat:
    return TransformersChat(
        model=network(),
        tokenizer=tokenizer(),
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
    )


def ask(text: str, *before: Message) -> Conversation:
    return Conversation((*before, Message("user", text)))


ASKED = [
    ask("what is in the picture"),
    ask("dog"),
    ask("a dog and two cats and a dog and three cats", Message("system", "be brief")),
    ask("say one", Message("user", "say two"), Message("assistant", "two")),
    ask("unheard of"),
]


class TestTransformersChat(ChatModelContract):
    def part(self) -> ChatModel:
        return chat()


def test_answers_depend_on_the_conversation() -> None:
    assert len({reply.text for reply in chat()(ASKED)}) > 2


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_company_and_order_change_nothing(batch_size: int) -> None:
    part = chat(batch_size=batch_size)
    together = [reply.text for reply in part(ASKED)]
    assert together == [part([asked])[0].text for asked in ASKED]
    assert together == [reply.text for reply in part(ASKED[::-1])][::-1]


def test_greedy_whatever_the_checkpoint_says() -> None:
    part = chat()
    plain = [reply.text for reply in part(ASKED)]
    part.model.generation_config.do_sample = True
    part.model.generation_config.temperature = 5.0
    part.model.generation_config.top_p = 0.9
    for seed in range(3):
        torch.manual_seed(seed)
        assert [reply.text for reply in part(ASKED)] == plain


def test_equals_a_token_by_token_search() -> None:
    part = chat(max_new_tokens=5)
    asked = ASKED[2]
    text = part.tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in asked.messages],
        tokenize=False,
        add_generation_prompt=True,
    )
    tokens = part.tokenizer(text, add_special_tokens=False)["input_ids"]
    start = len(tokens)
    while len(tokens) < start + 5 and tokens[-1] != 2:
        with torch.no_grad():
            tokens.append(int(part.model(torch.tensor([tokens])).logits[0, -1].argmax()))
    said = part.tokenizer.decode(tokens[start:], skip_special_tokens=True).strip()
    [reply] = part([asked])
    assert reply.text == said
    assert reply.usage.prompt_tokens == start
    assert reply.usage.completion_tokens == len(tokens) - start


def end_after(part: TransformersChat, steps: int, token: int) -> None:
    """Let the network say `token` until `steps` tokens have been said, then the end token."""
    start = {}

    def script(_: object, args: tuple[object, ...], kwargs: dict, output: object) -> object:
        position = int(kwargs["position_ids"].max())
        start.setdefault("at", position)
        said = 2 if position - start["at"] >= steps else token
        output.logits[:] = -1.0  # type: ignore[attr-defined]
        output.logits[..., said] = 1.0  # type: ignore[attr-defined]
        return output

    part.model.register_forward_hook(script, with_kwargs=True)


def test_the_end_token_ends_an_answer() -> None:
    part = chat(max_new_tokens=8)
    end_after(part, 3, len(SPECIAL) + WORDS.index("dog"))
    [reply] = part([ask("what is in the picture")])
    assert (reply.text, reply.complete) == ("dog dog dog", True)
    assert reply.usage.completion_tokens == 4
    assert (reply.usage.calls, reply.usage.cost) == (1, 0.0)


def test_a_token_limit_cuts_an_answer_off() -> None:
    part = chat(max_new_tokens=2)
    end_after(part, 3, len(SPECIAL) + WORDS.index("dog"))
    [reply] = part([ask("what is in the picture")])
    assert (reply.text, reply.complete) == ("dog dog", False)
    assert reply.usage.completion_tokens == 2


def test_loads_a_folder(tmp_path: Path) -> None:
    network().save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    loaded = TransformersChat(tmp_path, max_new_tokens=8)
    assert [r.text for r in loaded(ASKED)] == [r.text for r in chat()(ASKED)]


def test_a_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="preset tiny"):
        TransformersChat(tmp_path / "nowhere")


def test_a_base_model_without_a_template_is_refused() -> None:
    plain = tokenizer()
    plain.chat_template = None
    with pytest.raises(ValueError, match="instruct model"):
        TransformersChat(model=network(), tokenizer=plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"tokenizer": object()}, "or neither"),
    ],
)
def test_refuses_what_makes_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformersChat("nowhere", **options)  # type: ignore[arg-type]


def test_its_identity_follows_its_weights_template_and_limit() -> None:
    first, same, longer = chat(), chat(), chat(max_new_tokens=9)
    other_weights = TransformersChat(model=network(1), tokenizer=tokenizer(), max_new_tokens=8)
    other_template = tokenizer()
    other_template.chat_template = TEMPLATE.replace("say", "answer")
    reworded = TransformersChat(model=network(), tokenizer=other_template, max_new_tokens=8)
    assert first.identity == same.identity
    others = {part.identity for part in (longer, other_weights, reworded)}
    assert len(others | {first.identity}) == 4
    assert not first.waits
