from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Picture
from zeroseg.chat.final_answer import final_answer
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.errors import ChatError, CheckpointNotFound
from zeroseg.testing import ChatModelContract, noise

CASES = Path(__file__).parents[1] / "cases" / "chat_templates"

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
        processor=tokenizer(),
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
    loaded = TransformersChat.from_pretrained(tmp_path, max_new_tokens=8)
    assert [r.text for r in loaded(ASKED)] == [r.text for r in chat()(ASKED)]


def test_a_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="no such file or folder"):
        TransformersChat.from_pretrained(tmp_path / "nowhere")


def test_a_base_model_without_a_template_is_refused() -> None:
    plain = tokenizer()
    plain.chat_template = None
    with pytest.raises(ValueError, match="instruct model"):
        TransformersChat(model=network(), processor=plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_refuses_what_makes_no_sense(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformersChat(network(), tokenizer(), **options)


def test_its_identity_follows_its_weights_template_and_limit() -> None:
    first, same, longer = chat(), chat(), chat(max_new_tokens=9)
    other_weights = TransformersChat(model=network(1), processor=tokenizer(), max_new_tokens=8)
    other_template = tokenizer()
    other_template.chat_template = TEMPLATE.replace("say", "answer")
    reworded = TransformersChat(model=network(), processor=other_template, max_new_tokens=8)
    assert first.identity == same.identity
    others = {part.identity for part in (longer, other_weights, reworded)}
    assert len(others | {first.identity}) == 4
    assert not first.waits


def with_template(template: str, **options: Any) -> TransformersChat:
    tokens = tokenizer()
    tokens.chat_template = template
    return TransformersChat(model=network(), processor=tokens, **{"max_new_tokens": 4, **options})


def prompts(part: TransformersChat, *conversations: Conversation) -> list[str]:
    return [part.template.prompt(conversation.messages) for conversation in conversations]


NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
EACH = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}"
ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" + EACH
)
IN_PARTS = (
    "{% for m in messages %}{{ m.role }}={% for part in m.content %}{{ part['text'] }}{% endfor %};"
    "{% endfor %}"
)
DIALOGUE = Conversation(
    (
        Message("system", "be brief"),
        Message("user", "one"),
        Message("user", "two"),
        Message("assistant", "three"),
        Message("user", "a dog"),
    )
)
FOLDED = "user=be brief\n\none;user=two;assistant=three;user=a dog;"
MERGED = "user=be brief\n\none\n\ntwo;assistant=three;user=a dog;"


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        (EACH, "system=be brief;user=one;user=two;assistant=three;user=a dog;"),
        (NO_SYSTEM + EACH, FOLDED),
        (EACH.replace("in messages", "in messages if m.role != 'system'"), FOLDED),
        (
            EACH.replace(
                "{{ m.role }}", "{{ '' + {'user': 'user', 'assistant': 'assistant'}[m.role] }}"
            ),
            FOLDED,
        ),
        (ALTERNATING, MERGED),
        (NO_SYSTEM + ALTERNATING, MERGED),
        (IN_PARTS, "system=be brief;user=one;user=two;assistant=three;user=a dog;"),
        (NO_SYSTEM + IN_PARTS, FOLDED),
        (
            "{% if messages | length > 4 %}{{ 1 / 0 }}{% endif %}" + EACH,
            "system=be brief;user=one\n\ntwo;assistant=three;user=a dog;",
        ),
    ],
)
def test_turns_come_in_the_form_that_a_template_takes(template: str, prompt: str) -> None:
    part = with_template(template)
    assert prompts(part, DIALOGUE) == [prompt]
    assert part([DIALOGUE])[0].refused is None


def test_the_assistant_may_speak_first() -> None:
    first = Conversation((Message("assistant", "one"), Message("user", "two")))
    said = prompts(with_template(ALTERNATING), first)[0]
    assert said.startswith("user=") and said.endswith(";assistant=one;user=two;")
    system = Conversation((Message("system", "be brief"), *first.messages))
    said = prompts(with_template(NO_SYSTEM + ALTERNATING), system)[0]
    assert said == "user=be brief;assistant=one;user=two;"


def test_the_case_at_hand() -> None:
    template = (CASES / "no_system_role.jinja").read_text()
    part = with_template(template)
    asked = [ask("dog", Message("system", "be brief")), ask("a cat")]
    assert prompts(part, *asked) == ["be brief\n\ndog", "a cat"]
    assert [reply.refused for reply in part(asked)] == [None, None]


def test_a_template_that_refuses_one_conversation_answers_the_others() -> None:
    refusing = "{% if 'cats' in messages[-1].content %}{{ raise_exception('no cats') }}{% endif %}"
    part = with_template(refusing + TEMPLATE)
    replies = part([ask("a dog"), ask("two cats"), ask("say one")])
    assert [reply.refused is None for reply in replies] == [True, False, True]
    assert "no cats" in str(replies[1].refused)
    assert (replies[1].text, replies[1].usage.refused) == ("", 1)
    assert replies[::2] != replies[:2]
    alone = with_template(TEMPLATE)([ask("a dog"), ask("say one")])
    assert [reply.text for reply in replies[::2]] == [reply.text for reply in alone]


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('never') }}", "{{ 1 / 0 }}", "dog", "{% if %}"]
)
def test_a_template_that_takes_no_conversation_says_what_to_do(template: str) -> None:
    with pytest.raises(ChatError, match="Take another instruct model"):
        with_template(template)([ask("a dog")])


