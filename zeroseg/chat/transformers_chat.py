"""Chat with instruct models on this machine, through transformers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers import PreTrainedTokenizerBase as PreTrainedTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from typing_extensions import Self

from zeroseg.chat.answer_length import AnswerLength
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Picture, Reply
from zeroseg.chat.chat_template import ChatTemplate, NotWritten
from zeroseg.chat.final_answer import ends_in_thought, is_marked
from zeroseg.errors import ChatError, CheckpointError
from zeroseg.values import Usage
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need

_THOUGHT = "<think>"
_CHANNELS = ("<|channel", "<|close|>", "<|end_message|>", "<|eom|>")
"""In templates with these, thoughts are turns that end as answers do."""
_GRAY = Picture(torch.full((3, 64, 64), 128, dtype=torch.uint8))


class TransformersChat(ChatModel):
    """A language model with a chat template, greedy and batched; with a processor it sees, too.

    The reference samples from Llama at temperature 0.01; here the most likely token is taken, so
    two runs agree. A conversation's schema is not enforced. Local tokens cost nothing.

    Turns are handed to the template in the form that it takes (see `ChatTemplate`). What a model
    thinks stays in the reply with its marks, for `final_answer` to take off. A conversation that
    its template refuses for what it holds, whose picture cannot be processed, or that is longer
    than the model's context goes unanswered alone (`Reply.refused`).

    Args:
        model: The network.
        processor: Its tokenizer, or the processor of a model for images and text; with a chat
            template. If the tokenizer has no padding token, its end token is taken.
        max_new_tokens: Longest answer in tokens; thoughts do not count.
        batch_size: Conversations to a forward pass of the network.
        thinking: Whether the model should think first. It is told where its template can be; some
            models think in any case.
        max_thought_tokens: Longest thought that is waited for. Behind a longer one is no answer.

    Raises:
        CheckpointError: There is no chat template.
        ValueError: A number is less than 1.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        processor: PreTrainedTokenizer | ProcessorMixin,
        *,
        max_new_tokens: int = 256,
        batch_size: int = 8,
        thinking: bool = False,
        max_thought_tokens: int = 2048,
    ) -> None:
        super().__init__()
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.max_thought_tokens = max_thought_tokens
        self.thinking = thinking
        for name in ("max_new_tokens", "batch_size", "max_thought_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        reader: Any = processor
        self.model: Any = model.eval()
        self.processor: Any = reader if hasattr(reader, "image_processor") else None
        self.tokenizer = getattr(reader, "tokenizer", reader)
        self.name = self.model.config.name_or_path or "the model"
        if reader.chat_template is None:
            raise CheckpointError(f"{self.name} has no chat template; take an instruct model")
        self.template = ChatTemplate(reader, self.name, thinking)
        if self.tokenizer.pad_token is None:
            first = self.tokenizer.convert_ids_to_tokens(0)
            self.tokenizer.pad_token = self.tokenizer.eos_token or first

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "meta-llama/Meta-Llama-3-8B-Instruct",
        *,
        dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
        max_new_tokens: int = 256,
        batch_size: int = 8,
        thinking: bool = False,
        max_thought_tokens: int = 2048,
    ) -> Self:
        """Load the network and what prepares conversations for it.

        Args:
            checkpoint: Hub name or folder of an instruct model, of a language model or one for
                images and text. The paper compares GPT-4 with Llama-3-8B-Instruct.
            dtype: What the weights are loaded as; "auto" is the precision that they are stored in.
            max_new_tokens: See the class.
            batch_size: See the class.
            thinking: See the class.
            max_thought_tokens: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, of another network, or has no chat template.
        """
        name = cls.__name__
        sees = cls.sees(load_pretrained(AutoConfig, checkpoint, name).to_dict())
        kind = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        model = load_pretrained(kind, checkpoint, name, dtype=dtype)
        processor = load_pretrained(AutoProcessor if sees else AutoTokenizer, checkpoint, name)
        return cls(
            model,
            processor,
            max_new_tokens=max_new_tokens,
            batch_size=batch_size,
            thinking=thinking,
            max_thought_tokens=max_thought_tokens,
        )

    @staticmethod
    def sees(config: Mapping[str, Any]) -> bool:
        """Whether a checkpoint with this `config.json` is a model for images and text."""
        kinds = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
        if config.get("architectures"):
            return any(architecture in kinds.values() for architecture in config["architectures"])
        return config.get("model_type") in kinds

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        dtype = "stored" if arguments["dtype"] == "auto" else str(arguments["dtype"])
        yield Checkpoint(str(arguments["checkpoint"]), ("network", "words"), dtype=dtype)

    @cached_property
    def identity(self) -> str:
        """Name, template and weights, of which each parameter's first values stand for the rest."""
        weights = hashlib.sha256()
        for name, parameter in self.model.named_parameters():
            first = [] if parameter.is_meta else parameter.detach().flatten()[:8].tolist()
            weights.update(f"{name} {parameter.dtype} {tuple(parameter.shape)} {first}".encode())
        sight = self.processor.image_processor.to_json_string() if self.processor else None
        limits = [self.max_new_tokens, self.thinking, self.max_thought_tokens]
        template = self.template.engine.chat_template
        return json.dumps([self.name, template, weights.hexdigest(), sight, *limits])

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer every conversation; see `ChatModel.forward`.

        Raises:
            ChatError: The template takes no such conversations at all, or a picture is shown to a
                model that sees none.
        """
        replies: dict[int, Reply] = {}
        asked: dict[bool, list[tuple[int, str, list[Picture]]]] = {False: [], True: []}
        for place, conversation in enumerate(conversations):
            shown = self._pictures(conversation.messages)
            try:
                prompt = self.template.prompt(conversation.messages)
                asked[bool(shown)].append((place, prompt, shown))
            except NotWritten as reason:
                replies[place] = _refused(str(reason))
        for group in asked.values():
            for start in range(0, len(group), self.batch_size):
                places, prompts, pictures = zip(
                    *group[start : start + self.batch_size], strict=True
                )
                replies.update(zip(places, self._answer(prompts, pictures), strict=True))
        return [replies[place] for place in range(len(conversations))]

    def _pictures(self, messages: Sequence[Message]) -> list[Picture]:
        pictures = [picture for message in messages for picture in message.pictures]
        if pictures and self.processor is None:
            raise ChatError(
                f"a picture is shown to {self.name}, which reads text only; take a checkpoint for "
                f"images and text, such as Qwen/Qwen2.5-VL-3B-Instruct"
            )
        return pictures

    @torch.no_grad()
    def _answer(self, prompts: Sequence[str], pictures: Sequence[list[Picture]]) -> list[Reply]:
        """The replies to prompts, each refused alone that cannot be read or is too long."""
        started = time.monotonic()
        try:
            inputs = self._inputs(prompts, pictures)
        except Exception as error:  # a processor is a program of somebody else's
            if len(prompts) > 1:
                return self._one_by_one(prompts, pictures)
            self._check_sight(error)
            return [_refused(f"it cannot be made an input of the model: {error}")]
        sent = inputs["attention_mask"].sum(1).tolist()
        room = [self._context - tokens for tokens in sent]
        if min(room) < 1:
            if len(prompts) > 1:
                return self._one_by_one(prompts, pictures)
            return [_refused(f"it has {sent[0]} tokens, and the model reads {self._context}")]
        start = inputs["input_ids"].shape[1]
        openings = [_THOUGHT if ends_in_thought(prompt) else "" for prompt in prompts]
        lengths = AnswerLength(
            self.tokenizer, start, openings, room, self.max_new_tokens, self.max_thought_tokens
        )
        answers = self._generate(inputs, lengths)[:, start:].cpu()
        seconds = (time.monotonic() - started) / len(prompts)
        rows = zip(answers, lengths.lengths, openings, sent, strict=True)
        return [
            self._read(answer[:length], opening, tokens, seconds)
            for answer, length, opening, tokens in rows
        ]

    def _one_by_one(self, prompts: Sequence[str], pictures: Sequence[list[Picture]]) -> list[Reply]:
        pairs = zip(prompts, pictures, strict=True)
        return [reply for prompt, shown in pairs for reply in self._answer([prompt], [shown])]

    def _inputs(
        self, prompts: Sequence[str], pictures: Sequence[list[Picture]]
    ) -> Mapping[str, Tensor]:
        """Prompts, which bring their special tokens along, and pictures as the model takes them."""
        options: dict[str, Any] = {
            "add_special_tokens": False,
            "padding": True,
            "padding_side": "left",
            "return_tensors": "pt",
        }
        if any(pictures):
            shown = [[picture.image() for picture in several] for several in pictures]
            inputs = self.processor(text=list(prompts), images=shown, **options)
        else:
            inputs = self.tokenizer(list(prompts), **options)
            inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        dtype = self.model.dtype
        return {
            name: value.to(self.model.device, dtype if value.is_floating_point() else None)
            for name, value in inputs.items()
        }

    def _check_sight(self, reason: Exception) -> None:
        """See that a plain picture can be shown, so that it is the one at hand that cannot be."""
        prompt = self.template.prompt([Message("user", "Hello", (_GRAY,))])
        try:
            self._inputs([prompt], [[_GRAY]])
        except Exception as error:  # the same program
            raise ChatError(f"the processor of {self.name} cannot be used: {error}") from reason

    def _generate(self, inputs: Mapping[str, Tensor], lengths: AnswerLength) -> Tensor:
        tokens: Tensor = self.model.generate(
            **inputs,
            max_new_tokens=min(self.max_new_tokens + self.max_thought_tokens, max(lengths.room)),
            stopping_criteria=[lengths],
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self._end_tokens or None,
        )
        return tokens

    def _read(self, answer: Tensor, opening: str, prompt_tokens: int, seconds: float) -> Reply:
        """What was said up to the first end token; without one the answer was cut off."""
        ends = torch.isin(answer, torch.tensor(self._end_tokens)).nonzero()
        length = int(ends[0]) if len(ends) else len(answer)
        usage = Usage(
            calls=1,
            prompt_tokens=prompt_tokens,
            completion_tokens=min(length + 1, len(answer)),
            seconds=seconds,
        )
        text = opening + self.tokenizer.decode(answer[:length], skip_special_tokens=False)
        if not is_marked(text):
            text = self.tokenizer.decode(answer[:length], skip_special_tokens=True)
        return Reply(text.strip(), usage, complete=len(ends) > 0)

    @cached_property
    def _context(self) -> int:
        """The most tokens that the model reads, prompt and answer together."""
        config = self.model.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or 2**31)

    @cached_property
    def _end_tokens(self) -> list[int]:
        """All that end an answer: the model's, its tokenizer's, and what its template writes.

        The last of these not where it may end a thought, too.
        """
        config = self.model.config
        found = {self.tokenizer.eos_token_id}
        for told in (self.model.generation_config, config, config.get_text_config()):
            ends = getattr(told, "eos_token_id", None)
            found.update(ends if isinstance(ends, list) else [ends])
        behind = self.template.turn_end()
        if not any(mark in str(self.template.engine.chat_template) for mark in _CHANNELS):
            vocabulary = self.tokenizer.get_added_vocab()
            found.update(i for token, i in vocabulary.items() if token and behind.startswith(token))
        return sorted(found - {None})


def _refused(reason: str) -> Reply:
    return Reply("", Usage(refused=1), complete=False, refused=reason)
