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
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as PreTrainedTokenizer

from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.checkpoints import load_pretrained
from zeroseg.needs import Checkpoint, Need
from zeroseg.values import Usage


class TransformersChat(ChatModel):
    """A causal language model with a chat template, greedy and batched.

    The reference samples from Llama at temperature 0.01; here the most likely token is taken, so
    two runs agree. A conversation's schema is not enforced. Local tokens cost nothing.

    Args:
        checkpoint: Hub name or folder of an instruct model. The paper compares GPT-4 with
            Llama-3-8B-Instruct.
        max_new_tokens: Longest answer in tokens.
        batch_size: Conversations to a forward pass of the network.
        dtype: What the weights are loaded as; "auto" is the precision that they are stored in.
        model: A network already in hand; together with `tokenizer` in place of `checkpoint`.
        tokenizer: The tokenizer of `model`, with a chat template. If it has no padding token, its
            end token is taken.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        ValueError: The tokenizer has no chat template, a number is less than 1, or only one of
            `model` and `tokenizer` is given.
    """

    def __init__(
        self,
        checkpoint: str | Path = "meta-llama/Meta-Llama-3-8B-Instruct",
        *,
        max_new_tokens: int = 256,
        batch_size: int = 8,
        dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
        model: PreTrainedModel | None = None,
        tokenizer: PreTrainedTokenizer | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("max_new_tokens", max_new_tokens), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1")
        if (model is None) != (tokenizer is None):
            raise ValueError("give both `model` and `tokenizer`, or neither")
        loaded: tuple[Any, Any] = (model, tokenizer) if model else self._load(checkpoint, dtype)
        self.model, self.tokenizer = loaded[0].eval(), loaded[1]
        if self.tokenizer.chat_template is None:
            raise ValueError(
                f"the tokenizer of {self.model.config.name_or_path or 'the model'} has no chat "
                f"template; take an instruct model"
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.needs`."""
        dtype = "stored" if arguments["dtype"] == "auto" else str(arguments["dtype"])
        yield Checkpoint(str(arguments["checkpoint"]), ("network", "words"), dtype=dtype)

    def _load(self, checkpoint: str | Path, dtype: str) -> tuple[Any, Any]:
        name = type(self).__name__
        model = load_pretrained(AutoModelForCausalLM, checkpoint, name, dtype=dtype)
        return model, load_pretrained(AutoTokenizer, checkpoint, name)

    @cached_property
    def identity(self) -> str:
        """Name, template and weights, of which each parameter's first values stand for the rest."""
        weights = hashlib.sha256()
        for name, parameter in self.model.named_parameters():
            first = [] if parameter.is_meta else parameter.detach().flatten()[:8].tolist()
            weights.update(f"{name} {parameter.dtype} {tuple(parameter.shape)} {first}".encode())
        template = self.tokenizer.chat_template
        name = self.model.config.name_or_path
        return json.dumps([name, template, weights.hexdigest(), self.max_new_tokens])

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer every conversation; see `ChatModel.forward`."""
        replies: list[Reply] = []
        for start in range(0, len(conversations), self.batch_size):
            replies += self._answer(conversations[start : start + self.batch_size])
        return replies

    @torch.no_grad()
    def _answer(self, conversations: Sequence[Conversation]) -> list[Reply]:
        started = time.monotonic()
        inputs = self.tokenizer(
            [self._text(conversation) for conversation in conversations],
            add_special_tokens=False,
            padding=True,
            padding_side="left",
            return_tensors="pt",
        ).to(self.model.device)
        tokens = self.model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        answers = tokens[:, inputs["input_ids"].shape[1] :].cpu()
        seconds = (time.monotonic() - started) / len(conversations)
        sent = inputs["attention_mask"].sum(1).tolist()
        pairs = zip(answers, sent, strict=True)
        return [self._read(answer, prompt_tokens, seconds) for answer, prompt_tokens in pairs]

    def _text(self, conversation: Conversation) -> str:
        """The conversation in the model's own template, which brings its special tokens along."""
        turns = [{"role": turn.role, "content": turn.content} for turn in conversation.messages]
        text: str = self.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return text

    def _read(self, answer: Tensor, prompt_tokens: int, seconds: float) -> Reply:
        """What was said up to the first end token; without one the answer was cut off."""
        ends = torch.isin(answer, torch.tensor(self._end_tokens())).nonzero()
        length = int(ends[0]) if len(ends) else len(answer)
        usage = Usage(
            calls=1,
            prompt_tokens=prompt_tokens,
            completion_tokens=min(length + 1, len(answer)),
            seconds=seconds,
        )
        text = self.tokenizer.decode(answer[:length], skip_special_tokens=True)
        return Reply(text.strip(), usage, complete=len(ends) > 0)

    def _end_tokens(self) -> list[int]:
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.tokenizer.eos_token_id
        return [ends] if isinstance(ends, int) else list(ends or [])