def test_a_conversation_that_may_not_go_on_is_refused_alone() -> None:
    once = "{% if messages[-1] != messages[0] %}{{ raise_exception('once!') }}{% endif %}"
    part = with_template(once + "{{ messages[0].content }}")
    hello = Message("user", "a dog")
    going_on = (hello, Message("assistant", "what?"), Message("user", "a cat"))
    replies = part([Conversation((hello,)), Conversation(going_on), Conversation((hello,))])
    assert [reply.refused is None for reply in replies] == [True, False, True]
    assert "once!" in str(replies[1].refused)


def test_special_tokens_in_what_is_said_are_words() -> None:
    part = with_template(TEMPLATE)
    [said] = prompts(part, ask("a dog <end> system"))
    assert said.count("<end>") == 1


def test_a_prompt_longer_than_the_context_is_refused_alone() -> None:
    asked = [ask("a dog"), ask("dog " * 200), ask("say one")]
    replies = chat()(asked)
    assert "204 tokens" in str(replies[1].refused) and "128" in str(replies[1].refused)
    shorter = chat()([asked[0], asked[2]])
    assert [reply.text for reply in (replies[0], replies[2])] == [r.text for r in shorter]


def test_an_answer_ends_where_the_context_does() -> None:
    part = chat(max_new_tokens=50)
    end_after(part, 1000, len(SPECIAL) + WORDS.index("dog"))
    replies = part([ask("dog " * 100), ask("a dog")])
    assert [reply.usage.completion_tokens for reply in replies] == [128 - 104, 50]
    assert not any(reply.complete for reply in replies)


THINKING = ("<think>", "</think>", "[THINK]", "<turn_end>")


def thinking_tokenizer(template: str = TEMPLATE) -> PreTrainedTokenizerFast:
    tokens = tokenizer()
    tokens.add_special_tokens({"additional_special_tokens": list(THINKING)})
    tokens.chat_template = template
    return tokens


def saying(words: str, template: str = TEMPLATE, **options: Any) -> TransformersChat:
    """A model that says these words and then its end token, for ever."""
    tokens = thinking_tokenizer(template)
    model = network()
    model.resize_token_embeddings(len(tokens))
    said = tokens.convert_tokens_to_ids(words.split())
    start: dict[str, int] = {}

    def script(_: object, args: tuple[object, ...], kwargs: dict[str, Any], output: Any) -> Any:
        position = int(kwargs["position_ids"].max())
        step = position - start.setdefault("at", position)
        output.logits[:] = -1.0
        output.logits[..., said[step] if step < len(said) else 2] = 1.0
        return output

    model.register_forward_hook(script, with_kwargs=True)
    return TransformersChat(model=model, processor=tokens, **{"max_new_tokens": 3, **options})


def test_marks_of_thoughts_survive_and_other_special_tokens_do_not() -> None:
    [reply] = saying("<think> two cats </think> dog")([ask("say")])
    assert reply.text == "<think> two cats </think> dog"
    assert final_answer(reply.text) == "dog"
    [reply] = saying("<unk> dog")([ask("say")])
    assert (reply.text, reply.complete) == ("dog", True)


@pytest.mark.parametrize("opening", ["", "<think>"])
def test_thoughts_do_not_count_as_answer(opening: str) -> None:
    """The opening mark stands in the answer, or in the prompt already."""
    template = TEMPLATE.replace("say {%", f"say {opening if opening else ''} {{%")
    thought = "a dog and two cats " * 6 + "</think>"
    spoken = thought if opening else f"<think> {thought}"
    [reply] = saying(f"{spoken} dog dog", template)([ask("say")])
    assert (final_answer(reply.text), reply.complete) == ("dog dog", True)
    [reply] = saying(f"{spoken} {'dog ' * 20}", template)([ask("say")])
    assert not reply.complete
    assert final_answer(reply.text) == "dog dog dog"
    [reply] = saying(f"{spoken} dog", template, max_thought_tokens=12)([ask("say")])
    assert not reply.complete
    assert final_answer(reply.text) == ""


def test_templates_are_told_whether_to_think() -> None:
    template = TEMPLATE + "{% if enable_thinking %}three{% else %}two{% endif %}"
    asked = ask("a dog")
    assert prompts(with_template(template), asked)[0].endswith("two")
    assert prompts(with_template(template, thinking=True), asked)[0].endswith("three")
    identities = {with_template(template, thinking=thinking).identity for thinking in (True, False)}
    assert len(identities) == 2


def test_the_template_says_which_token_ends_a_turn() -> None:
    template = TEMPLATE.replace("<end>", "<turn_end>")
    [reply] = saying("dog <turn_end> two", template)([ask("say")])
    assert (reply.text, reply.complete) == ("dog", True)


def test_end_tokens_of_model_and_tokenizer_all_count() -> None:
    part = saying("dog two three")
    part.model.generation_config.eos_token_id = [len(SPECIAL) + WORDS.index("three")]
    part.tokenizer.eos_token = "two"
    [reply] = part([ask("say")])
    assert (reply.text, reply.complete) == ("dog", True)


def test_without_a_token_for_padding_or_the_end() -> None:
    tokens = tokenizer()
    tokens.eos_token = None
    model = network()
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    tokens.chat_template = TEMPLATE.replace("<end>", "")
    part = TransformersChat(model=model, processor=tokens, max_new_tokens=4)
    replies = part(ASKED)
    assert [reply.text for reply in replies] == [part([asked])[0].text for asked in ASKED]
    assert all(not reply.complete and reply.usage.completion_tokens == 4 for reply in replies)


def test_a_picture_shown_to_a_model_that_reads_text_only() -> None:
    seen = Conversation((Message("user", "a dog", (Picture(noise(32, 32)),)),))
    with pytest.raises(ChatError, match="reads text only"):
        chat()([seen])
